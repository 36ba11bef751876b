"""`moderation site akismet`, and the thresholds of a type of comment."""

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.sites import find_site
from moderation.domain.comment import Comment
from moderation.domain.site import Callback
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.cli.conftest import Operator
from tests.cli.test_site import BLOG


def test_the_review_settings_of_a_blog_change(operator: Operator) -> None:
    """A setting that is left out does not change; the sentence agrees with the JSON."""
    default = {"action": "hold", "hold_seconds": 86_400, "private_callback": False, "vouches_for_authors": False}
    assert operator.get_json("site", "akismet", BLOG) == {"url": BLOG, "akismet": default, "rejected_origin": None}
    changed = operator.get_json("site", "akismet", BLOG, "--review", "spam-folder", "--hold-seconds", "600")
    assert changed["akismet"] == default | {"action": "spam-folder", "hold_seconds": 600}
    allowed = operator.get_json("site", "akismet", BLOG, "--private-callback")
    assert allowed["akismet"] == changed["akismet"] | {"private_callback": True}
    shown = operator.get("site", "akismet", BLOG, "--no-private-callback")
    assert "spam-folder" in shown and "600 seconds" in shown and "may not be called" in shown


def test_a_rejected_callback_is_named_with_what_to_do(operator: Operator, settings: Settings) -> None:
    """The origin that the blog's plugin sent, for a script and for a person."""
    services = open_services(settings)
    try:
        sent = Callback("https://www.blog.example/wp-json/akismet/v1/webhook", "0123456789ab")
        check_comment(services, find_site(services, BLOG), CheckRequest(Comment("hello"), callback=sent))
    finally:
        services.engine.dispose()
    assert operator.get_json("site", "akismet", BLOG)["rejected_origin"] == "https://www.blog.example"
    assert "add https://www.blog.example as a site" in operator.get("site", "akismet", BLOG)


def test_invalid_review_settings_are_refused(operator: Operator) -> None:
    """Too short a time, an unknown action, an unknown site."""
    assert operator.run("site", "akismet", BLOG, "--hold-seconds", "5").exit_code == 2
    assert operator.run("site", "akismet", BLOG, "--review", "burn").exit_code == 2
    assert operator.run("site", "akismet", "https://nobody.example").exit_code == 4


def test_the_answer_to_a_comment_that_cannot_be_judged_changes(operator: Operator) -> None:
    """An error unless set; other words are refused."""
    assert operator.get_json("site", "on-error", BLOG) == {"url": BLOG, "on_error": "error"}
    for value in ("review", "publish", "error", "review"):
        assert operator.get_json("site", "on-error", BLOG, value)["on_error"] == value
    assert "gets the answer review" in operator.get("site", "on-error", BLOG)
    assert [site["on_error"] for site in operator.get_json("site", "list") if site["url"] == BLOG] == ["review"]
    assert operator.run("site", "on-error", BLOG, "burn").exit_code == 2
    assert operator.run("site", "on-error", "https://nobody.example", "review").exit_code == 4


def test_a_type_of_comment_has_its_own_thresholds(operator: Operator) -> None:
    """Without them, spam among private messages goes to review."""
    options = ("--review", "0.2", "--spam", "0.8", "--discard", "0.9")
    operator.get("site", "thresholds", BLOG, *options)
    messages = operator.get_json("site", "thresholds", BLOG, "--type", "contact-form")
    assert messages["thresholds"] == {"review": 0.2, "spam": 0.9, "discard": 1.0}
    own = operator.get_json("site", "thresholds", BLOG, "--type", "contact-form", "--spam", "0.95")
    assert own["thresholds"] == own["type_thresholds"]["contact-form"] == {"review": 0.2, "spam": 0.95, "discard": 1.0}
    assert "its own thresholds for contact-form" in operator.get("site", "thresholds", BLOG, "--type", "contact-form")
    assert "for message with spam in review" in operator.get("site", "thresholds", BLOG, "--type", "message")
    assert "for like without discard" in operator.get("site", "thresholds", BLOG, "--type", "like")
    assert operator.get_json("site", "thresholds", BLOG)["thresholds"] == {"review": 0.2, "spam": 0.8, "discard": 0.9}
    reset = operator.get_json("site", "thresholds", BLOG, "--type", "contact-form", "--reset")
    assert reset["thresholds"] == messages["thresholds"] and reset["type_thresholds"] == {}


def test_a_type_is_one_word(operator: Operator) -> None:
    """A type with a space is refused."""
    assert operator.run("site", "thresholds", BLOG, "--type", "a b", "--spam", "0.9").exit_code == 2
