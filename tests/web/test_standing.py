"""Where a site stands is shown wherever its policy is: in each answer, and in the queue."""

from moderation.actions.access import find_site
from moderation.actions.standing import renew
from tests.calibration import write_past
from tests.web.conftest import BLOG, HOLD_ALL, Blog, Browser
from tests.web.test_openapi import conforms, document


def climb(blog: Blog, probabilities: list[float]) -> None:
    write_past(blog.desk, blog.site, probabilities)
    renew(blog.desk, find_site(blog.desk, BLOG))


def test_an_answer_names_the_step_and_the_certificates(blog: Blog) -> None:
    """Nothing at first, a review line, both lines; and none for lines that the operator drew."""
    told = document(blog.client)
    assert blog.score("Hello")["standing"] == {"step": "observe", "review": None, "spam": None}
    climb(blog, [0.1] * 59)
    held = blog.score("Hello")
    conforms(told, "DecisionReply", held)
    assert held["standing"]["step"] == "hold" and held["standing"]["spam"] is None
    assert held["standing"]["review"]["line"] == held["thresholds"]["review"]
    assert held["standing"]["review"]["bound"] <= held["standing"]["review"]["allowed"] == 0.05
    climb(blog, [0.2] * 539)
    blocking = blog.score("Hello")
    conforms(told, "DecisionReply", blocking)
    assert blocking["standing"]["step"] == "block" and blocking["standing"]["spam"]["n"] == 598
    assert blog.call("GET", f"/v1/decisions/{held['id']}").get_json()["standing"] == held["standing"]
    assert blog.call("POST", "/v1/score/batch", {"comments": [{"text": "x"}]}).get_json()["decisions"][0]["standing"]
    blog.draw(HOLD_ALL)
    assert blog.score("Hello")["standing"] is None


def test_a_page_of_the_queue_shows_where_each_site_stands(blog: Blog, mara: Browser) -> None:
    """Site, step, what is certified, and a sentence on what the next step needs."""
    page = mara.get("/queue/sites").text
    assert "Where the sites stand" in page and "<td>observe</td>" in page
    assert "The review line is certified from 59 good comments; there are 0." in page
    assert "<td>too few comments</td>" in page
    climb(blog, [0.1] * 598)
    page = mara.get("/queue/sites").text
    assert "<td>block</td>" in page and "at most 0.5 %, 95 % sure" in page
    blog.draw(HOLD_ALL)
    assert "<td>its own lines</td>" in mara.get("/queue/sites").text


def test_an_item_shows_the_lines_it_was_judged_by(blog: Blog, mara: Browser) -> None:
    """As they were then: the site's own, or those of its step."""
    blog.draw(HOLD_ALL)
    blog.score("Is that so?")
    assert "nothing is spam, by the site’s own lines" in mara.get("/queue").text


def test_without_a_site_that_page_says_how_one_comes_about(mara: Browser) -> None:
    """The first page of a new house is no empty table."""
    assert "moderation site add" in mara.get("/queue/sites").text
