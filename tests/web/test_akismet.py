"""The Akismet channel, byte by byte as its clients expect it."""

import re
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.actions.author_rules import set_author_rule
from moderation.actions.check import find_decision
from moderation.actions.review import count_held
from moderation.actions.sites import set_akismet_review
from moderation.domain.authors import AuthorFact, Standing
from moderation.domain.decision import LabelValue
from moderation.domain.site import AkismetReviewSettings
from moderation.domain.thresholds import Thresholds
from tests.web.conftest import (
    BLOG,
    DISCARD_ALL,
    HOLD_ALL,
    KEY,
    PUBLISH_ALL,
    SPAM_ALL,
    Blog,
)

CHECK = "/1.1/comment-check"
THANKS = b"Thanks for making the web a better place."


def checked_body(response: TestResponse) -> bytes:
    """Return the body of a response after checking the requirements of every response."""
    assert response.status_code == 200
    assert response.content_type == "text/plain; charset=utf-8"
    body: bytes = response.data
    assert response.headers["Content-Length"] == str(len(body))
    return body


def test_a_good_key_is_valid(client: FlaskClient, blog: Blog) -> None:
    """In `key` or `api_key`, by GET or POST, in either case; a good response carries no debug help."""
    for name in ("key", "api_key"):
        for sent in (KEY, KEY.upper()):
            fields = {name: sent, "blog": BLOG}
            for response in (
                client.post("/1.1/verify-key", data=fields),
                client.get(f"/1.1/verify-key?{urlencode(fields)}"),
            ):
                assert checked_body(response) == b"valid"
                assert "X-akismet-debug-help" not in response.headers


@pytest.mark.parametrize(
    "fields", [{"key": "INVALID_TEST_KEY", "blog": BLOG}, {"key": "ffffffffffff", "blog": BLOG}, {"blog": BLOG}, {}]
)
def test_verify_key_calls_a_bad_key_invalid_without_help(
    client: FlaskClient, blog: Blog, fields: dict[str, str]
) -> None:
    """The Laravel client raises an error for any debug help, and then cannot tell a wrong key from a failure."""
    response = client.post("/1.1/verify-key", data=fields)
    assert checked_body(response) == b"invalid" and "X-akismet-debug-help" not in response.headers


@pytest.mark.parametrize("blog_address", [None, "", "http://[", "ftp://blog.example.org"])
def test_verify_key_names_a_bad_blog(client: FlaskClient, blog: Blog, blog_address: str | None) -> None:
    """The key is right, so the debug help is the only sign of what is wrong."""
    sent = {} if blog_address is None else {"blog": blog_address}
    response = client.post("/1.1/verify-key", data={"key": KEY, **sent})
    assert checked_body(response) == b"invalid" and response.headers["X-akismet-debug-help"]


@pytest.mark.parametrize("endpoint", ["comment-check", "submit-spam", "submit-ham"])
def test_a_bad_key_is_invalid_everywhere(client: FlaskClient, blog: Blog, endpoint: str) -> None:
    """No verdict and no label without a key."""
    response = client.post(f"/1.1/{endpoint}", data={"api_key": "nonsense", "blog": BLOG, "user_ip": "192.0.2.7"})
    assert checked_body(response) == b"invalid" and response.headers["X-akismet-debug-help"]


def test_the_key_may_be_the_first_label_of_the_host(client: FlaskClient, blog: Blog) -> None:
    """Many clients send the key nowhere else; host names that werkzeug refuses count as well."""
    for host in (f"{KEY}.rest.example.org", f"{KEY}.re_st.example:8000", KEY):
        response = client.post(CHECK, data={"blog": BLOG, "user_ip": ""}, headers={"Host": host})
        assert checked_body(response) in (b"true", b"false")


def test_a_parameter_s_key_goes_before_the_host_s(client: FlaskClient, blog: Blog) -> None:
    """`api_key`, then `key`, then the host: the first that is filled counts."""
    fields = {"api_key": "", "key": KEY, "blog": BLOG, "user_ip": ""}
    assert checked_body(client.post(CHECK, data=fields, headers={"Host": "ffffffffffff.rest.example"})) != b"invalid"
    fields["api_key"] = "ffffffffffff"
    assert checked_body(client.post(CHECK, data=fields, headers={"Host": f"{KEY}.rest.example"})) == b"invalid"


def test_a_changed_key_is_verified_by_its_own_parameter(client: FlaskClient, blog: Blog) -> None:
    """WordPress sends the new key in `key` and the stored one in `api_key`: the answer is about the new one."""
    for endpoint in ("verify-key", "get-subscription"):
        mistyped = {"key": "ffffffffffff", "api_key": KEY, "blog": BLOG}
        assert client.post(f"/1.1/{endpoint}", data=mistyped).data == b"invalid"
        mended = {"key": KEY, "api_key": "ffffffffffff", "blog": BLOG}
        assert client.post(f"/1.1/{endpoint}", data=mended).data != b"invalid"


@pytest.mark.parametrize(
    ("thresholds", "body", "tip"),
    [
        (PUBLISH_ALL, b"false", None),
        (HOLD_ALL, b"true", None),
        (SPAM_ALL, b"true", None),
        (DISCARD_ALL, b"true", "discard"),
    ],
)
def test_verdicts_become_true_and_false(blog: Blog, thresholds: object, body: bytes, tip: str | None) -> None:
    """The tip to discard comes only with `discard`; no response has an alert or help that clients cannot handle."""
    blog.set_thresholds(thresholds)  # type: ignore[arg-type]  # parametrized
    response = blog.akismet("comment-check", comment_content="Hello", comment_author="Ann")
    assert checked_body(response) == body
    assert response.headers.get("X-akismet-pro-tip") == tip
    assert not [name for name, _ in response.headers if name.lower().startswith(("x-akismet-alert", "x-akismet-debug"))]


def test_the_guid_is_the_id_of_the_stored_decision(blog: Blog) -> None:
    """Every field is judged and stored as it was sent, if the site collects it."""
    blog.akismet("comment-check", comment_content="Hello", comment_author_url="https://ann.example")
    response = blog.akismet(
        "comment-check",
        comment_content="It\\'s fine",
        comment_author="Ann",
        comment_author_email="ann@example.com",
        comment_author_url="",
        permalink="https://blog.example.org/p/1",
        content_type="response",
        blog_lang="en_US",
        comment_date_gmt="2026-11-22 17:07:49",
    )
    comment = find_decision(blog.services, blog.site, response.headers["X-akismet-guid"])[0].comment
    assert (comment.text, comment.author, comment.email, comment.url) == ("It\\'s fine", "Ann", "ann@example.com", "")
    assert (comment.permalink, comment.type, comment.lang) == ("https://blog.example.org/p/1", "response", "en_US")
    assert (comment.date, comment.context) == ("2026-11-22 17:07:49", None)


def test_every_reply_of_comment_check_has_a_guid(client: FlaskClient, blog: Blog) -> None:
    """Errors included: without a guid the WordPress plugin publishes the comment."""
    responses = [
        client.post(CHECK),
        client.post(CHECK, data={"api_key": KEY}),
        client.post(CHECK, data={"api_key": "nonsense"}),
        client.put(CHECK),
        client.post(CHECK, data=b"x" * 3_000_000),
        blog.akismet("comment-check", user_role="administrator"),
        blog.akismet("comment-check", is_test="1"),
    ]
    assert {405, 413, 200} == {response.status_code for response in responses}
    guids = [response.headers["X-akismet-guid"] for response in responses]
    assert all(re.fullmatch("[0-9a-f]{32}", guid) for guid in guids) and len(set(guids)) == len(guids)


def test_missing_fields_are_named_in_akismet_s_words(client: FlaskClient, blog: Blog) -> None:
    """The sentence with its full stop, and a debug help that names the field."""
    response = client.post(CHECK, data={"api_key": KEY, "blog": BLOG})
    assert checked_body(response) == b"Missing required field: user_ip."
    assert response.headers["X-akismet-debug-help"] == 'Empty "user_ip" value'
    assert checked_body(client.post(CHECK, data={"api_key": KEY, "user_ip": "x"})) == b"Missing required field: blog."
    assert checked_body(client.post("/1.1/submit-ham", data={"api_key": KEY})) == b"Missing required field: blog."


def test_an_empty_or_invalid_address_is_accepted(blog: Blog) -> None:
    """Some blogs do not know the commenter's IP address."""
    for address in ("", "ip", "::1"):
        assert checked_body(blog.akismet("comment-check", user_ip=address)) in (b"true", b"false")


@pytest.mark.parametrize("role", ["administrator", "Administrator", "editor,administrator", "editor, ADMINISTRATOR "])
def test_administrators_are_never_spam(blog: Blog, role: str) -> None:
    """The rule takes precedence over guaranteed spam and over the thresholds."""
    blog.set_thresholds(SPAM_ALL)
    response = blog.akismet("comment-check", user_role=role, comment_author="viagra-test-123")
    assert checked_body(response) == b"false"
    assert checked_body(blog.akismet("comment-check", user_role="administratorish")) == b"true"


@pytest.mark.parametrize(
    "fields",
    [
        {"comment_author": "viagra-test-123"},
        {"comment_author": "akismet-guaranteed-spam"},
        {"comment_author_email": "akismet-guaranteed-spam@example.com"},
    ],
)
def test_guaranteed_spam_is_spam(blog: Blog, fields: dict[str, str]) -> None:
    """Every client's test suite relies on it."""
    blog.set_thresholds(PUBLISH_ALL)
    assert checked_body(blog.akismet("comment-check", **fields)) == b"true"


def test_a_test_is_judged_but_leaves_no_trace(blog: Blog) -> None:
    """With `is_test`, in each spelling that clients use, nothing is stored or held."""
    blog.set_thresholds(HOLD_ALL)
    for yes in ("1", "true", "True"):
        assert checked_body(blog.akismet("comment-check", comment_content="x", is_test=yes)) == b"true"
    assert count_held(blog.services) == 0
    for no in ("0", "False", ""):
        blog.akismet("comment-check", comment_content=f"x{no}", is_test=no)
    assert count_held(blog.services) == 3


def test_a_discard_can_be_tested(blog: Blog) -> None:
    """`test_discard` works with `is_test` only."""
    blog.set_thresholds(PUBLISH_ALL)
    discarded = blog.akismet("comment-check", is_test="1", test_discard="1")
    assert checked_body(discarded) == b"true" and discarded.headers["X-akismet-pro-tip"] == "discard"
    assert checked_body(blog.akismet("comment-check", test_discard="1")) == b"false"


def test_feedback_labels_the_comment_that_was_checked(blog: Blog) -> None:
    """Clients send no guid back: slashed text in the check and plain text in the feedback are the same comment."""
    blog.set_thresholds(HOLD_ALL)
    guid = blog.akismet("comment-check", comment_content="It\\'s mine", comment_author="Ann").headers["X-akismet-guid"]
    for endpoint, value in (("submit-spam", LabelValue.SPAM), ("submit-ham", LabelValue.HAM)):
        response = blog.akismet(endpoint, comment_content="It's mine", comment_author="Ann", reporter="owner")
        assert checked_body(response) == THANKS
        label = find_decision(blog.services, blog.site, guid)[1]
        assert label is not None and (label.value, label.labelled_by, label.channel) == (value, "owner", "akismet")
    assert count_held(blog.services) == 0


def test_feedback_without_content_stores_no_label(blog: Blog) -> None:
    """A test, or an empty comment without author, gets the usual response and stores no label."""
    guid = blog.akismet("comment-check", comment_content="").headers["X-akismet-guid"]
    assert checked_body(blog.akismet("submit-spam")) == THANKS
    assert find_decision(blog.services, blog.site, guid)[1] is None
    guid = blog.akismet("comment-check", comment_content="Hello").headers["X-akismet-guid"]
    assert checked_body(blog.akismet("submit-spam", comment_content="Hello", is_test="true")) == THANKS
    assert find_decision(blog.services, blog.site, guid)[1] is None


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("caf%C3%A9", None, "café"),
        ("caf%C3%A9", "text/plain", "café"),
        ("caf%E9", "application/x-www-form-urlencoded", "café"),
        ("caf%E9&blog_charset=iso-8859-1", "application/x-www-form-urlencoded; charset=utf-8", "café"),
        ("%EF%F0%E8%E2%E5%F2&blog_charset=windows-1251", None, "привет"),
        ("%EF%F0%E8%E2%E5%F2", "application/x-www-form-urlencoded; charset=windows-1251", "привет"),
        ("caf%C3%A9&blog_charset=punycode", None, "café"),
        ("caf%C3%A9&blog_charset=" + "x" * 9000, None, "café"),
        ("100%&blog_charset=utf-8", None, "100%"),
    ],
)
def test_text_arrives_whatever_the_charset(blog: Blog, body: str, kind: str | None, text: str) -> None:
    """The blog's charset, else the content type's, else UTF-8, else Latin-1; no content type needed."""
    data = f"api_key={KEY}&blog={BLOG}&user_ip=&comment_content={body}".encode()
    response = blog.client.post(CHECK, data=data, content_type=kind)
    decision, _ = find_decision(blog.services, blog.site, response.headers["X-akismet-guid"])
    assert decision.comment.text == text


def test_absent_and_empty_are_kept_apart(blog: Blog) -> None:
    """Absent means unknown to the blog; empty means left empty by the author of a site that collects the field."""
    blog.akismet("comment-check", comment_content="Hello", comment_author="Ann")
    guid = blog.akismet("comment-check", comment_content="x", comment_author="").headers["X-akismet-guid"]
    comment = find_decision(blog.services, blog.site, guid)[0].comment
    assert comment.author == "" and comment.email is None and comment.url is None


def test_what_a_client_says_of_its_authors_counts_by_a_setting(blog: Blog) -> None:
    """Off by default: a plugin may send what a form says. A guest's id of 0 names nobody."""
    for value in ("42", "0"):
        set_author_rule(blog.services, blog.site, AuthorFact.ID, value, Standing.TRUSTED, "mara", "cli")
    sent = {"comment_content": "Hello there", "user_ID": "42"}
    assert "TRUSTED_AUTHOR" not in blog.akismet("comment-check", **sent).headers["X-moderation-reasons"]
    set_akismet_review(blog.services, BLOG, AkismetReviewSettings(vouches_for_authors=True))
    assert "TRUSTED_AUTHOR" in blog.akismet("comment-check", **sent).headers["X-moderation-reasons"]
    sent["user_ID"] = "0"
    assert "TRUSTED_AUTHOR" not in blog.akismet("comment-check", **sent).headers["X-moderation-reasons"]


def test_a_blog_teaches_by_akismets_calls(blog: Blog) -> None:
    """What was submitted as ham passes the next check and recheck; the next comment of a submitted advertiser fails."""
    blog.set_thresholds(Thresholds(0.4, 0.9, 0.9999))
    stopped = {
        "comment_content": "Cheap watches and cheap shoes, buy now at http://best-deals.example before the bonus ends",
        "comment_author": "Best Deals",
    }
    assert checked_body(blog.akismet("comment-check", **stopped)) == b"true"
    assert checked_body(blog.akismet("submit-ham", **stopped)) == THANKS
    assert checked_body(blog.akismet("comment-check", **stopped)) == b"false"
    assert checked_body(blog.akismet("comment-check", **stopped, recheck_reason="recheck_queue")) == b"false"
    advert = {
        "comment_content": "We took photos on the walk: http://quiet-meadow.example",
        "comment_author": "Uta",
    }
    more = {
        "comment_content": "Anyone here who has been to http://quiet-meadow.example lately, is it open?",
        "comment_author": "Lena",
    }
    assert checked_body(blog.akismet("comment-check", **more)) == b"false"
    assert checked_body(blog.akismet("comment-check", **advert)) == b"false"
    assert checked_body(blog.akismet("submit-spam", **advert)) == THANKS
    assert checked_body(blog.akismet("comment-check", **more)) == b"true"
    assert checked_body(blog.akismet("submit-ham", **advert)) == THANKS
    assert checked_body(blog.akismet("comment-check", **more)) == b"false"
