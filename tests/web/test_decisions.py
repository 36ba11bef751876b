"""`/v1/decisions/{id}` and its label."""

from flask.testing import FlaskClient

from moderation.actions.access import add_site
from moderation.actions.desk import Desk
from moderation.actions.review import count_held
from tests.web.conftest import HOLD_ALL, Blog

OTHER_KEY = "ba9876543210"


def test_a_decision_reads_back_as_it_was_answered(blog: Blog) -> None:
    """The stored decision is the answered one, to the last digit; what is asked of its neighbours comes on top."""
    told = blog.score("Hello there", author="Ann")
    assert "neighbours" not in told
    assert blog.call("GET", f"/v1/decisions/{told['id']}").get_json() == {**told, "neighbours": []}


def test_neighbours_come_with_a_decision(blog: Blog, desk: Desk, client: FlaskClient) -> None:
    """What was said of a comment like this one, whoever asks in whatever order; another site's word is not told."""
    place = f"/v1/decisions/{blog.score('Sheds of oak, sent to any garden')['id']}"
    like = blog.score("Sheds of oak and pine, sent to any garden")
    label = blog.call("PUT", f"/v1/decisions/{like['id']}/label", {"label": "spam"}).get_json()
    (found,) = blog.call("GET", place).get_json()["neighbours"]
    assert (found["text"], found["label"]) == ("Sheds of oak and pine, sent to any garden", label)
    assert 0.3 <= found["alike"] < 1
    add_site(desk, "https://outsider.example", OTHER_KEY)
    stranger = {"Authorization": f"Bearer {OTHER_KEY}"}
    told = client.post("/v1/score", json={"text": "Sheds of oak, sent to any garden"}, headers=stranger).get_json()
    assert client.get(f"/v1/decisions/{told['id']}", headers=stranger).get_json()["neighbours"] == []
    blog.call("DELETE", f"/v1/decisions/{like['id']}/label")
    assert blog.call("GET", place).get_json()["neighbours"] == []


def test_a_label_can_be_given_changed_and_taken_back(blog: Blog) -> None:
    """The last word holds; taking it back leaves none; both can be said twice."""
    place = f"/v1/decisions/{blog.score('Hello there')['id']}"
    for value in ("spam", "ham", "ham"):
        reply = blog.call("PUT", f"{place}/label", {"label": value})
        assert reply.status_code == 200 and reply.get_json()["value"] == value
        assert blog.call("GET", place).get_json()["label"]["value"] == value
    assert blog.call("GET", place).get_json()["label"]["source"] == "api"
    for _ in range(2):
        assert blog.call("DELETE", f"{place}/label").status_code == 204
        assert blog.call("GET", place).get_json()["label"] is None


def test_a_label_takes_the_comment_out_of_the_queue(blog: Blog) -> None:
    """What the blog has settled needs no moderator."""
    blog.draw(HOLD_ALL)
    told = blog.score("Hello there")
    assert count_held(blog.desk) == 1
    blog.call("PUT", f"/v1/decisions/{told['id']}/label", {"label": "ham"})
    assert count_held(blog.desk) == 0


def test_decisions_of_other_sites_do_not_exist(blog: Blog, desk: Desk, client: FlaskClient) -> None:
    """An outsider with a key of its own gets the same 404 as for an id that nobody has."""
    place = f"/v1/decisions/{blog.score('Hello there')['id']}"
    add_site(desk, "https://outsider.example", OTHER_KEY)
    stranger = {"Authorization": f"Bearer {OTHER_KEY}"}
    assert client.get(place, headers=stranger).status_code == 404
    assert client.put(f"{place}/label", json={"label": "spam"}, headers=stranger).status_code == 404
    assert client.delete(f"{place}/label", headers=stranger).status_code == 404


def test_ids_that_cannot_be_are_not_found(blog: Blog) -> None:
    """No id reaches the database that could not have come from us."""
    for odd in ("0" * 32, "nonsense", "%00", "A" * 32, "x" * 5000):
        assert blog.call("GET", f"/v1/decisions/{odd}").status_code == 404
        assert blog.call("DELETE", f"/v1/decisions/{odd}/label").status_code == 404


def test_a_label_is_ham_or_spam(blog: Blog) -> None:
    """Anything else is refused by name."""
    place = f"/v1/decisions/{blog.score('Hello there')['id']}/label"
    bodies: list[object] = [{"label": "maybe"}, {"label": None}, {}, {"label": "ham", "who": "me"}, []]
    for odd in bodies:
        assert blog.call("PUT", place, odd).status_code == 422
