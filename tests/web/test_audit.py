"""Audit items in the queue: nothing on them tells the verdict before a person has decided."""

import re
from dataclasses import replace

import pytest

from moderation.actions.services import Services
from moderation.actions.sites import add_site
from moderation.domain.alarms import AlarmKind
from moderation.domain.audit import NO_AUDIT, AuditDraw
from moderation.domain.thresholds import Thresholds
from moderation.settings import Settings
from moderation.storage import alarms
from moderation.storage.engine import write_transaction
from moderation.web.app import create_app
from tests.conftest import Clock
from tests.queue_lists import held_items
from tests.web.conftest import DISCARD_ALL, HOLD_ALL, PUBLISH_ALL, SPAM_ALL, Blog, Browser

TEXT = "Cheap pills at http://pills.example/ today"


@pytest.fixture
def services(services: Services) -> Services:
    """The services with an audit that draws every automatic decision."""
    return replace(services, audit=AuditDraw(services.secret, 1.0))


@pytest.mark.parametrize(
    ("thresholds", "decision", "told"),
    [
        (PUBLISH_ALL, "ham", ""),
        (PUBLISH_ALL, "spam", "had let it through"),
        (SPAM_ALL, "spam", ""),
        (SPAM_ALL, "ham", "had blocked it"),
        (DISCARD_ALL, "ham", "had blocked it"),
    ],
)
def test_the_verdict_is_told_after_the_decision(
    blog: Blog, mara: Browser, thresholds: Thresholds, decision: str, told: str
) -> None:
    """Only where the moderator has something to do at the blog."""
    blog.set_thresholds(thresholds)
    blog.score(TEXT)
    assert "0 held, 1 to audit" in mara.read("/queue")
    (item,) = held_items(blog.services)
    after = mara.client.get(mara.send("/queue/act", id=str(item.seen), verb=decision).headers["Location"]).text
    assert "the label is stored" in after
    assert [told] == (re.findall("had blocked it|had let it through", after.partition("</title>")[2]) or [""])


def test_pages_of_any_verdict_are_alike(blog: Blog, mara: Browser) -> None:
    """In the list and alone: no probability, threshold, reason, mark or similar comment."""
    pages = set()
    for thresholds in (PUBLISH_ALL, SPAM_ALL, DISCARD_ALL):
        blog.set_thresholds(thresholds)
        blog.score(TEXT)
        item = held_items(blog.services)[0]
        for page in (mara.get("/queue").text, mara.get(f"/queue/comments/{item.id}").text):
            (card,) = re.findall(r"<article.*?</article>", page, re.DOTALL)
            pages.add(re.sub(rf'value="[^"]+"|{item.id}|{item.id[-8:]}', "", card))
        mara.send("/queue/act", id=item.id, verb="remove")
    for card in pages:
        assert "Audit: drawn at random" in card and "pills.example" in card and "received" in card
        assert not re.search(r"% spam|threshold|Strongest|<mark|Similar|held", card)
    assert len(pages) <= 2


def test_the_answer_does_not_tell(blog: Blog, services: Services, settings: Settings) -> None:
    """Neither to the check nor later: it has the fields of a service without audit."""
    blog.set_thresholds(SPAM_ALL)
    audited = blog.score(TEXT)
    later = blog.call("GET", f"/v1/decisions/{audited['id']}").get_json()
    assert not re.search("audit", repr((audited, later)))
    plain = create_app(replace(services, audit=NO_AUDIT), settings).test_client()
    unaudited = replace(blog, client=plain).score(TEXT + ".")
    assert audited.keys() == unaudited.keys() and audited["verdict"] == unaudited["verdict"] == "spam"


def test_a_held_comment_is_shown_as_before(blog: Blog, mara: Browser) -> None:
    """With its score and its reasons."""
    blog.set_thresholds(HOLD_ALL)
    blog.score(TEXT)
    page = mara.get("/queue").text
    assert "1 held<" in page and "% spam" in page and "Audit:" not in page


def test_alarms_are_on_the_front_page_and_in_the_metrics(blog: Blog, mara: Browser, clock: Clock) -> None:
    """The first five, as text; the others are counted."""
    kinds, other_site = list(AlarmKind), add_site(blog.services, "https://other.example", None)[0]
    with write_transaction(blog.services.engine) as connection:
        alarms.put(connection, blog.site.id, dict.fromkeys(kinds, "<b>Too much</b> ham is lost."), clock.now)
        alarms.put(connection, other_site.id, {AlarmKind.WORDS: "New words."}, clock.now)
    page = mara.get("/queue").text
    assert page.count("&lt;b&gt;Too much&lt;/b&gt; ham is lost.") == 5 and "1 more alarm:" in page
    metrics = blog.client.get("/metrics").text
    counts = {kind.value: 2.0 if kind is AlarmKind.WORDS else 1.0 for kind in kinds}
    assert all(f'moderation_alarms{{alarm="{kind}"}} {count}' in metrics for kind, count in counts.items())
