"""`moderation webhook`."""

from tests.cli.conftest import Operator

URL = "https://hooks.example/moderation"


def test_the_life_of_a_webhook(operator: Operator) -> None:
    """Added, listed, given another secret and removed."""
    new = operator.get_json("webhook", "add", URL, "--event", "held", "--event", "alarm")
    assert new["id"] == 1 and new["secret"].startswith("whsec_")
    (listed,) = operator.get_json("webhook", "list")
    assert (listed["url"], listed["events"], listed["site"], listed["waiting"]) == (URL, ["held", "alarm"], None, 0)
    assert URL in operator.get("webhook", "list")
    assert new["secret"] not in operator.get("webhook", "rotate", "1")
    assert operator.get("webhook", "retry", "1") == "Messages to be sent again: 0.\n"
    assert operator.get("webhook", "remove", "1") == "Webhook 1 is removed.\n"
    assert operator.get_json("webhook", "list") == []


def test_mistakes_are_named(operator: Operator) -> None:
    """With the exit codes of the errors."""
    assert operator.run("webhook", "add", URL).exit_code == 2
    refused = operator.run("webhook", "add", "http://127.0.0.1/", "--event", "held")
    assert refused.exit_code == 2 and "--private" in refused.output
    assert operator.run("webhook", "add", URL, "--event", "held", "--site", "https://none.example").exit_code == 4
    assert operator.run("webhook", "remove", "7").exit_code == 4
