"""`moderation author`: authors whom a blog vouches for."""

from tests.cli.conftest import Operator

BLOG = "https://blog.example"


def test_authors_are_trusted_blocked_and_forgotten(operator: Operator) -> None:
    """By id or by role, for a time or for good; the list says by whom and why."""
    operator.get("author", "set", BLOG, "trust", "--id", "42", "--days", "30", "--by", "ann", "--why", "a regular")
    operator.get("author", "set", BLOG, "block", "--role", "Subscriber")
    rules = {rule["value"]: rule for rule in operator.get_json("author", "list", BLOG)}
    assert rules["42"]["standing"] == "trusted" and rules["42"]["expires_at"] and rules["42"]["set_by"] == "ann"
    assert rules["subscriber"]["standing"] == "blocked" and rules["subscriber"]["expires_at"] is None
    assert "a regular" in operator.get("author", "list", BLOG)
    operator.get("author", "set", BLOG, "forget", "--id", "42")
    assert [rule["value"] for rule in operator.get_json("author", "list", BLOG)] == ["subscriber"]


def test_an_author_is_named_by_one_fact(operator: Operator) -> None:
    """By neither or by both is exit code 2, an unknown site 4."""
    assert operator.run("author", "set", BLOG, "trust").exit_code == 2
    assert operator.run("author", "set", BLOG, "trust", "--id", "1", "--role", "x").exit_code == 2
    assert operator.run("author", "list", "https://nobody.example").exit_code == 4
