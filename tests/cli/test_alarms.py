"""`moderation alarms`, and the audit in `moderation site show`."""

from datetime import datetime

from moderation.actions.sites import set_thresholds
from moderation.domain.decision import LabelValue
from moderation.domain.thresholds import Verdict
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.cli.conftest import Operator
from tests.conftest import Clock
from tests.judged_past import OWN, Past

BLOG = "https://blog.example"


def lose_ham(settings: Settings) -> None:
    services, clock = open_services(settings), Clock()
    clock.now = services.clock()
    past = Past(services, set_thresholds(services, BLOG, OWN), clock)
    past.add(10, verdict=Verdict.SPAM, label=LabelValue.HAM)
    past.add(10, verdict=Verdict.PUBLISH, label=LabelValue.HAM)
    services.engine.dispose()


def test_alarms_are_shown(operator: Operator, settings: Settings) -> None:
    """Of one site or of all, as a table or as JSON; an unknown site is an error."""
    assert operator.get("alarms") == "No alarms.\n" and operator.get_json("alarms") == []
    lose_ham(settings)
    (alarm,) = operator.get_json("alarms", BLOG)
    assert (alarm["site"], alarm["alarm"]) == (BLOG, "loss") and datetime.fromisoformat(alarm["since"]).tzinfo
    assert "10 of 20 ham comments of the random audit" in alarm["detail"]
    assert alarm["detail"] in operator.get("alarms")
    assert operator.run("alarms", "https://nobody.example").exit_code == 4


def test_the_audit_is_shown(operator: Operator, settings: Settings) -> None:
    """In a sentence, and as JSON with the interval that holds at all times."""
    assert "nothing is known of loss and catch yet" in operator.get("site", "show", BLOG)
    lose_ham(settings)
    audit = operator.get_json("site", "show", BLOG)["audit"]
    assert (audit["drawn"], audit["labelled"], audit["share"], audit["confidence"]) == (20, 20, 0.0, 0.95)
    assert audit["lost"] == {"value": 0.5, "low": 0.5, "high": 0.5} and audit["caught"]["value"] is None
    assert audit["guarantee"]["low"] < audit["guarantee"]["value"] == 0.5 < audit["guarantee"]["high"]
    shown = operator.get("site", "show", BLOG, "--days", "30")
    assert "20 of 20 drawn comments are labelled" in shown and "ham lost 50 %" in shown


def test_the_share_is_a_setting(operator: Operator) -> None:
    """`MODERATION_AUDIT_SHARE`."""
    operator.environment["MODERATION_AUDIT_SHARE"] = "0.25"
    assert operator.get_json("site", "show", BLOG)["audit"]["share"] == 0.25
    operator.environment["MODERATION_AUDIT_SHARE"] = "1.5"
    assert "MODERATION_AUDIT_SHARE" in operator.run("site", "show", BLOG).output
