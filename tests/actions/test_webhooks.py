"""Webhooks: signed messages about events, stored with them and delivered at least once."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from moderation.actions import alarms
from moderation.actions.alarms import watch_site
from moderation.actions.check import CheckRequest, check_comment, check_comments
from moderation.actions.deliveries import RETRY_DELAYS
from moderation.actions.labelling import import_labels, label_decision, remove_comment, withdraw_label
from moderation.actions.services import Services
from moderation.actions.sites import set_thresholds
from moderation.actions.webhooks import (
    MESSAGE_RETENTION,
    NewSecret,
    add_webhook,
    count_messages,
    deliver_messages,
    list_webhooks,
    purge_messages,
    remove_webhook,
    retry_webhook,
    rotate_secret,
)
from moderation.domain.alarms import AlarmKind
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelValue
from moderation.domain.errors import InvalidInput, NotFound, StorageUnavailable
from moderation.domain.site import Site
from moderation.domain.webhooks import ROTATION, WebhookEvent
from moderation.storage.engine import write_transaction
from tests.conftest import HOLD_ALL, Clock
from tests.hook_receiver import HookReceiver, receiving_hooks

ALL = tuple(WebhookEvent)
PAGE = Path(__file__).parents[2] / "docs" / "notifications.md"
SECRET_TEXT = "a very private remark"


@pytest.fixture
def receiver() -> Iterator[HookReceiver]:
    with receiving_hooks() as opened:
        yield opened


@pytest.fixture
def hook(services: Services, receiver: HookReceiver) -> NewSecret:
    """Return a webhook for all events of all sites."""
    return add_webhook(services, receiver.url, ALL, allow_private=True)


def check(services: Services, site: Site, text: str = SECRET_TEXT) -> Decision:
    return check_comment(services, site, CheckRequest(Comment(text, author="Ann", email="ann@a.example"))).decision


def bodies(receiver: HookReceiver) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in receiver.messages]


def documented_verifier() -> Callable[[str, dict[str, str], bytes, float], Any]:
    """Return the function of the example in docs/notifications.md."""
    code = PAGE.read_text("utf-8").partition("```python\n")[2].partition("```")[0]
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    verify: Callable[[str, dict[str, str], bytes, float], Any] = namespace["verify"]
    return verify


def test_a_held_comment_is_told(
    services: Services, hold_all_site: Site, hook: NewSecret, receiver: HookReceiver
) -> None:
    """Once, with its link and its figures, and without its text or a fact about its author."""
    services = replace(services, public_url="https://moderation.example")
    decision = check(services, hold_all_site)
    assert check(services, hold_all_site).id == decision.id
    assert deliver_messages(services) == 1 and deliver_messages(services) == 0
    (body,) = bodies(receiver)
    assert body["type"] == "held" and datetime.fromisoformat(body["timestamp"]) == decision.decided_at
    assert body["data"] == {
        "site": hold_all_site.url,
        "decision": decision.id,
        "probability": round(decision.score.probability, 4),
        "review_threshold": decision.thresholds.review,
        "degraded": False,
        "url": f"https://moderation.example/queue/comments/{decision.id}",
    }
    assert not any(part in receiver.messages[0].body for part in (SECRET_TEXT.encode(), b"Ann", b"ann@"))


def test_each_act_of_a_person_is_told(
    services: Services, hold_all_site: Site, hook: NewSecret, receiver: HookReceiver
) -> None:
    """Labels, withdrawals and removals; the labels of a file are no decisions."""
    decision = check(services, hold_all_site)
    label_decision(services, hold_all_site, decision.id, LabelValue.SPAM, "mara", "queue")
    withdraw_label(services, hold_all_site, decision.id, "mara", "queue")
    remove_comment(services, hold_all_site, decision.id, "\u202emara" * 100, "api")
    import_labels(services, hold_all_site, [(Comment("From a file"), LabelValue.HAM)])
    deliver_messages(services)
    decided = [body["data"] for body in bodies(receiver) if body["type"] == "decided"]
    assert [data["act"] for data in decided] == ["spam", "forget", "remove"]
    assert {data["decision"] for data in decided} == {decision.id} and {data["url"] for data in decided} == {None}
    assert decided[0]["by"] == "mara" and decided[2]["by"].startswith("[U+202E]mara") and len(decided[2]["by"]) < 400


def test_an_alarm_is_told_once(
    services: Services, site: Site, hook: NewSecret, receiver: HookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is raised, not at each examination, and again after it had ended."""
    for found in ({AlarmKind.WORDS: "New words."}, {AlarmKind.WORDS: "More."}, {}, {AlarmKind.WORDS: "Again."}):
        monkeypatch.setattr(alarms, "examine", lambda *_, found=found: found)
        watch_site(services, site.url)
    deliver_messages(services)
    assert [body["data"] for body in bodies(receiver)] == [
        {"site": site.url, "alarm": "words", "detail": detail} for detail in ("New words.", "Again.")
    ]


def test_only_what_was_asked_for(services: Services, hold_all_site: Site, site: Site, receiver: HookReceiver) -> None:
    """By event and by site, in batches too."""
    set_thresholds(services, site.url, HOLD_ALL)
    add_webhook(services, receiver.url, [WebhookEvent.HELD], site_url=hold_all_site.url, allow_private=True)
    check_comments(services, hold_all_site, [Comment("one"), Comment("two")])
    check(services, site)
    label_decision(services, hold_all_site, check(services, hold_all_site).id, LabelValue.HAM, "mara", "queue")
    deliver_messages(services)
    assert [(body["type"], body["data"]["site"]) for body in bodies(receiver)] == [("held", hold_all_site.url)] * 3


def test_an_event_that_is_undone_is_not_told(services: Services, hold_all_site: Site, hook: NewSecret) -> None:
    """The message is a row of the same transaction."""
    with write_transaction(services.engine) as connection:
        connection.execute(sql("ALTER TABLE queue_items RENAME TO gone"))
    with pytest.raises(StorageUnavailable):
        check(services, hold_all_site)
    assert count_messages(services) == 0


def test_the_signature_is_that_of_standard_webhooks(
    services: Services, hold_all_site: Site, hook: NewSecret, receiver: HookReceiver, clock: Clock
) -> None:
    """Its own library and the documented example verify a message, and refuse an altered, renamed or old one."""
    clock.now = datetime.now(UTC)
    check(services, hold_all_site)
    deliver_messages(services)
    (message,) = receiver.messages
    own, documented, now = Verifier(hook.secret), documented_verifier(), clock.now.timestamp()
    expected = json.loads(message.body)
    assert own.verify(message.body, message.headers) == expected
    assert documented(hook.secret, message.headers, message.body, now) == expected
    forged = [
        (message.headers, message.body.replace(b"held", b"HELD"), now),
        (message.headers | {"webhook-id": "msg_other"}, message.body, now),
        (message.headers | {"webhook-timestamp": str(int(now) + 1)}, message.body, now),
        (message.headers, message.body, now + 301),
        (message.headers | {"webhook-signature": "v1,AAAA v2,"}, message.body, now),
    ]
    for headers, body, at in forged:
        with pytest.raises(ValueError, match="webhook"):
            documented(hook.secret, headers, body, at)
        if at == now:
            with pytest.raises(WebhookVerificationError):
                own.verify(body, headers)


def test_both_secrets_sign_during_a_rotation(
    services: Services, hold_all_site: Site, hook: NewSecret, receiver: HookReceiver, clock: Clock
) -> None:
    """A receiver changes its secret when it likes within a day; afterwards the former one signs nothing."""
    new = rotate_secret(services, hook.webhook_id)
    documented = documented_verifier()
    for place, seconds in enumerate((0.0, ROTATION.total_seconds())):
        clock.advance(seconds)
        check(services, hold_all_site, f"comment {place}")
        deliver_messages(services)
        message = receiver.messages[place]
        assert documented(new.secret, message.headers, message.body, clock.now.timestamp())
        if not place:
            assert documented(hook.secret, message.headers, message.body, clock.now.timestamp())
    with pytest.raises(ValueError, match="signature"):
        documented(hook.secret, message.headers, message.body, clock.now.timestamp())


def test_a_message_is_delivered_until_it_is_taken(
    services: Services, hold_all_site: Site, hook: NewSecret, receiver: HookReceiver, clock: Clock
) -> None:
    """With the same id and body, and a timestamp of the attempt, on the schedule of the callbacks."""
    receiver.status = 500
    check(services, hold_all_site)
    assert deliver_messages(services) == 0 and deliver_messages(services) == 0
    (webhook,) = list_webhooks(services)
    assert (webhook.pending, webhook.last_error) == (1, "The receiver answered with status 500.")
    clock.advance(RETRY_DELAYS[0].total_seconds())
    receiver.status = 200
    assert deliver_messages(services) == 1 and count_messages(services) == 0
    first, second = receiver.messages
    assert first.body == second.body and first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 5


def test_an_abandoned_message_can_be_sent_again(
    services: Services, hold_all_site: Site, hook: NewSecret, receiver: HookReceiver, clock: Clock
) -> None:
    """For 30 days; then it is purged."""
    receiver.status = 404
    check(services, hold_all_site)
    for delay in RETRY_DELAYS:
        deliver_messages(services)
        clock.advance(delay.total_seconds())
    deliver_messages(services)
    assert (count_messages(services), count_messages(services, abandoned=True)) == (0, 1)
    assert purge_messages(services) == 0 and retry_webhook(services, hook.webhook_id) == 1
    receiver.status = 200
    assert deliver_messages(services) == 1
    receiver.status = 404
    check(services, hold_all_site, "another")
    with write_transaction(services.engine) as connection:
        connection.execute(sql("UPDATE webhook_messages SET next_attempt_at = NULL"))
    clock.advance(MESSAGE_RETENTION.total_seconds() + 1)
    assert purge_messages(services) == 1


def test_a_message_is_claimed_by_one_process(
    services: Services, hold_all_site: Site, hook: NewSecret, receiver: HookReceiver
) -> None:
    """Rounds that run at once deliver each message once."""
    for number in range(10):
        check(services, hold_all_site, f"comment {number}")
    with ThreadPoolExecutor(4) as pool:
        delivered = [pool.submit(deliver_messages, services) for _ in range(4)]
        assert sum(round_.result() for round_ in delivered) == 10
    assert len({message.headers["webhook-id"] for message in receiver.messages}) == len(receiver.messages) == 10


def test_a_failing_receiver_does_not_delay_others(
    services: Services, hold_all_site: Site, hook: NewSecret, receiver: HookReceiver
) -> None:
    """It is called once a round."""
    receiver.status = 503
    with receiving_hooks() as working:
        add_webhook(services, working.url, ALL, allow_private=True)
        for number in range(5):
            check(services, hold_all_site, f"comment {number}")
        assert deliver_messages(services) == 5
        assert (len(receiver.messages), len(working.messages)) == (1, 5)


def test_a_private_address_must_be_allowed(services: Services, hold_all_site: Site, receiver: HookReceiver) -> None:
    """When the webhook is added, and when its name leads to one later."""
    for url in (receiver.url, "ftp://hooks.example/", "https://user@hooks.example/"):
        with pytest.raises(InvalidInput):
            add_webhook(services, url, ALL)
    add_webhook(services, receiver.url.replace("127.0.0.1", "localhost.localdomain"), ALL)
    check(services, hold_all_site)
    assert deliver_messages(services) == 0 and receiver.messages == []


def test_a_secret_is_stored_encrypted(services: Services, hook: NewSecret) -> None:
    """With the secret of the service, which is not in the database."""
    with write_transaction(services.engine) as connection:
        row = connection.execute(sql("SELECT * FROM webhooks")).one()
    assert hook.secret not in str(row)


def test_a_lost_secret_is_told(services: Services, hold_all_site: Site, hook: NewSecret) -> None:
    """A new secret of the service cannot read the former webhook's, so nothing is sent unsigned."""
    check(services, hold_all_site)
    assert deliver_messages(replace(services, secret=bytes(32))) == 0
    (webhook,) = list_webhooks(services)
    assert webhook.last_error.endswith(f"run `moderation webhook rotate {hook.webhook_id}`.")


def test_a_removed_webhook_gets_nothing(
    services: Services, hold_all_site: Site, hook: NewSecret, receiver: HookReceiver
) -> None:
    """Its messages go with it, and its id is not used again."""
    check(services, hold_all_site)
    remove_webhook(services, hook.webhook_id)
    assert deliver_messages(services) == 0 and receiver.messages == [] and list_webhooks(services) == []
    assert add_webhook(services, receiver.url, ALL, allow_private=True).webhook_id > hook.webhook_id
    for act in (remove_webhook, rotate_secret, retry_webhook):
        with pytest.raises(NotFound):
            act(services, hook.webhook_id)
