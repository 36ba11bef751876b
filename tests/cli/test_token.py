"""`moderation token`."""

import re
from datetime import datetime, timedelta

from moderation.actions.tokens import authenticate_token
from moderation.domain.tokens import Purpose
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.cli.conftest import Operator

BLOG = "https://blog.example"


def test_a_token_is_made_listed_and_revoked(operator: Operator, settings: Settings) -> None:
    """It ends after 90 days unless told otherwise. The list shows purposes, end and last use, and never the token."""
    added = operator.get_json("token", "add", BLOG, "export", "--for", "read", "--for", "label")
    assert (added["id"], added["site"], added["for"]) == (1, BLOG, ["label", "read"])
    lifetime = datetime.fromisoformat(added["expires_at"]) - datetime.fromisoformat(added["created_at"])
    assert lifetime == timedelta(days=90)
    services = open_services(settings)
    known = authenticate_token(services, added["token"])
    services.engine.dispose()
    assert known.token and known.token.purposes == {Purpose.READ, Purpose.LABEL}
    (listed,) = operator.get_json("token", "list")
    assert listed == {
        **{name: added[name] for name in added if name != "token"},
        "last_used_at": listed["last_used_at"],
    }
    assert listed["last_used_at"] and added["token"] not in operator.get("token", "list")
    assert operator.get("token", "revoke", "1") == "Token 1 is revoked.\n"
    assert operator.get_json("token", "list") == [] and operator.run("token", "revoke", "1").exit_code == 4


def test_a_person_is_shown_the_token(operator: Operator) -> None:
    """Once, with its number and its end."""
    shown = operator.get("token", "add", BLOG, "export", "--for", "score", "--no-end")
    assert re.fullmatch(r"Token  moderation-[\w-]{43}  \(shown only once\)\nId     1\nEnds   never\n", shown)
    assert re.search(r"1 .*export .*score .*never .*never", operator.get("token", "list"))


def test_an_error_has_its_exit_code(operator: Operator) -> None:
    """An unknown site, purpose or number, and no purpose."""
    for arguments, code in (
        (("add", "https://nowhere.example", "export", "--for", "read"), 4),
        (("add", BLOG, "export", "--for", "everything"), 2),
        (("add", BLOG, "export"), 2),
        (("add", BLOG, " ", "--for", "read"), 2),
        (("add", BLOG, "export", "--for", "read", "--days", "0"), 2),
        (("revoke", "7"), 4),
    ):
        assert operator.run("token", *arguments).exit_code == code
