"""Where thresholds are shown, so is the rollout of the site: in each response, and on the pages of the queue."""

import re

import pytest

from moderation.actions.rollout import recalibrate, set_rollout
from moderation.actions.sites import find_site
from moderation.domain.budget import RolloutMode
from moderation.domain.thresholds import Thresholds
from tests.labelled_decisions import insert_labelled_decisions
from tests.web.conftest import BLOG, HOLD_ALL, Blog, Browser
from tests.web.test_openapi import assert_conforms, document


def recalibrate_after(blog: Blog, probabilities: list[float]) -> None:
    insert_labelled_decisions(blog.services, blog.site, probabilities)
    recalibrate(blog.services, find_site(blog.services, BLOG))


def test_a_response_has_the_stage_and_the_guarantees(blog: Blog) -> None:
    """No guarantee at first, then one for each threshold; no calibration for thresholds that an operator set."""
    spec = document(blog.client)
    assert blog.score("Hello")["calibration"] == {
        "stage": "observe",
        "review": None,
        "spam": None,
        "review_lowering": 0.0,
        "general": None,
        "protection": "No guarantee yet: only blatant spam is blocked, without a guarantee.",
        "would_be": None,
    }
    recalibrate_after(blog, [0.1] * 59)
    hold = blog.score("Hello again")
    assert_conforms(spec, "DecisionResponse", hold)
    assert hold["calibration"]["stage"] == "hold" and hold["calibration"]["spam"] is None
    assert hold["calibration"]["review"]["threshold"] == hold["thresholds"]["review"]
    assert hold["calibration"]["review"]["bound"] <= hold["calibration"]["review"]["max_rate"] == 0.05
    recalibrate_after(blog, [0.2] * 539)
    block = blog.score("Hello a third time")
    assert_conforms(spec, "DecisionResponse", block)
    assert block["calibration"]["stage"] == "block" and block["calibration"]["spam"]["n"] == 598
    assert blog.call("GET", f"/v1/decisions/{hold['id']}").get_json()["calibration"] == hold["calibration"]
    assert blog.call("POST", "/v1/score/batch", {"comments": [{"text": "x"}]}).get_json()["decisions"][0]["calibration"]
    blog.set_thresholds(HOLD_ALL)
    assert blog.score("Hello a fourth time")["calibration"] is None


def test_a_response_says_what_would_have_been(blog: Blog) -> None:
    """A site that only logs publishes, and its thresholds give the other verdict."""
    blog.set_thresholds(HOLD_ALL)
    set_rollout(blog.services, BLOG, RolloutMode.LOG)
    answer = blog.score("Hello")
    assert_conforms(document(blog.client), "DecisionResponse", answer)
    assert (answer["verdict"], answer["calibration"]["would_be"]) == ("publish", "review")
    assert answer["calibration"]["stage"] == "log" and "only logs" in answer["calibration"]["protection"]


def test_the_sites_page_shows_the_rollout_of_each_site(blog: Blog, mara: Browser) -> None:
    """Stage, guarantees, and the number of ham comments that the next stage needs."""
    page = mara.get("/queue/sites").text
    assert ">observe</dd>" in page and "No guarantee yet: only blatant spam is blocked" in page
    assert re.search(r"\b59\b", page)
    recalibrate_after(blog, [0.1] * 598)
    page = mara.get("/queue/sites").text
    assert ">block</dd>" in page and "With 95 % confidence, at most 0.5 % of this site" in page
    blog.set_thresholds(HOLD_ALL)
    assert ">own thresholds</dd>" in mara.get("/queue/sites").text


@pytest.mark.parametrize(("review", "shown"), [(0.001, "0.1 %"), (0.0625, "6 %"), (1e-12, "0 %")])
def test_an_item_shows_the_threshold_that_held_it(blog: Blog, mara: Browser, review: float, shown: str) -> None:
    """The threshold at the time of the decision, also after it was changed."""
    blog.set_thresholds(Thresholds(review, 1.0, 1.0))
    probability = blog.score("Best casino bonus, buy cheap pills now")["probability"]
    blog.set_thresholds(Thresholds(0.9, 1.0, 1.0))
    percent = f"{int(100 * probability)} %"
    assert f"Held: {percent} spam, above this site’s review threshold ({shown})" in mara.get("/queue").text


def test_without_a_site_the_page_names_the_command_to_add_one(mara: Browser) -> None:
    """A new installation shows the next step, not an empty table."""
    assert "moderation site add" in mara.get("/queue/sites").text
