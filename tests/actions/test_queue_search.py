"""Finding comments in a list: what matches, in which order, on which sites, and how far one search reads."""

from dataclasses import replace
from datetime import timedelta

import pytest

from moderation.actions import queue_search
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.labelling import import_labels, label_decision, read_labelled, remove_comment
from moderation.actions.moderating import act
from moderation.actions.queue_search import count_facets, find_comments
from moderation.actions.review import list_comments
from moderation.actions.second_look import store_findings
from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_thresholds, set_type_thresholds
from moderation.domain.audit import AuditDraw
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.people import SiteScope
from moderation.domain.queue import Finding, ListName, Order, QueueList, SeenComment, Verb
from moderation.domain.search import MAX_TERMS, parse_query
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from tests.conftest import HOLD_ALL, Clock

PUBLISH_ALL = Thresholds(1.0, 1.0, 1.0)
BLOCK_ALL = Thresholds(1e-12, 1e-12, 1.0)


@pytest.fixture
def site(services: Services, site: Site) -> Site:
    """A site that holds every comment."""
    return set_thresholds(services, site.url, HOLD_ALL)


def send(services: Services, site: Site, text: str, **fields: str) -> str:
    """Send a comment and return the id of its decision."""
    return check_comment(services, site, CheckRequest(Comment(text, **fields))).decision.id


def texts(
    services: Services,
    query: str,
    name: ListName = ListName.HELD,
    order: Order = Order.NEWEST,
    *,
    skipped: bool = False,
) -> list[str]:
    """Return the texts of the comments that match, of all pages, in the order of the list."""
    found, after = [], ""
    while True:
        page = find_comments(services, QueueList(name, order, skipped), parse_query(query), after, limit=3)
        found += [comment.decision.comment.text for comment in page.comments]
        after = page.after
        if not after:
            return found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("needle", {"text": "A needle here"}),
        ("NEEDLE", {"text": "a needle here"}),
        ('"needle here"', {"text": "A needle  here"}),
        ("needle", {"text": "a n\u200beedle"}),
        ("needle", {"text": "a nееdle"}),
        ("needle", {"text": "a ｎｅｅｄｌｅ"}),
        ("ｎｅｅｄｌｅ", {"text": "a needle"}),
        ("straße", {"text": "die STRASSE"}),
        ("ПРИВЕТ", {"text": "привет"}),
        ("\u202e", {"text": "a \u202eb"}),
        ("\0", {"text": "a \0b"}),
        ("needle", {"text": '<a href="https://needle.example/">x</a>'}),
        ("needle", {"author": "Needle"}),
        ("needle", {"url": "https://needle.example"}),
        ("needle", {"context": "About a needle"}),
        ("[a-z]+(", {"text": "see [a-z]+( here"}),
        ("%_", {"text": "50 %_ off"}),
        ("author:needle", {"author": "The NEEDLE"}),
        ("email:ann@needle.example", {"email": "Ann@Needle.example"}),
        ("email:needle.example", {"email": "ann@mail.needle.example"}),
        ("domain:needle.example", {"text": "see https://www.needle.example/x"}),
        ("domain:https://needle.example/", {"text": '<a href="http://shop.needle.example">x</a>'}),
        ("domain:needle.example", {"url": "needle.example/me"}),
        ("domain:needle.example", {"email": "ann@needle.example"}),
        ("url:needle.example", {"url": "https://needle.example"}),
        ("lang:en", {"lang": "de, EN_us"}),
        ("-straw", {"text": "a needle"}),
        ("-author:straw needle", {"text": "a needle", "author": "Ann"}),
    ],
)
def test_a_term_finds_the_comment_that_it_means(
    services: Services, site: Site, query: str, field: dict[str, str]
) -> None:
    """Case, width, invisible characters and homoglyphs do not matter; the other comment does not match."""
    straw = {"text": "straw", "author": "straw man", "email": "needle@straw.example", "url": "https://straw.example"}
    send(services, site, **straw)
    found = {"text": "other", **field}
    send(services, site, **found)
    assert len(texts(services, query)) == 1 and texts(services, query) != ["straw"]


@pytest.mark.parametrize("query", ["email:ann@", "email:an", "email:@example", "ann", "an", "domain:ample.org"])
def test_no_search_tells_the_hidden_part_of_an_address(services: Services, site: Site, query: str) -> None:
    """The queue does not show it, so that it must not be guessed letter by letter either."""
    send(services, site, "hello", email="ann@example.org", author="B")
    assert texts(services, query) == []
    assert texts(services, "email:ann@example.org") == ["hello"]


def test_kinds(services: Services, site: Site, moderator: Moderator) -> None:
    """By verdict and by the decision of a person."""
    _, blocked, public, removed, skipped = (
        send(services, set_thresholds(services, site.url, thresholds), text)
        for text, thresholds in zip(
            ("held", "blocked", "public", "removed", "skipped"),
            (HOLD_ALL, BLOCK_ALL, PUBLISH_ALL, HOLD_ALL, HOLD_ALL),
            strict=True,
        )
    )
    act(services, [SeenComment(skipped)], Verb.SKIP, moderator)
    assert texts(services, "is:skipped", skipped=True) == ["skipped"]
    assert texts(services, "-is:skipped", skipped=True) == texts(services, "is:held") == ["removed", "held"]
    assert texts(services, "is:blocked", ListName.BLOCKED) == ["blocked"]
    assert texts(services, "is:blocked", ListName.PUBLIC) == [] != texts(services, "is:public", ListName.PUBLIC)
    label_decision(services, site, blocked, LabelValue.HAM, "mara", "queue")
    label_decision(services, site, public, LabelValue.SPAM, "mara", "queue")
    remove_comment(services, site, removed, "mara", "queue")
    assert texts(services, "is:ham", ListName.DECIDED) == ["blocked"] == texts(services, "is:blocked", ListName.DECIDED)
    assert texts(services, "is:spam", ListName.DECIDED) == ["public"]
    assert (
        texts(services, "is:removed", ListName.DECIDED) == ["removed"] == texts(services, "is:held", ListName.DECIDED)
    )
    assert len(texts(services, "is:decided", ListName.DECIDED)) == 3 and texts(services, "is:decided") == []


def test_times(services: Services, site: Site, clock: Clock) -> None:
    """A day begins in UTC; the list of blocked comments begins at the day itself."""
    site = set_thresholds(services, site.url, BLOCK_ALL)
    for text in ("first", "second", "third"):
        send(services, site, text)
        clock.advance(86_400)
    assert texts(services, "before:2026-01-03", ListName.BLOCKED) == ["first"]
    assert texts(services, "after:2026-01-03", ListName.BLOCKED) == ["third", "second"]
    assert texts(services, "-after:2026-01-03", ListName.BLOCKED) == ["first"]
    assert len(texts(services, "after:2026 before:2027 after:2026-01", ListName.BLOCKED)) == 3
    assert (
        texts(services, "before:0001", ListName.BLOCKED) == texts(services, "after:9999-12-31", ListName.BLOCKED) == []
    )


def test_an_audit_item_does_not_tell_its_verdict(services: Services, site: Site) -> None:
    """It is found by its words, and by nothing that depends on verdict, score or reasons."""
    audited = replace(services, audit=AuditDraw(services.secret, 1.0))
    for thresholds in (BLOCK_ALL, PUBLISH_ALL):
        send(audited, set_thresholds(services, site.url, thresholds), f"pills from {thresholds.spam}")
    assert len(texts(services, "pills")) == len(texts(services, "pills is:audit")) == 2
    for query in (
        "is:blocked",
        "-is:blocked",
        "is:public",
        "-is:public",
        "is:held",
        "-is:held",
        "reason:x",
        "-reason:x",
    ):
        assert texts(services, query) == []
    for order in (Order.HIGHEST, Order.UNCERTAIN):
        assert texts(services, "pills", order=order) == []
        assert list_comments(services, ListName.HELD, order=order).comments == []
    for name in (ListName.BLOCKED, ListName.PUBLIC):
        assert texts(services, "pills", name) == []
    facets = count_facets(services, QueueList(ListName.HELD), parse_query(""))
    assert facets.counted == 2 and facets.reasons == []


def test_a_search_stays_on_the_sites_of_a_person(services: Services, site: Site) -> None:
    """Comments, facets, ids and the names of other sites are out of reach."""
    other = add_site(services, "https://other.example", None)[0]
    other = set_thresholds(services, other.url, HOLD_ALL)
    send(services, site, "needle", url="https://ours.example")
    foreign = send(services, other, "needle", url="https://theirs.example")
    own = replace(services, scope=SiteScope(frozenset({site.id})))
    assert len(texts(services, "needle")) == 2 and len(texts(services, "site:other")) == 1
    assert len(texts(services, "-site:other.example")) == 1 == len(texts(services, "site:https://other.example/"))
    for query in ("site:other", "site:https://other.example", f"id:{foreign}", "domain:theirs.example"):
        assert texts(own, query) == []
    for query in ("needle", "-site:other", f"-id:{foreign}"):
        assert len(texts(own, query)) == 1
    facets = count_facets(own, QueueList(ListName.HELD), parse_query(""))
    assert facets.sites == [(site.url, 1)] and facets.hosts == [("ours.example", 1)]


def test_reasons_and_facets_agree(services: Services, site: Site) -> None:
    """The comments that a reason is counted for are those that the operator finds."""
    for number in range(6):
        send(services, site, f"Buy cheap pills now {number} at https://pills{number % 2}.example !!!", lang="en, de_AT")
    facets = count_facets(services, QueueList(ListName.HELD), parse_query(""))
    assert facets.counted == 6 and facets.is_all and facets.reasons
    for reason, number in facets.reasons:
        assert len(texts(services, f"reason:{reason.name.lower()}")) == number
    assert facets.languages == [("en", 6), ("de-at", 6)]
    assert count_facets(services, QueueList(ListName.HELD), parse_query("domain:pills0.example")).counted == 3


@pytest.mark.parametrize("order", list(Order))
def test_a_search_has_the_order_of_its_list(services: Services, site: Site, order: Order, clock: Clock) -> None:
    """The matching comments in the order of the list, page after page; none is lost between two pages."""
    numbers = iter(range(30))
    for _ in range(15):
        send(services, site, f"word {'pills casino ' * (next(numbers) % 4)} number {next(numbers)}")
        clock.advance(1)
    whole = list_comments(services, ListName.HELD, order=order).comments
    found = [comment.decision.comment.text for comment in whole]
    assert texts(services, "word", order=order) == found
    assert texts(services, "casino", order=order) == [text for text in found if "casino" in text]
    scores = [comment.decision.score.probability for comment in whole]
    times = [comment.since for comment in whole]
    expected = {
        Order.NEWEST: times == sorted(times, reverse=True),
        Order.OLDEST: times == sorted(times),
        Order.HIGHEST: scores == sorted(scores, reverse=True),
        Order.UNCERTAIN: scores == sorted(scores),
        Order.SOON: whole == [],
    }
    assert expected[order] and (order is Order.SOON or len(whole) == 15)


def test_uncertain_is_by_the_threshold_of_each_comment(services: Services, site: Site) -> None:
    """A private type has other thresholds: the distance counts, not the score."""
    site = set_type_thresholds(services, site.url, "message", Thresholds(0.4, 1.0, 1.0))
    for comment_type in ("comment", "message"):
        send(services, site, f"Buy cheap pills {comment_type}", type=comment_type)
    margins = [
        comment.decision.score.probability - comment.decision.thresholds.review
        for comment in list_comments(services, ListName.HELD, order=Order.UNCERTAIN).comments
    ]
    assert margins == sorted(margins)


def test_a_second_look_is_searched_too(services: Services, site: Site) -> None:
    """Also its comments that came with an import: they have labels, and no verdict."""
    label_decision(services, site, send(services, site, "a judged needle"), LabelValue.HAM, "mara", "queue")
    import_labels(services, site, [(Comment("an imported needle"), LabelValue.SPAM)])
    doubted = [Finding(one.comment_id, one.label_id, 0.5) for one in read_labelled(services, site)]
    store_findings(services, site, doubted)
    name = ListName.SECOND_LOOK
    assert sorted(texts(services, "needle", name)) == ["a judged needle", "an imported needle"]
    assert texts(services, "needle", name, Order.OLDEST) == texts(services, "needle", name)[::-1]
    assert texts(services, "is:spam after:2026", name) == texts(services, "imported", name) == ["an imported needle"]
    assert texts(services, "is:held", name) == texts(services, "is:ham", name) == ["a judged needle"]
    assert texts(services, "-is:held", name) == texts(services, "before:2026", name) == []


@pytest.mark.parametrize("name", list(ListName)[:4])
def test_a_search_reads_a_bounded_number(
    services: Services, site: Site, name: ListName, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """A query without a match ends after that many, says how far it came, and goes on from there to the end."""
    monkeypatch.setattr(queue_search, "MAX_READ", 4)
    thresholds = {ListName.BLOCKED: BLOCK_ALL, ListName.PUBLIC: PUBLISH_ALL}.get(name, HOLD_ALL)
    site = set_thresholds(services, site.url, thresholds)
    for number in range(10):
        decision_id = send(services, site, f"number {number}")
        if name is ListName.DECIDED:
            label_decision(services, site, decision_id, LabelValue.SPAM, "mara", "queue")
        clock.advance(60)
    queue_list, after, times = QueueList(name), "", []
    while True:
        page = find_comments(services, queue_list, parse_query("nowhere"), after, limit=3)
        assert page.comments == []
        if not page.after:
            break
        times.append(page.read_to)
        after = page.after
    assert times == [clock.now - timedelta(minutes=minutes) for minutes in (4, 8)] and page.read_to is None
    assert texts(services, '"number 0"', name) == ["number 0"]


def test_long_texts_end_a_search_sooner(services: Services, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is that of the characters, not of the comments alone."""
    monkeypatch.setattr(queue_search, "MAX_WORK", 25_000)
    for number in range(6):
        send(services, site, f"number {number} {'long ' * 3_000}")
    page = find_comments(services, QueueList(ListName.HELD), parse_query("nowhere"), "", limit=3)
    assert page.after and page.read_to == services.clock()
    assert len(texts(services, "number")) == 6


@pytest.mark.parametrize(
    "query",
    [
        "x" * 100_000,
        "(a+)+$" * 80,
        "\0\x1b\ud800",
        "\u202e\u2066" * 100,
        "author:x " * 1_000,
        "before:99999-99-99 after:-1",
        '"' * 499,
        "-" * 500,
        "site:" + "\u0301" * 400,
        "reason:\0 lang:\0 email:\0 domain:\0 url:http://[ id:\ud800",
        "domain:%00 url:%2e domain:xn--",
    ],
)
def test_a_hostile_query_is_a_query(services: Services, site: Site, query: str) -> None:
    """It finds nothing here, and is answered."""
    send(services, site, "hello", author="Ann", url="http://[", email="@", lang=",", context="x")
    parsed = parse_query(query)
    assert len(parsed.terms) <= MAX_TERMS
    for name in ListName:
        find_comments(services, QueueList(name), parsed, "", limit=3)
        count_facets(services, QueueList(name), parsed)
