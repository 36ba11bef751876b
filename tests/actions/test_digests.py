"""Digests: what waits is sent by mail, once, and hostile text is bounded and inert in it."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from moderation.actions import digests as digest_actions
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.deliveries import RETRY_DELAYS
from moderation.actions.digest_mail import EXCERPT_LENGTH, MAX_COMMENTS, inert
from moderation.actions.digests import (
    DEFAULT_HOUR,
    count_failing_digests,
    end_digest,
    list_digests,
    send_digest_now,
    send_due_digests,
    set_digest,
)
from moderation.actions.moderators import add_moderator, remove_moderator
from moderation.actions.services import Services
from moderation.actions.sites import set_thresholds
from moderation.domain.alarms import AlarmKind
from moderation.domain.audit import AuditDraw
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, Moderator
from moderation.domain.digests import DigestPeriod, next_slot
from moderation.domain.errors import InvalidInput, NotFound
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.settings import Settings
from moderation.storage import alarms
from moderation.storage.engine import write_transaction
from moderation.wiring import open_services
from tests.conftest import PASSWORD, Clock
from tests.mail_server import Mailbox, receiving_mail

HOUR = 3_600.0
PUBLIC = "https://moderation.example/spam"
EMAIL = "mara@blog.example"
PUBLISH_ALL = Thresholds(1.0, 1.0, 1.0)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving_mail() as opened:
        yield opened


@pytest.fixture
def mailing(services: Services, moderator: Moderator, mailbox: Mailbox, clock: Clock) -> Services:
    """Return services that send mara a digest every hour."""
    mailing = replace(services, public_url=PUBLIC, mail_server=mailbox.server())
    set_digest(mailing, moderator.name, EMAIL, DigestPeriod.HOUR)
    clock.advance(1)
    return mailing


def check(services: Services, site: Site, text: str = "Hold me", author: str = "Ann") -> Decision:
    return check_comment(services, site, CheckRequest(Comment(text, author=author))).decision


def parts(mailbox: Mailbox, place: int = -1) -> tuple[str, str]:
    """Return the plain text and the HTML of a mail."""
    mail = mailbox.mails[place]
    texts = [mail.get_body((kind,)) for kind in ("plain", "html")]
    plain, html = (text.get_content() if text else "" for text in texts)
    return plain, html


def test_a_digest_tells_what_waits(mailing: Services, hold_all_site: Site, mailbox: Mailbox, clock: Clock) -> None:
    """With a link to the page of each new comment."""
    decision = check(mailing, hold_all_site, "Is this right?", "Ann & Bob")
    assert send_due_digests(mailing) == 0
    clock.advance(HOUR)
    assert send_due_digests(mailing) == 1
    (mail,) = mailbox.mails
    assert (mail["To"], mail["Subject"]) == (EMAIL, "1 new, 1 waiting comments")
    assert mail["Auto-Submitted"] == "auto-generated" and mailbox.recipients == [EMAIL]
    plain, html = parts(mailbox)
    link, score = f"{PUBLIC}/queue/comments/{decision.id}", f"{100 * decision.score.probability:.0f} % spam"
    assert link in plain and f'<a href="{link}">' in html
    assert (
        f"careful.example, Ann & Bob, {score}\n> Is this right?\n" in plain.replace("\r", "")
        and "Ann &amp; Bob" in html
    )


def test_nothing_new_is_no_mail(mailing: Services, hold_all_site: Site, mailbox: Mailbox, clock: Clock) -> None:
    """Nor is a comment in two mails."""
    clock.advance(HOUR)
    assert send_due_digests(mailing) == 1 and mailbox.mails == []
    check(mailing, hold_all_site)
    clock.advance(HOUR)
    send_due_digests(mailing)
    clock.advance(HOUR)
    assert send_due_digests(mailing) == 1 and len(mailbox.mails) == 1


def test_an_alarm_is_in_the_next_digest(mailing: Services, site: Site, mailbox: Mailbox, clock: Clock) -> None:
    """Also if no comment waits."""
    clock.advance(60)
    with write_transaction(mailing.engine) as connection:
        alarms.put(connection, site.id, {AlarmKind.WORDS: "Many new words."}, clock())
    clock.advance(HOUR)
    send_due_digests(mailing)
    assert f"Alarm of {site.url}: Many new words." in parts(mailbox)[0]


def test_an_audit_item_stays_blind(mailing: Services, site: Site, mailbox: Mailbox, clock: Clock) -> None:
    """The mail does not tell its verdict or its score."""
    drawing = replace(mailing, audit=AuditDraw(mailing.secret, 1.0))
    set_thresholds(mailing, site.url, PUBLISH_ALL)
    check(drawing, set_thresholds(mailing, site.url, PUBLISH_ALL))
    clock.advance(HOUR)
    send_due_digests(drawing)
    plain, html = parts(mailbox)
    assert "blog.example, Ann, for the audit" in plain and "% spam" not in plain + html


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "Sign in again:\n\nhttps://evil.example/queue and www.evil.example or mail admin@evil.example",
    "\u202egnp.exe \u200b\u200b\u200b" + "a\u0301" * 50 + "z\u0300" * 5_000,
    "\r\nBcc: all@evil.example\r\n\r\nbody",
    "W" * 100_000,
    "\x00\x1b[31m\ufffe\U000e0041" * 1_000,
    "</blockquote></body></html>",
)


def test_hostile_text_is_inert_and_bounded(
    mailing: Services, hold_all_site: Site, mailbox: Mailbox, clock: Clock
) -> None:
    """No markup, no link, no header, no invisible character, and a mail of at most 150 kB."""
    for number in range(3 * len(HOSTILE)):
        text = HOSTILE[number % len(HOSTILE)]
        check(mailing, hold_all_site, f"{number} {text}", f"{number} {text}")
    clock.advance(HOUR)
    send_due_digests(mailing)
    (mail,), (plain, html) = mailbox.mails, parts(mailbox)
    assert mail["Bcc"] is None and mail["Subject"] == "20 or more new, 21 waiting comments"
    assert set(re.findall(r"<(/?\w+)", html)) <= set(
        "html meta title /title body p /p a /a blockquote /blockquote small /small /body /html".split()
    )
    assert html.count("<blockquote>") == html.count("</blockquote>") == MAX_COMMENTS
    assert set(re.findall(r"https?://[^/\s\"<]+", plain + html)) == {"https://moderation.example"}
    assert not re.search(r"evil\.example|@evil|\u202e|\u200b|\x00|\x1b", plain + html)
    assert len(bytes(mail)) < 150_000


def test_text_is_made_inert() -> None:
    """Nothing is left of which a mail program makes a link."""
    assert inert("see a.example/x?y=1.") == "see a[.]example/x?y=1."
    assert inert("http://a b@c.d") == "http[:]//a b[@]c[.]d"
    assert inert("evil\u3002example") == "evil[\u3002]example"
    assert len(inert("x" * 10_000)) == EXCERPT_LENGTH


def test_a_digest_is_sent_once_by_several_processes(
    mailing: Services, migrated_settings: Settings, hold_all_site: Site, mailbox: Mailbox, clock: Clock
) -> None:
    """One of them claims it."""
    check(mailing, hold_all_site)
    clock.advance(HOUR)
    opened = [open_services(migrated_settings) for _ in range(3)]
    others = [replace(each, clock=clock, public_url=PUBLIC, mail_server=mailing.mail_server) for each in opened]
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(send_due_digests, [mailing, *others])) == 1
    for each in opened:
        each.engine.dispose()
    assert len(mailbox.mails) == 1


def test_a_digest_is_retried_with_the_same_id(
    mailing: Services, hold_all_site: Site, mailbox: Mailbox, clock: Clock
) -> None:
    """The state says why it failed. A mail that was taken but not confirmed is the same one for a mail program."""
    check(mailing, hold_all_site)
    clock.advance(HOUR)
    gone = replace(mailing, mail_server=mailbox.server(port=1))
    assert send_due_digests(gone) == 0 and count_failing_digests(mailing) == 1
    (digest,) = list_digests(mailing)
    assert "could not be connected to" in digest.last_error
    assert digest.next_attempt_at == clock() + RETRY_DELAYS[0]
    clock.advance(RETRY_DELAYS[0].total_seconds())
    assert send_due_digests(mailing) == 1 and count_failing_digests(mailing) == 0
    assert re.fullmatch(r"<digest\.\d+\.[\d.]+@moderation\.example>", mailbox.mails[0]["Message-ID"])
    send_digest_now(mailing, "mara")
    assert mailbox.mails[1]["Message-ID"] != mailbox.mails[0]["Message-ID"]


def test_a_process_that_dies_leaves_the_digest_to_others(
    mailing: Services, hold_all_site: Site, mailbox: Mailbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its claim has expired."""
    check(mailing, hold_all_site)
    clock.advance(HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(digest_actions, "send_mail", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            send_due_digests(mailing)
    assert send_due_digests(mailing) == 0
    clock.advance(60)
    assert send_due_digests(mailing) == 1 and len(mailbox.mails) == 1


def test_a_failing_digest_waits_for_the_next_one_at_most(mailing: Services, hold_all_site: Site, clock: Clock) -> None:
    """It is never given up, and without a mail server the problem is named."""
    without = replace(mailing, mail_server=None)
    check(mailing, hold_all_site)
    clock.advance(HOUR)
    for _ in range(len(RETRY_DELAYS) + 2):
        send_due_digests(without)
        (digest,) = list_digests(mailing)
        assert clock() < digest.next_attempt_at <= clock() + timedelta(hours=1)
        clock.now = digest.next_attempt_at
    assert "MODERATION_SMTP_HOST" in digest.last_error


def test_a_refused_recipient_delays_no_other(
    mailing: Services, hold_all_site: Site, mailbox: Mailbox, clock: Clock
) -> None:
    """The server is asked for each."""
    add_moderator(mailing, "noah", PASSWORD)
    set_digest(mailing, "noah", "noah@blog.example", DigestPeriod.HOUR)
    clock.advance(1)
    check(mailing, hold_all_site)
    clock.advance(HOUR)
    mailbox.recipient_answer = "550 unknown"
    send_due_digests(mailing)
    assert [digest.last_error for digest in list_digests(mailing)] == ["The mail server refused the recipient."] * 2


def test_digests_end(mailing: Services, mailbox: Mailbox, hold_all_site: Site, clock: Clock) -> None:
    """By a command, and with the moderator."""
    end_digest(mailing, "mara")
    assert list_digests(mailing) == []
    with pytest.raises(NotFound):
        send_digest_now(mailing, "mara")
    set_digest(mailing, "mara", EMAIL, DigestPeriod.DAY)
    remove_moderator(mailing, "mara")
    check(mailing, hold_all_site)
    clock.advance(30 * HOUR)
    assert send_due_digests(mailing) == 0 and mailbox.mails == []


@pytest.mark.parametrize(
    "email",
    ["mara", "a@b\r\nBcc: c@d", "Mara <a@b.example>", "a@b.example, c@d.example", "ü@b.example", "a" * 300 + "@b"],
)
def test_an_address_that_cannot_be_used(services: Services, moderator: Moderator, email: str) -> None:
    """No second recipient and no header fits into it."""
    with pytest.raises(InvalidInput):
        set_digest(services, moderator.name, email, DigestPeriod.DAY)


def test_the_times_of_digests() -> None:
    """Full hours, or one hour of each day."""
    noon = datetime(2026, 1, 2, 12, 0, 1, tzinfo=UTC)
    assert next_slot(DigestPeriod.HOUR, 6, noon) == datetime(2026, 1, 2, 13, tzinfo=UTC)
    assert next_slot(DigestPeriod.DAY, DEFAULT_HOUR, noon) == datetime(2026, 1, 3, 6, tzinfo=UTC)
    assert next_slot(DigestPeriod.DAY, 13, noon) == datetime(2026, 1, 2, 13, tzinfo=UTC)
