"""Lists of an operator: the next comment meets a change, and a preview tells its effect."""

from dataclasses import replace
from datetime import timedelta

import pytest

from moderation.actions.check import CheckRequest, check_comment, check_comments, find_decision
from moderation.actions.labelling import label_decision
from moderation.actions.list_preview import preview_change
from moderation.actions.lists import (
    ListRequest,
    get_list,
    parse_lines,
    plan_change,
    remove_entries,
    remove_list,
    save_change,
    show_lists,
)
from moderation.actions.services import Services
from moderation.actions.sites import add_site, find_site, remove_site
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelValue
from moderation.domain.errors import Conflict, InvalidInput, NotFound
from moderation.domain.lists import LIST_CODES, MAX_ENTRIES
from moderation.domain.site import Site
from moderation.domain.thresholds import Verdict
from moderation.storage.list_cache import ListCache
from tests.conftest import Clock

SOUP = Comment("The soup of the zanzibar kitchen was lovely.", author="Ines")


def save(services: Services, *lines: str, name: str = "ours", **changes: object) -> None:
    request = ListRequest(name, parse_lines(lines).entries, **changes)  # type: ignore[arg-type]
    save_change(services, request, plan_change(services, request))


def check(services: Services, site: Site, comment: Comment = SOUP) -> Decision:
    """Check a comment as a request does: the site is read anew."""
    return check_comment(services, find_site(services, site.url), CheckRequest(comment, spans=True)).decision


def listed(decision: Decision) -> list[tuple[float, str]]:
    return [(reason.weight, reason.detail) for reason in decision.score.reasons if reason.code in LIST_CODES]


def test_the_next_comment_meets_a_change(services: Services, site: Site) -> None:
    """Also the same comment: a retry is judged anew when other entries match. Reasons and bias add up to the logit."""
    before = check(services, site)
    save(services, "zanzibar")
    after = check(services, site)
    assert listed(before) == [] and listed(after) == [(6.0, "ours: “zanzibar”")]
    assert after.score.logit == pytest.approx(before.score.logit + 6.0)
    assert after.score.bias + sum(reason.weight for reason in after.score.reasons) == pytest.approx(after.score.logit)
    remove_entries(services, "ours", ["Zanzibar"])
    assert listed(check(services, site)) == []
    assert find_decision(services, site, after.id) == (after, None)


def test_another_process_meets_it_too(services: Services, site: Site) -> None:
    """Each process has its own memory of the lists, and a version tells when it is outdated."""
    other = replace(services, list_cache=ListCache(services.engine))
    save(services, "zanzibar")
    assert listed(check(other, site))
    save(services, "lovely", name="second", url=site.url, weight=1.5)
    assert listed(check(other, site)) == [(6.0, "ours: “zanzibar”"), (1.5, "second: “lovely”")]
    remove_list(services, "ours")
    assert listed(check(other, site)) == [(1.5, "second: “lovely”")]


def test_without_a_change_the_database_is_not_asked(
    services: Services, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lists are read once for each version."""
    save(services, "zanzibar")
    current = find_site(services, site.url)
    first = services.list_cache.find(current)
    monkeypatch.setattr("moderation.storage.list_cache.read_transaction", None)
    assert services.list_cache.find(current) == first


def test_a_list_may_be_one_of_a_site(services: Services, site: Site) -> None:
    """Other sites do not meet it."""
    elsewhere, _ = add_site(services, "https://elsewhere.example")
    save(services, "zanzibar", url=site.url)
    assert listed(check(services, site)) and not listed(check(services, elsewhere))
    with pytest.raises(Conflict):
        save(services, "soup", url=elsewhere.url)
    save(services, "soup")
    assert get_list(services, "ours").site_url == site.url
    remove_site(services, site.url)
    assert not get_list(services, "ours").is_active


def test_a_batch_meets_the_lists(services: Services, site: Site) -> None:
    """So do all channels: a check has one path."""
    save(services, "zanzibar", allow=True, weight=2.0)
    (decision,) = check_comments(services, find_site(services, site.url), [SOUP])
    assert listed(decision) == [(-2.0, "ours: “zanzibar”")]


def test_an_entry_expires(services: Services, site: Site, clock: Clock) -> None:
    """At its time, without a change; another import gives it another expiry."""
    lines, at = ["zanzibar"], clock() + timedelta(days=1)
    request = ListRequest("ours", parse_lines(lines, expires_at=at).entries)
    save_change(services, request, plan_change(services, request))
    assert listed(check(services, site))
    clock.advance(86_400)
    assert not listed(check(services, site))
    (entry,) = get_list(services, "ours").entries
    assert entry.is_expired(clock())
    save(services, "zanzibar")
    assert listed(check(services, site)) and get_list(services, "ours").entries[0].expires_at is None


def test_the_same_import_twice_is_once(services: Services) -> None:
    """New, known and repeated entries are counted, and the second import changes nothing."""
    lines = "\ufeff# ours\r\nCasino\r\n\r\ncasino\r\n203.0.113.7\r\nx\r\npills.com\r\nca\0sino\r\n" + "y" * 1_000_000
    parsed = parse_lines(lines.split("\n"))
    assert [entry.key for entry in parsed.entries] == ["casino", "pills.com"] and parsed.repeated == 1
    assert sum(parsed.left_out_counts.values()) == 4 and [5] in parsed.left_out.values()
    request = ListRequest("ours", parsed.entries)
    first, again = (save_change(services, request, plan_change(services, request)) for _ in range(2))
    assert (len(first.added), first.known) == (2, 0)
    assert (len(again.added), again.known, again.renewed) == (0, 2, [])
    assert len(get_list(services, "ours").entries) == 2


def test_a_changed_weight_counts_at_once(services: Services, site: Site) -> None:
    """Without a weight, a list keeps its own."""
    save(services, "zanzibar", weight=2.0)
    save(services, "soup", weight=3.0)
    save(services, "soup")
    assert listed(check(services, site)) == [(3.0, "ours: “soup”, “zanzibar”")]


@pytest.mark.parametrize("weight", [0.0, -1.0, 21.0, float("nan"), float("inf")])
def test_a_weight_is_limited(services: Services, weight: float) -> None:
    """No weight makes a logit that is no number."""
    with pytest.raises(InvalidInput):
        save(services, "casino", weight=weight)


def test_wrong_names_are_refused(services: Services) -> None:
    """Of lists, sites and entries; a list that counts against comments cannot begin to allow."""
    for name in ("", "a:b", "x" * 41, "a\nb"):
        with pytest.raises(InvalidInput):
            save(services, "casino", name=name)
    with pytest.raises(NotFound):
        save(services, "casino", url="https://unknown.example")
    save(services, "casino")
    with pytest.raises(Conflict):
        save(services, "soup", allow=True)
    with pytest.raises(NotFound):
        remove_list(services, "other")
    with pytest.raises(NotFound):
        remove_entries(services, "ours", ["casino", "soup"])
    assert [len(each.entries) for each in show_lists(services)] == [1]


def test_a_list_is_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with more keys than memory allows is refused while it is read."""
    monkeypatch.setattr("moderation.actions.lists.MAX_ENTRIES", 3)
    assert MAX_ENTRIES == 200_000
    with pytest.raises(InvalidInput, match="at most 3 entries"):
        parse_lines(f"word{number}" for number in range(9))


def test_a_preview_tells_the_effect(services: Services, site: Site, clock: Clock) -> None:
    """Matches and changed verdicts of the last 30 days by label, and of older ones none."""
    check(services, site, Comment("An old zanzibar soup", author="Old"))
    clock.advance(31 * 86_400)
    for number in range(4):
        decision = check(
            services, site, Comment(f"Soup number {number} of the zanzibar kitchen", author=f"Ann {number}")
        )
        assert decision.verdict is Verdict.PUBLISH
        if number < 2:
            label_decision(services, site, decision.id, LabelValue.HAM, "mara", "api")
    check(services, site, Comment("A bread from another kitchen", author="Bob"))
    request = ListRequest("ours", parse_lines(["zanzibar", "unknownword"]).entries, weight=20.0)
    preview = preview_change(services, plan_change(services, request))
    assert (preview.read, preview.total, preview.matched, preview.opposite) == (5, 5, 4, 5)
    assert preview.matched_labels == {LabelValue.HAM: 2, None: 2} == preview.changed_labels
    assert sum(preview.changes.values()) == 4 and {before for before, _ in preview.changes} == {Verdict.PUBLISH}
    assert "zanzibar (4)" in (preview.objection(allows=False) or "")
    # What is saved already is no effect of the next change.
    save_change(services, request, plan_change(services, request))
    check(services, site, Comment("The zanzibar kitchen again", author="Carl"))
    again = preview_change(services, plan_change(services, request))
    assert (again.read, again.matched, again.changes.total()) == (6, 0, 0)
    assert again.objection(allows=False) is None


def test_a_preview_of_a_list_that_allows(services: Services, site: Site) -> None:
    """The comments that it should not match are the blocked ones."""
    for number in range(4):
        decision = check(
            services, site, Comment(f"Soup number {number} of the zanzibar kitchen", author=f"Ann {number}")
        )
        label_decision(services, site, decision.id, LabelValue.SPAM, "mara", "api")
    request = ListRequest("friends", parse_lines(["zanzibar"]).entries, allow=True)
    preview = preview_change(services, plan_change(services, request))
    assert (preview.opposite, preview.opposite_matched) == (4, 4)
    assert "blocked" in (preview.objection(allows=True) or "")


def test_many_entries_get_another_expiry(services: Services, clock: Clock) -> None:
    """More than one statement takes: all of them, and no other entry."""
    lines = [f"word{number}" for number in range(1_200)]
    save(services, *lines, "other", "pills.com")
    request = ListRequest("ours", parse_lines([*lines, "pills.com"], expires_at=clock()).entries)
    change = save_change(services, request, plan_change(services, request))
    assert (len(change.added), change.known, len(change.renewed)) == (0, 1_201, 1_201)
    entries = get_list(services, "ours").entries
    assert [entry.key for entry in entries if not entry.is_expired(clock())] == ["other"] and len(entries) == 1_202
