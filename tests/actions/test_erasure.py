"""A person's comments are shown and erased: everywhere in the database, with all that they taught."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from moderation.actions import erasure
from moderation.actions.author_rules import list_author_rules, set_author_rule
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.erasure import count_comments, erase_person, export_person
from moderation.actions.labelling import export_labels, label_decision
from moderation.actions.lists import ListRequest, get_list, parse_lines, plan_change, save_change
from moderation.actions.receipts import as_text, signed, verify_receipt
from moderation.actions.retention import purge_comments
from moderation.actions.retries import IdempotencyKey
from moderation.actions.saved_views import list_views, save_view
from moderation.actions.services import Services
from moderation.actions.similarity import find_similar_to_text
from moderation.actions.undo import list_acts, undo
from moderation.domain.authors import AuthorFact, Standing, VouchedAuthor
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.errors import InvalidInput
from moderation.domain.person import Identifier, Person
from moderation.domain.queue import ListName, Order, SavedView
from moderation.domain.site import Site
from moderation.storage import tables
from moderation.storage.engine import read_transaction
from tests.conftest import Clock
from tests.queue_lists import decide, held_items
from tests.site_weights import learnt

MAIL = "Zanzibar.Quux@ovens.example"
PERSON = Person(Identifier.EMAIL, MAIL)
COMMENT = Comment(
    "Quuxbread needs a hot oven, see http://quuxbread.example for more.",
    author="Zanzibar Quux",
    url="http://quuxbread.example/about",
    email=MAIL,
    permalink="https://blog.example/bread?by=quux",
    context="Quux on bread",
)
OTHER = Comment("The crumb of mine is dense, thank you.", author="Ada", email="ada@mill.example")
SPAM = Comment("Buy cheap pills at http://pills-casino.example now", author="Pills", email="pills@pills.example")
PROBES = (COMMENT, OTHER, SPAM, replace(SPAM, text=f"{COMMENT.text} {SPAM.text}"))


def judge(services: Services, site: Site, comment: Comment, label: LabelValue | None = None, **more: object) -> str:
    decision_id = check_comment(services, site, CheckRequest(comment, **more)).decision.id  # type: ignore[arg-type]
    if label:
        label_decision(services, site, decision_id, label, "mara", "queue", reason=f"Like {comment.author}")
    return decision_id


def stored_texts(services: Services) -> str:
    with read_transaction(services.engine) as connection:
        rows = [row for table in tables.metadata.sorted_tables for row in connection.execute(select(table))]
    return repr(rows).casefold()


def test_weights_are_those_of_a_log_without_the_person(services: Services, site: Site, other_site: Site) -> None:
    """To the last bit, for labels in the middle of the log and at its end. The labels of other people stay in force."""
    for number, (ham, spam) in enumerate([(OTHER, SPAM), (COMMENT, SPAM), (OTHER, COMMENT)]):
        for comment, value in ((ham, LabelValue.HAM), (spam, LabelValue.SPAM)):
            numbered = replace(comment, text=f"{comment.text} {number}")
            judge(services, site, numbered, value)
            if comment is not COMMENT:
                judge(services, other_site, numbered, value)
    before = learnt(services, site, PROBES)
    followed = services.site_weights_cache.find(site, services.live_model.current())
    receipt = erase_person(services, site, PERSON, "cli")
    assert (receipt.comments, receipt.labels) == (2, 2)
    assert learnt(services, site, PROBES) == learnt(services, other_site, PROBES) != before
    # A process that has followed the labels forgets them too.
    forgotten = services.site_weights_cache.find(site, services.live_model.current())
    assert followed and forgotten and len(forgotten.lessons) == len(followed.lessons) - 2 == 4
    assert all("uux" not in row["text"] for row in export_labels(services, site))


def test_nothing_is_left_in_the_database(
    services: Services, hold_all_site: Site, moderator: Moderator, clock: Clock
) -> None:
    """Texts, names, addresses, reasons of labels, rules by id, searches, and list entries of the site; others stay."""
    site = hold_all_site
    judge(services, site, OTHER, LabelValue.HAM)
    judge(services, site, COMMENT, LabelValue.SPAM, author=VouchedAuthor("quux-7", "author"))
    key = IdempotencyKey("a-key", "f" * 64)
    judge(services, site, replace(COMMENT, text="quuxbread again"), author=VouchedAuthor("quux-7"), key=key)
    set_author_rule(services, site, AuthorFact.ID, "quux-7", Standing.BLOCKED, "mara", "cli", days=None, reason="")
    receipt = erase_person(services, site, PERSON, "cli")
    assert "quux" not in stored_texts(services) and "zanzibar" not in stored_texts(services)
    assert (receipt.comments, receipt.labels, receipt.rules) == (2, 1, 1)
    assert list_author_rules(services, site) == [] and held_items(services) == []
    assert find_similar_to_text(services, site.id, COMMENT.text) == []
    assert "f" * 64 not in stored_texts(services) and "dense" in stored_texts(services)
    again = erase_person(services, site, PERSON, "cli")
    assert (again.comments, again.labels, again.rules) == (0, 0, 0)


@pytest.mark.parametrize(
    "value", [MAIL.lower(), f"  {MAIL.upper()} ", MAIL.replace("Q", "\\Q"), MAIL.replace("@", "&#64;")]
)
def test_spellings_of_one_address_are_found(services: Services, site: Site, value: str) -> None:
    """Letter case, spaces, slashes and entities do not count."""
    judge(services, site, COMMENT)
    assert count_comments(services, site, Person(Identifier.EMAIL, value)) == 1


@pytest.mark.parametrize(
    "name",
    [
        "'; DROP TABLE comments; --",
        "%",
        "_",
        "\x00\ud800",
        "<script>alert(1)</script>",
        "\u540d\u202e",
        "digest:0",
        "O'Neill\\",
    ],
)
def test_hostile_names_find_themselves_only(services: Services, site: Site, name: str) -> None:
    """A pattern, a statement or markup is a name like any other."""
    judge(services, site, OTHER)
    judge(services, site, replace(COMMENT, author=name))
    stored = name.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    receipt = erase_person(services, site, Person(Identifier.NAME, stored), "cli")
    assert receipt.comments == 1
    assert count_comments(services, site, Person(Identifier.EMAIL, OTHER.email or "")) == 1


@pytest.mark.parametrize("value", ["", "  ", "a" * 501])
def test_an_empty_or_endless_identifier_is_refused(value: str) -> None:
    """An empty one would be the person of all comments without the field."""
    with pytest.raises(InvalidInput, match="Name the person by 1 to 500"):
        Person(Identifier.EMAIL, value)


def test_a_purged_comment_is_found_by_its_digest(services: Services, site: Site, clock: Clock) -> None:
    """The person can be erased still, with the label that goes on teaching."""
    judge(services, site, COMMENT, LabelValue.HAM)
    clock.advance(90 * 86_400)
    assert purge_comments(services) and MAIL.casefold() not in stored_texts(services)
    assert len(learnt(services, site, PROBES)[0]) == 1
    assert erase_person(services, site, PERSON, "cli").labels == 1
    assert learnt(services, site, PROBES)[0] == []


def test_other_sites_keep_their_comments(services: Services, site: Site, other_site: Site) -> None:
    """Each site answers for its readers."""
    for each in (site, other_site):
        judge(services, each, COMMENT)
    erase_person(services, site, PERSON, "cli")
    assert count_comments(services, other_site, PERSON) == 1


def test_an_undo_brings_no_label_back(services: Services, hold_all_site: Site, moderator: Moderator) -> None:
    """The act is older than the erasure, which replaced it."""
    judge(services, hold_all_site, COMMENT)
    (held,) = held_items(services)
    assert decide(services, held, LabelValue.HAM, moderator) == []
    erase_person(services, hold_all_site, PERSON, "cli")
    undo(services, list_acts(services)[0].id, moderator)
    assert learnt(services, hold_all_site, PROBES)[0] == [] and held_items(services) == []


def test_an_export_has_all_about_a_comment(services: Services, site: Site) -> None:
    """As lines of JSON, without keyed hashes, which say nothing to a person."""
    judge(services, site, OTHER)
    judge(services, site, COMMENT, LabelValue.SPAM)
    (line,) = export_person(services, site, PERSON)
    exported = json.loads(line)
    assert (exported["text"], exported["email"], exported["site"]) == (COMMENT.text, MAIL, site.url)
    assert exported["decisions"][0]["reasons"] and exported["labels"][0]["reason"] == "Like Zanzibar Quux"
    assert not {"content_hash", "retry_hash", "trait_keys"} & exported.keys()


def test_lists_and_views_lose_the_address(services: Services, site: Site, moderator: Moderator) -> None:
    """A list of all sites is another operator's decision: the receipt names it."""
    entries = parse_lines([MAIL, "ada@mill.example"]).entries
    for name, url in (("own", site.url), ("shared", None)):
        request = ListRequest(name, entries, url)
        save_change(services, request, plan_change(services, request))
    for query in (f"email:{MAIL.lower()}", "author:ada"):
        save_view(services, moderator, SavedView(0, query[:20], ListName.HELD, Order.NEWEST, query))
    receipt = erase_person(services, site, PERSON, "cli")
    assert (receipt.list_entries, receipt.views, receipt.other_lists) == (1, 1, ["shared"])
    assert [entry.key for entry in get_list(services, "own").entries] == ["ada@mill.example"]
    assert len(get_list(services, "shared").entries) == 2
    assert [view.query for view in list_views(services, moderator)] == ["author:ada"]


def test_thousands_of_comments_are_erased_in_small_writes(
    services: Services, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No write has more than a batch, and scores that come meanwhile are stored."""
    monkeypatch.setattr(erasure, "_PAGE_SIZE", 7)
    monkeypatch.setattr(erasure, "BATCH_SIZE", 3)
    for number in range(20):
        judge(services, site, replace(COMMENT, text=f"{COMMENT.text} {number}"))
    assert erase_person(services, site, PERSON, "cli").comments == 20


def test_a_receipt_is_verified_and_a_changed_one_is_not(services: Services, site: Site) -> None:
    """Nothing about the person is in it."""
    judge(services, site, COMMENT)
    receipt = erase_person(services, site, PERSON, "cli")
    text = as_text(services, receipt)
    assert verify_receipt(services, text.encode()) == receipt
    assert "quux" not in text.casefold() and "zanzibar" not in text.casefold()
    values = signed(services, receipt)
    for changed in (
        {**values, "comments": 7},
        {**values, "signature": "0" * 64},
        {**values, "signature": "é"},
        {**values, "signature": 1},
        {**values, "comments": [[1]]},
        {**values, "more": 1},
        {},
    ):
        with pytest.raises(InvalidInput, match=r"receipt"):
            verify_receipt(services, json.dumps(changed).encode())
    for junk in (b"", b"[]", b"\xff", b"[" * 100_000, b" " * 2**21):
        with pytest.raises(InvalidInput, match="This is no receipt"):
            verify_receipt(services, junk)
    foreign = replace(services, secret=b"x" * 32)
    with pytest.raises(InvalidInput, match="installation with another secret"):
        verify_receipt(foreign, text.encode())
