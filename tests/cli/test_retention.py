"""`moderation site retention` and `moderation purge`."""

import re

import pytest

from tests.cli.conftest import Operator

SITE = "https://blog.example"


def test_a_retention_is_shown_and_changed(operator: Operator) -> None:
    """Values that are left out stay; --reset keeps the contact."""
    shown = operator.get("site", "retention", SITE)
    assert re.search(r"^published +90 days\nheld +90 days\nspam +30 days$", shown, re.MULTILINE)
    changes = ("--published", "forever", "--spam", "7", "--text", "full", "--contact", "privacy@blog.example")
    changed = operator.get_json("site", "retention", SITE, *changes)
    assert (changed["publish_days"], changed["spam_days"], changed["review_days"]) == (None, 7, 90)
    assert (changed["text"], changed["email"], changed["contact"]) == ("full", "digest", "privacy@blog.example")
    reset = operator.get_json("site", "retention", SITE, "--reset")
    assert (reset["publish_days"], reset["text"], reset["contact"]) == (90, "digest", "privacy@blog.example")


@pytest.mark.parametrize("wrong", ["-1", "4000", "ten", "٣", "9" * 5000])
def test_wrong_days_are_refused(operator: Operator, wrong: str) -> None:
    """With the words that are possible."""
    result = operator.run("site", "retention", SITE, f"--spam={wrong}")
    assert result.exit_code == 2 and "write a number of days up to 3650, or forever" in result.stderr


def test_a_purge_of_nothing_says_so(operator: Operator) -> None:
    """Of one site, or of all."""
    assert operator.get("purge", "--dry-run") == operator.get("purge", "--site", SITE) == "Nothing is due.\n"
    assert operator.get_json("purge") == []
    assert operator.run("purge", "--site", "https://other.example").exit_code != 0
