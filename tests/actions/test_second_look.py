"""The second look: doubtful labels and suspicious published comments wait until a person decides or keeps them."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.history import label_history, rescore_history, second_look
from moderation.actions.history_import import import_history
from moderation.actions.history_removal import remove_history
from moderation.actions.labelling import import_labels, label_comment, label_decision, read_labelled, withdraw_label
from moderation.actions.moderating import act
from moderation.actions.review import count_lists, list_comments, read_comment
from moderation.actions.second_look import store_findings
from moderation.actions.services import Services
from moderation.actions.sites import find_site, remove_site
from moderation.actions.undo import list_acts, undo
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.errors import NotFound
from moderation.domain.history import PastComment, PastStatus
from moderation.domain.people import SiteScope
from moderation.domain.queue import Finding, ListedComment, ListName, Verb
from moderation.domain.site import Site
from moderation.storage import tables
from moderation.storage.engine import read_transaction, write_transaction
from tests.conftest import Clock
from tests.queue_lists import decide

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
TEXT = "We sell garden sheds of oak and larch for {} euros with delivery to your door"
PILLS = Comment("Cheap casino pills, buy now at http://pills-casino.example", author="Pills")
THANKS = Comment("Thank you, the soup was good.", author="Ida")


def labelled_pair(services: Services, site: Site, channel: str = "queue") -> tuple[str, str]:
    """Store two near-duplicates, one labelled spam and one ham, and return the ids of their decisions."""
    ids = []
    for number, value in enumerate((SPAM, HAM)):
        ids.append(check_comment(services, site, CheckRequest(Comment(TEXT.format(number)))).decision.id)
        label_decision(services, site, ids[-1], value, "ann", channel)
    return ids[0], ids[1]


def audit(services: Services, site: Site, *, probability: float | None = None) -> int:
    """Find that each label contradicts the first one with another value, as an audit does."""
    labelled = list(read_labelled(services, site))
    found = []
    for one in labelled:
        others = [other.comment_id for other in labelled if other.value is not one.value]
        found.append(Finding(one.comment_id, one.label_id, probability, others[0] if others else None, len(others)))
    return store_findings(services, site, [each for each in found if each.contradictions or probability is not None])


def listed(services: Services) -> list[ListedComment]:
    return list_comments(services, ListName.SECOND_LOOK).comments


def ids(services: Services) -> list[str]:
    return [comment.id for comment in listed(services)]


def import_published(services: Services, site: Site, *comments: Comment) -> None:
    rows = [PastComment(each, PastStatus.PUBLISHED, str(number)) for number, each in enumerate(comments)]
    import_history(services, find_site(services, site.url), "blog.xml", rows, complete=None)


def test_a_finding_names_its_facts(services: Services, site: Site) -> None:
    """The most doubtful label comes first, with the near-duplicate, its label, and the model's probability."""
    spam, ham = labelled_pair(services, site)
    assert audit(services, site, probability=0.25) == 2
    first, second = listed(services)
    assert (first.id, second.id) == (spam, ham) and count_lists(services)[ListName.SECOND_LOOK] == 2
    assert first.finding and first.finding.near_duplicate and first.finding.near_duplicate.label
    assert (first.finding.probability, first.finding.contradictions) == (0.25, 1)
    assert (first.finding.near_duplicate.id, first.finding.near_duplicate.label.value) == (ham, HAM)
    assert read_comment(services, spam).comment.finding == first.finding
    assert list_comments(services, ListName.DECIDED).comments[0].finding


@pytest.mark.parametrize("verb", [Verb.HAM, Verb.SPAM, Verb.REMOVE, Verb.FORGET, Verb.KEEP])
def test_a_decision_ends_it_and_an_undo_brings_it_back(
    services: Services, site: Site, moderator: Moderator, verb: Verb
) -> None:
    """With any verb; the label and its finding are then as before. Audited again, the label is settled."""
    import_labels(services, site, [(Comment(TEXT.format(1)), SPAM), (Comment(TEXT.format(2)), HAM)])
    audit(services, site)
    before = listed(services)
    result = act(services, [before[0].seen], verb, moderator)
    assert [each.id for each in result.changed] == [before[0].id] and result.act_id
    assert before[0].id not in ids(services)
    if verb in (Verb.KEEP, Verb.HAM, Verb.SPAM):
        audit(services, site, probability=0.5)
        assert before[0].id not in ids(services)
    # The near-duplicate has an own finding, as long as the two disagree.
    assert (before[1].id in ids(services)) == (verb in (Verb.SPAM, Verb.KEEP) or verb is Verb.HAM)
    assert undo(services, result.act_id, moderator).restored == 1
    after = next(each for each in listed(services) if each.id == before[0].id)
    assert replace(after, label_id=0, finding=None) == replace(before[0], label_id=0, finding=None)
    assert list_acts(services)[0].undone_by == "mara"


def test_two_that_agree_are_no_contradiction(services: Services, site: Site, moderator: Moderator) -> None:
    """A person corrects the one: the finding of the other ends, and comes back with an undo."""
    spam, ham = labelled_pair(services, site)
    audit(services, site)
    act_id = act(services, [listed(services)[0].seen], Verb.HAM, moderator).act_id
    assert ids(services) == [] and act_id
    undo(services, act_id, moderator)
    assert sorted(ids(services)) == sorted([spam, ham])


def test_an_audit_replaces_the_open_findings(services: Services, site: Site, other_site: Site) -> None:
    """Twice is once; a label that is no longer doubted goes, and those of other sites stay."""
    labelled_pair(services, site)
    labelled_pair(services, other_site)
    assert audit(services, other_site) == 2
    assert [audit(services, site), audit(services, site)] == [2, 2] and len(ids(services)) == 4
    assert store_findings(services, site, []) == 0
    assert [each.site_url for each in listed(services)] == [other_site.url] * 2


def test_a_label_that_changed_during_the_audit_is_not_found(services: Services, site: Site) -> None:
    """A withdrawn label is no longer in doubt, nor is one that another replaced."""
    spam, ham = labelled_pair(services, site)
    doubted = [Finding(one.comment_id, one.label_id, 0.5) for one in read_labelled(services, site)]
    withdraw_label(services, site, spam, "ann", "queue")
    label_decision(services, site, ham, SPAM, "key", "akismet")
    assert store_findings(services, site, doubted) == 0 and ids(services) == []


def test_a_label_of_a_sites_key_ends_a_finding_without_settling_it(services: Services, site: Site) -> None:
    """The key of a site may leak: the next audit may doubt its label again, which it does not for a person's."""
    spam, _ = labelled_pair(services, site, "akismet")
    audit(services, site)
    label_comment(services, site, Comment(TEXT.format(0)), HAM, "someone", "akismet")
    assert spam not in ids(services)
    audit(services, site, probability=0.9)
    assert spam in ids(services)
    label_decision(services, site, spam, SPAM, "mara", "cli")
    audit(services, site, probability=0.9)
    assert spam not in ids(services)


def test_a_near_duplicate_that_is_gone_is_not_named(services: Services, site: Site) -> None:
    """An operator may delete rows of the database: the page has the finding without a link."""
    import_labels(services, site, [(Comment(TEXT.format(1)), SPAM), (Comment(TEXT.format(2)), HAM)])
    audit(services, site)
    (gone, stays) = [comment.comment_id for comment in listed(services)]
    with write_transaction(services.engine) as connection:
        for table in (tables.findings, tables.labels, tables.label_features, tables.similarity_index, tables.comments):
            column = table.c.id if table is tables.comments else table.c.comment_id
            connection.execute(delete(table).where(column == gone))
    (comment,) = listed(services)
    assert comment.comment_id == stays and comment.finding and comment.finding.near_duplicate is None
    assert audit(services, site) == 0


def test_only_what_is_listed_can_be_kept(services: Services, site: Site, moderator: Moderator) -> None:
    """Also not a second time, and not a label that another person gave since."""
    spam, _ = labelled_pair(services, site)
    comment = read_comment(services, spam).comment
    assert decide(services, comment, Verb.KEEP, moderator) == ["It is not on the list for a second look."]
    audit(services, site)
    seen = read_comment(services, spam).comment
    label_decision(services, site, spam, HAM, "bob", "queue")
    assert decide(services, seen, Verb.KEEP, moderator) == ["bob was faster and labelled it ham."]
    assert decide(services, read_comment(services, spam).comment, Verb.KEEP, moderator)


def test_nobody_sees_the_findings_of_another_site(
    services: Services, site: Site, other_site: Site, moderator: Moderator
) -> None:
    """No finding, no near-duplicate, though its number is stored, and no act on one."""
    (own, _), (theirs, _) = labelled_pair(services, site), labelled_pair(services, other_site)
    audit(services, site)
    audit(services, other_site)
    scoped = replace(services, scope=SiteScope(frozenset({site.id})))
    foreign = read_comment(services, theirs).comment
    with write_transaction(services.engine) as connection:
        forged = tables.findings.update().where(tables.findings.c.site_id == site.id)
        connection.execute(forged.values(contradicts_id=foreign.comment_id))
    found = listed(scoped)
    assert {comment.site_url for comment in found} == {site.url} and own in [comment.id for comment in found]
    assert all(comment.finding and comment.finding.near_duplicate is None for comment in found)
    assert count_lists(scoped)[ListName.SECOND_LOOK] == 2
    assert act(scoped, [foreign.seen], Verb.KEEP, moderator).refused[0].problem.startswith("There is no such comment")
    kept = act(services, [foreign.seen], Verb.KEEP, moderator).act_id
    assert kept and list_acts(scoped) == []
    with pytest.raises(NotFound):
        undo(scoped, kept, moderator)


def test_comments_of_a_removed_site_are_hidden(services: Services, site: Site) -> None:
    """In the list and in its count."""
    labelled_pair(services, site)
    audit(services, site)
    remove_site(services, site.url)
    assert listed(services) == [] and count_lists(services)[ListName.SECOND_LOOK] == 0


def test_pages_follow_each_other(services: Services, site: Site) -> None:
    """Comments that were judged and those that came with an import, without gap or repeat."""
    labelled_pair(services, site)
    audit(services, site)
    import_published(services, site, *(replace(PILLS, author=f"Pills {number}") for number in range(5)))
    seen, after = list[str](), ""
    while True:
        page = list_comments(services, ListName.SECOND_LOOK, after=after, limit=2)
        seen += [comment.id for comment in page.comments]
        after = page.after
        if not after:
            break
    assert seen == ids(services) and len(set(seen)) == 7


def test_suspicious_comments_of_an_import_wait(services: Services, site: Site, moderator: Moderator) -> None:
    """They count as ham until a person decides. A comment without a decision has a page and takes each verb."""
    import_published(services, site, PILLS, THANKS)
    (comment,) = listed(services)
    assert (comment.decision.comment.text, comment.is_judged, comment.label) == (PILLS.text, False, None)
    assert comment.finding and comment.finding.probability and comment.finding.probability > 0.9
    assert comment.decision.score.reasons and read_comment(services, comment.id).comment == comment
    act_id = act(services, [comment.seen], Verb.SPAM, moderator).act_id
    assert listed(services) == [] and act_id
    (labelled,) = read_labelled(services, site)
    assert (labelled.value, labelled.label.decision_id) == (SPAM, None)
    undo(services, act_id, moderator)
    assert ids(services) == [comment.id] and list(read_labelled(services, site)) == []


def test_a_kept_comment_of_an_import_stays_kept(services: Services, site: Site, moderator: Moderator) -> None:
    """After another import too, and in the command line's list. Nothing is learnt."""
    import_published(services, site, PILLS, THANKS)
    act_id = act(services, [listed(services)[0].seen], Verb.KEEP, moderator).act_id
    import_published(services, site, PILLS, THANKS)
    assert listed(services) == [] and second_look(services, site, 9).total == 0
    assert list(read_labelled(services, site)) == [] and act_id
    undo(services, act_id, moderator)
    assert len(listed(services)) == second_look(services, site, 9).total == 1


def test_the_findings_of_a_history_go_with_it(services: Services, site: Site, moderator: Moderator) -> None:
    """Settled ones too; a label that a person gave in the queue is withdrawn like one of the command line."""
    import_published(services, site, PILLS, replace(PILLS, author="Other"), replace(PILLS, author="Third"))
    first, second, _ = listed(services)
    act(services, [first.seen], Verb.KEEP, moderator)
    act(services, [second.seen], Verb.SPAM, moderator)
    removed = remove_history(services, find_site(services, site.url))
    assert (removed.deleted, removed.second_look, listed(services)) == (2, 1, [])
    with read_transaction(services.engine) as connection:
        of_history = select(func.count()).select_from(tables.findings).where(tables.findings.c.label_id == 0)
        assert connection.execute(of_history).scalar_one() == 0


def test_another_way_of_labelling_the_history_ends_the_finding(services: Services, site: Site) -> None:
    """The command line labels it; a comment that is no longer published is not asked about."""
    import_published(services, site, PILLS, replace(PILLS, author="Other"))
    label_history(services, find_site(services, site.url), [listed(services)[0].comment_id], SPAM, "mara", "cli")
    assert len(listed(services)) == 1
    gone = PastComment(listed(services)[0].decision.comment, PastStatus.DELETED, "1")
    import_history(services, find_site(services, site.url), "blog.xml", [gone], complete=None)
    assert listed(services) == []


def test_a_comment_that_is_judged_later_stays_in_the_list(services: Services, site: Site, clock: Clock) -> None:
    """Its blog has it checked again: the address of before leads to the decision."""
    import_published(services, site, PILLS)
    before = listed(services)[0]
    decision = check_comment(services, site, CheckRequest(PILLS, recheck=True)).decision
    assert ids(services) == [decision.id]
    assert read_comment(services, before.id).comment.id == decision.id


def test_another_model_looks_at_the_history_anew(services: Services, site: Site) -> None:
    """The findings are those of the live model once it has scored the whole history."""
    import_published(services, site, PILLS, THANKS)
    with write_transaction(services.engine) as connection:
        connection.execute(tables.history.update().values(model="other", probability=0.0))
        connection.execute(tables.findings.delete())
    assert rescore_history(services, site) and not rescore_history(services, site)
    assert [comment.decision.comment.text for comment in listed(services)] == [PILLS.text]
