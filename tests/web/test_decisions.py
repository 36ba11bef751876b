"""`/v1/decisions/{id}` and its label."""

from flask.testing import FlaskClient

from moderation.actions.labelling import read_label_log
from moderation.actions.review import count_held
from moderation.actions.services import Services
from moderation.actions.sites import add_site
from tests.web.conftest import HOLD_ALL, Blog

OTHER_KEY = "ba9876543210"


def test_a_decision_reads_back_as_it_was_answered(blog: Blog) -> None:
    """The stored decision equals the answered one, to the last digit, and adds spans and facts known since."""
    answered = blog.call("POST", "/v1/score?spans=true", {"text": "Hello there", "author": "Ann"}).get_json()
    assert "similar_comments" not in answered
    stored = blog.call("GET", f"/v1/decisions/{answered['id']}").get_json()
    assert any("spans" in reason for reason in stored["reasons"])
    assert stored == {**answered, "similar_comments": [], "opinion": None}


def test_similar_comments_come_with_a_decision(blog: Blog, services: Services, client: FlaskClient) -> None:
    """Labels of similar comments are included, but never those of another site or withdrawn ones."""
    place = f"/v1/decisions/{blog.score('Sheds of oak, sent to any garden')['id']}"
    like = blog.score("Sheds of oak and pine, sent to any garden")
    label = blog.call("PUT", f"/v1/decisions/{like['id']}/label", {"label": "spam"}).get_json()
    (similar,) = blog.call("GET", place).get_json()["similar_comments"]
    assert (similar["text"], similar["label"]) == ("Sheds of oak and pine, sent to any garden", label)
    assert 0.3 <= similar["similarity"] < 1
    add_site(services, "https://outsider.example", OTHER_KEY)
    stranger = {"Authorization": f"Bearer {OTHER_KEY}"}
    decision = client.post("/v1/score", json={"text": "Sheds of oak, sent to any garden"}, headers=stranger).get_json()
    assert client.get(f"/v1/decisions/{decision['id']}", headers=stranger).get_json()["similar_comments"] == []
    blog.call("DELETE", f"/v1/decisions/{like['id']}/label")
    assert blog.call("GET", place).get_json()["similar_comments"] == []


def test_a_label_can_be_given_changed_and_withdrawn(blog: Blog) -> None:
    """The last label counts; withdrawing leaves none; both can be repeated."""
    place = f"/v1/decisions/{blog.score('Hello there')['id']}"
    for value in ("spam", "ham", "ham"):
        response = blog.call("PUT", f"{place}/label", {"label": value})
        assert response.status_code == 200 and response.get_json()["value"] == value
        assert blog.call("GET", place).get_json()["label"]["value"] == value
    assert blog.call("GET", place).get_json()["label"]["channel"] == "api"
    for _ in range(2):
        assert blog.call("DELETE", f"{place}/label").status_code == 204
        assert blog.call("GET", place).get_json()["label"] is None


def test_a_label_takes_the_comment_out_of_the_queue(blog: Blog) -> None:
    """A comment that its blog has labelled needs no moderator."""
    blog.set_thresholds(HOLD_ALL)
    decision = blog.score("Hello there")
    assert count_held(blog.services) == 1
    blog.call("PUT", f"/v1/decisions/{decision['id']}/label", {"label": "ham"})
    assert count_held(blog.services) == 0


def test_decisions_of_other_sites_do_not_exist(blog: Blog, services: Services, client: FlaskClient) -> None:
    """Another site's key gets the same 404 as for an unknown id."""
    place = f"/v1/decisions/{blog.score('Hello there')['id']}"
    add_site(services, "https://outsider.example", OTHER_KEY)
    stranger = {"Authorization": f"Bearer {OTHER_KEY}"}
    assert client.get(place, headers=stranger).status_code == 404
    assert client.put(f"{place}/label", json={"label": "spam"}, headers=stranger).status_code == 404
    assert client.delete(f"{place}/label", headers=stranger).status_code == 404


def test_malformed_ids_are_not_found(blog: Blog) -> None:
    """A malformed id gets 404."""
    for odd in ("0" * 32, "nonsense", "%00", "A" * 32, "x" * 5000):
        assert blog.call("GET", f"/v1/decisions/{odd}").status_code == 404
        assert blog.call("DELETE", f"/v1/decisions/{odd}/label").status_code == 404


def test_a_label_is_ham_or_spam(blog: Blog) -> None:
    """Anything else gets 422."""
    place = f"/v1/decisions/{blog.score('Hello there')['id']}/label"
    bodies: list[object] = [{"label": "maybe"}, {"label": None}, {}, {"label": "ham", "who": "me"}, []]
    for odd in bodies:
        assert blog.call("PUT", place, odd).status_code == 422


def test_every_verb_can_follow_every_other(blog: Blog) -> None:
    """Ham, spam, removal and forgetting, in any order: the last one counts, and the log has them all."""
    blog.set_thresholds(HOLD_ALL)
    decision_id = blog.score("Hello there")["id"]
    place = f"/v1/decisions/{decision_id}"
    body = {"labelled_by": "ann", "reason": "I said so"}
    verbs = ["spam", "ham", "remove", "spam", "forget", "remove", "forget", "ham", "remove", "ham", "forget"]
    for verb in verbs:
        if verb == "forget":
            assert blog.call("DELETE", f"{place}/label").status_code == 204
        elif verb == "remove":
            answer = blog.call("PUT", f"{place}/removal", body).get_json()
            assert (answer["value"], answer["removes"], answer["labelled_by"]) == (None, True, "ann")
        else:
            assert blog.call("PUT", f"{place}/label", {"label": verb, **body}).get_json()["reason"] == "I said so"
        label = blog.call("GET", place).get_json()["label"]
        assert (label and label["value"]) == (verb if verb in ("ham", "spam") else None)
        assert count_held(blog.services) == (verb == "forget")
    assert [entry.label.verb for entry in read_label_log(blog.services, blog.site, decision_id)] == verbs[::-1]


def test_a_client_says_that_a_label_is_one_of_many(blog: Blog) -> None:
    """The origin is that of the request; no client can pass a label off as one of a file."""
    place = f"/v1/decisions/{blog.score('Hello there')['id']}/label"
    assert blog.call("PUT", place, {"label": "ham", "origin": "sweep"}).get_json()["origin"] == "sweep"
    assert blog.call("PUT", place, {"label": "spam", "origin": "import"}).status_code == 422
    assert blog.call("PUT", place, {"label": "spam", "reason": "x" * 501}).status_code == 422


def test_a_blog_trusts_an_author(blog: Blog) -> None:
    """The rule is met by the next comment with the id, and forgotten with a null standing; other ids are unaffected."""
    rule = {"fact": "id", "value": "42", "standing": "trusted", "days": 90, "set_by": "ann", "reason": "a regular"}
    answer = blog.call("PUT", "/v1/author-rules", rule).get_json()
    assert (answer["standing"], answer["set_by"], answer["channel"]) == ("trusted", "ann", "api")
    codes = {
        author: [reason["code"] for reason in blog.score("Hello there", author_id=author)["reasons"]]
        for author in ("42", "43")
    }
    assert "TRUSTED_AUTHOR" in codes["42"] and "TRUSTED_AUTHOR" not in codes["43"]
    assert blog.call("PUT", "/v1/author-rules", rule | {"standing": None}).status_code == 204
    assert "TRUSTED_AUTHOR" not in str(blog.score("Hello there", author_id="42"))
    assert blog.call("PUT", "/v1/author-rules", rule | {"days": 30.0}).status_code == 200
    for unusable in ({"value": " "}, {"value": "\x1f"}, {"value": "a,b"}, {"days": 1.5}, {"days": 0}):
        assert blog.call("PUT", "/v1/author-rules", rule | unusable).status_code == 422
