"""`moderation site akismet`, and the lines of a type of comment."""

from tests.cli.conftest import Operator
from tests.cli.test_site import BLOG


def test_a_blog_holds_until_told_otherwise(operator: Operator) -> None:
    """What is not given stays as it is; the sentence says the same as the JSON."""
    usual = {"means": "hold", "seconds": 86_400, "private_callback": False}
    assert operator.get_json("site", "akismet", BLOG) == {"url": BLOG, "akismet": usual}
    changed = operator.get_json("site", "akismet", BLOG, "--review", "spam-folder", "--hold-seconds", "600")
    assert changed["akismet"] == {"means": "spam-folder", "seconds": 600, "private_callback": False}
    allowed = operator.get_json("site", "akismet", BLOG, "--private-callback")
    assert allowed["akismet"] == {"means": "spam-folder", "seconds": 600, "private_callback": True}
    told = operator.get("site", "akismet", BLOG, "--no-private-callback")
    assert "spam-folder" in told and "600 seconds" in told and "may not be called" in told


def test_what_cannot_be_held_is_refused(operator: Operator) -> None:
    """A time that is none, a meaning that is none, a site that is none."""
    assert operator.run("site", "akismet", BLOG, "--hold-seconds", "5").exit_code == 2
    assert operator.run("site", "akismet", BLOG, "--review", "burn").exit_code == 2
    assert operator.run("site", "akismet", "https://nobody.example").exit_code == 4


def test_a_type_of_comment_may_have_lines_of_its_own(operator: Operator) -> None:
    """Letters follow the site one step milder until they have; --reset takes them away."""
    lines = ("--review", "0.2", "--spam", "0.8", "--discard", "0.9")
    operator.get("site", "policy", BLOG, *lines)
    letters = operator.get_json("site", "policy", BLOG, "--type", "contact-form")
    assert letters["lines"] == {"review": 0.8, "spam": 0.9, "discard": 1.0}
    own = operator.get_json("site", "policy", BLOG, "--type", "contact-form", "--spam", "0.95")
    assert own["lines"] == own["type_policies"]["contact-form"] == {"review": 0.8, "spam": 0.95, "discard": 1.0}
    assert "lines of its own for contact-form" in operator.get("site", "policy", BLOG, "--type", "contact-form")
    assert "one step milder for message" in operator.get("site", "policy", BLOG, "--type", "message")
    assert operator.get_json("site", "policy", BLOG)["lines"] == {"review": 0.2, "spam": 0.8, "discard": 0.9}
    again = operator.get_json("site", "policy", BLOG, "--type", "contact-form", "--reset")
    assert again["lines"] == letters["lines"] and again["type_policies"] == {}


def test_a_type_is_a_plain_word(operator: Operator) -> None:
    """Nothing that a header or a table could trip over."""
    assert operator.run("site", "policy", BLOG, "--type", "a b", "--spam", "0.9").exit_code == 2
