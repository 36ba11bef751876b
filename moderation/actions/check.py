"""Check a comment: judge it and store the decision before it is answered."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from sqlalchemy import Connection

from moderation.actions import repetition
from moderation.actions.author_rules import find_author_rule
from moderation.actions.callbacks import NO_CALLBACK, CallbackPlan, plan_callback, store_plugin_change
from moderation.actions.comment_identity import CommentIdentity, find_same_comment
from moderation.actions.judging import fallback_verdict, judge, with_spans
from moderation.actions.lists import find_reasons
from moderation.actions.repetition import Repetition
from moderation.actions.retries import IdempotencyKey, find_keyed, find_retried, have_equal_rules, retry_hash
from moderation.actions.services import Services
from moderation.actions.webhooks import announce_held
from moderation.domain.audit import AuditDraw
from moderation.domain.authors import UNKNOWN_AUTHOR, VouchedAuthor
from moderation.domain.comment import AUTHOR_FIELDS, NO_SIGNALS, Comment, SubmissionSignals
from moderation.domain.decision import Decision, Label, Reason
from moderation.domain.errors import NotFound, StorageUnavailable
from moderation.domain.site import Callback, OnError, Site
from moderation.domain.thresholds import Verdict
from moderation.features.parsed_comment import ParsedComment
from moderation.storage import callbacks, comments, decisions, labels, queue_items
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_comments, lock_content

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """A comment to check, and all that a client sent with it.

    - `channel`: `api`, `akismet` or `coral`.
    - `author`: the facts about the author that the blog vouches for.
    - `callback`: that of a client which can hold comments, usable or not: it receives the outcome if the blog holds the
      comment, and its key replaces that of the site's earlier callbacks.
    - `identifiers`: further facts by which two requests differ, such as the blog's id of the comment.
    - `key`: the name of the request, if the client gave it one.
    - `recheck`: the decision replaces the earlier ones on the comment, and a blog that holds it goes on holding it.
    - `spans`: the reasons of the decision are to have their spans.
    """

    comment: Comment
    channel: str = "api"
    submission: SubmissionSignals = NO_SIGNALS
    callback: Callback | None = None
    identifiers: Sequence[str | None] = ()
    key: IdempotencyKey | None = None
    recheck: bool = False
    spans: bool = False
    author: VouchedAuthor = UNKNOWN_AUTHOR


class CheckResult(NamedTuple):
    """A decision. `guid` is the id by which a blog holds the comment; `None` where no blog holds it.

    `is_new` is false for the decision of an earlier request, of which this one is a retry.
    """

    decision: Decision
    guid: str | None
    is_new: bool = True


class _NewDecision(NamedTuple):
    """A decision with all that is stored with it. `identity` is that of a rechecked comment."""

    request: CheckRequest
    decision: Decision
    parsed: ParsedComment
    repetition: Repetition
    request_hash: int
    identity: CommentIdentity | None
    callback: CallbackPlan
    audit: AuditDraw


def check_comment(services: Services, site: Site, request: CheckRequest) -> CheckResult:
    """Judge a comment and store the decision, with a queue item if it goes to review: on disk when this returns.

    The same request within `MAX_RETRY_SECONDS`, without `recheck` and before a label, has the same decision. Model,
    thresholds, lists and author rules have to be the same, too. With a `key`, it is the request with the same
    key that has the same decision, also later. Raises `IdempotencyKeyReused`.

    Without a model the verdict is that of the site's `on_error` and the decision is `degraded`. If it cannot be stored
    either, it also has no id. Raises `ModelUnavailable` or `StorageUnavailable` instead if `on_error` is `error`.
    """
    (comment,), callback = _as_collected(services, site, [request.comment]), request.callback
    parsed = ParsedComment(comment)
    seen, author = repetition.look_up(services, site, parsed), request.author
    decision = _decide(services, site, parsed, request.submission, seen.evidence, author=author, spans=request.spans)
    identifiers = [*request.identifiers, *author, request.key and request.key.value]
    new = _NewDecision(
        request,
        decision,
        parsed,
        seen,
        retry_hash(services, site, request.comment, request.submission, callback, identifiers),
        CommentIdentity.of(parsed, services.secret) if request.recheck else None,
        plan_callback(services, site, decision, callback) if callback else NO_CALLBACK,
        services.audit,
    )
    try:
        result = _write(services, site, lambda connection: _store_unless_retried(connection, site, new))
    except StorageUnavailable as error:
        return CheckResult(_unstored(site, decision, error), None)
    again = request.spans and not result.is_new
    return result._replace(decision=with_spans(services, result.decision, site.url)) if again else result


def check_comments(
    services: Services,
    site: Site,
    batch: Sequence[Comment],
    *,
    channel: str = "api",
    key: IdempotencyKey | None = None,
    spans: bool = False,
) -> list[Decision]:
    """Judge many comments, in order, and store the decisions together or not at all.

    A request with the `key` of an earlier one has its decisions. Raises `IdempotencyKeyReused`. Without a model or a
    database that stores, the decisions and errors are those of `check_comment`. A batch may be an old archive, so its
    comments are no appearances that later comments would repeat.
    """
    parsed_batch = ParsedComment.parse_batch(_as_collected(services, site, batch))
    seen = [repetition.look_up(services, site, parsed) for parsed in parsed_batch]
    pairs = zip(parsed_batch, seen, strict=True)
    decided = [_decide(services, site, parsed, NO_SIGNALS, each.evidence, spans=spans) for parsed, each in pairs]
    hashed_comments = [(parsed.content_hash, parsed.comment) for parsed in parsed_batch]
    keys = {decision.id: each.campaign_keys for decision, each in zip(decided, seen, strict=True)}

    def store(connection: Connection) -> list[Decision] | None:
        if key and decided and (known := find_keyed(connection, site, key, decided)):
            return known
        comment_ids = comments.add(connection, site.id, hashed_comments, services.clock())
        decisions.add(connection, zip(decided, comment_ids, strict=True), channel, services.audit, keys)
        announce_held(connection, decided)
        return None

    try:
        known = _write(services, site, store)
    except StorageUnavailable as error:
        return [_unstored(site, decision, error) for decision in decided]
    return [with_spans(services, decision, site.url) for decision in known] if known and spans else known or decided


def preview_comment(
    services: Services,
    site: Site,
    comment: Comment,
    submission: SubmissionSignals = NO_SIGNALS,
    author: VouchedAuthor = UNKNOWN_AUTHOR,
) -> Decision:
    """Judge a comment as `check_comment` does, and store nothing. Raises `ModelUnavailable`."""
    parsed = ParsedComment(_as_collected(services, site, [comment])[0])
    evidence = repetition.look_up(services, site, parsed).evidence
    return _decide(services, site, parsed, submission, evidence, author=author)


def find_decision(services: Services, site: Site, decision_id: str) -> tuple[Decision, Label | None]:
    """Return the site's decision, with spans, and the label in force; `None` if its comment has no label.

    Raises `NotFound`, also for a decision of another site.
    """
    with read_transaction(services.engine) as connection:
        row = decisions.find(connection, site.id, decision_id)
        if row is None:
            raise NotFound("There is no such decision.")
        decision, comment_id = row
        label = labels.last(connection, comment_id)
    return with_spans(services, decision, site.url), label if label and label.value else None


def _as_collected(services: Services, site: Site, batch: Sequence[Comment]) -> Sequence[Comment]:
    """Return the comments with `None` for an empty author's field that neither they nor the site's last ones fill.

    So they are judged, and stored: the reasons of a stored decision can be computed again.
    """
    values = {name: {getattr(comment, name) for comment in batch} for name in AUTHOR_FIELDS}
    unfilled = [name for name, sent in values.items() if "" in sent and not any(sent)]
    if not unfilled:
        return batch
    collected = _find_collected(services, site, len(batch))
    absent: dict[str, Any] = dict.fromkeys(name for name in unfilled if name not in collected)
    return [replace(comment, **absent) for comment in batch] if absent else batch


def _find_collected(services: Services, site: Site, uses: int) -> frozenset[str]:
    if not site.storage_error:
        with suppress(StorageUnavailable):
            return services.collected_fields.find(site.id, services.clock(), uses)
    return services.collected_fields.recall(site.id)


def _decide(
    services: Services,
    site: Site,
    parsed: ParsedComment,
    submission: SubmissionSignals,
    evidence: Sequence[Reason],
    *,
    author: VouchedAuthor = UNKNOWN_AUTHOR,
    spans: bool = False,
) -> Decision:
    evidence = [*evidence, *find_reasons(services, site, parsed, spans=spans)]
    rule = find_author_rule(services, site, author)
    model = services.live_model.current() if site.on_error is OnError.ERROR else services.live_model.get()
    judgement = judge(
        model,
        site,
        parsed,
        submission,
        default_budget=services.budget,
        evidence=evidence,
        author_rule=rule,
        site_weights=services.site_weights_cache.find(site, model) if model else None,
        spans=spans,
    )
    return Decision(
        id=uuid4().hex,
        site_id=site.id,
        comment=parsed.comment,
        score=judgement.score,
        thresholds=judgement.thresholds,
        verdict=judgement.verdict,
        degraded=judgement.degraded,
        decided_at=services.clock(),
        calibration=judgement.calibration,
    )


def _write(services: Services, site: Site, store: Callable[[Connection], T]) -> T:
    """Run a function in a write transaction. Raises `StorageUnavailable`, at once if the site's look-up failed."""
    if site.storage_error:
        raise StorageUnavailable(site.storage_error)
    return services.writer.run(store)


def _unstored(site: Site, decision: Decision, error: StorageUnavailable) -> Decision:
    """Return the answer in place of a decision that could not be stored. Raises the error if the site wants that."""
    if site.on_error is OnError.ERROR:
        raise error
    return replace(decision, id="", verdict=fallback_verdict(site), degraded=True)


def _store_unless_retried(connection: Connection, site: Site, new: _NewDecision) -> CheckResult:
    """Store a new decision, or return that of an earlier request.

    A judgement replaces a degraded decision, and one by another model, other thresholds, lists, rules or labels.
    """
    decision, parsed, identity, (change, pending, is_known) = new.decision, new.parsed, new.identity, new.callback
    if change:
        store_plugin_change(connection, site, change)
    # First, as equal comments may come in different bodies, which one key must not name.
    if new.request.key and (known := find_keyed(connection, site, new.request.key, [decision])):
        return CheckResult(known[0], None, is_new=False)
    retried = None if identity else find_retried(connection, decision, parsed.content_hash, new.request_hash)
    if retried and (decision.degraded or have_equal_rules(decision, retried.decision)):
        return CheckResult(retried.decision, callbacks.find_guid(connection, retried.decision.id), is_new=False)
    replaced_id = _find_rechecked(connection, decision, identity) if identity else retried and retried.comment_id
    if replaced_id is None:
        hashed = (parsed.content_hash, parsed.comment)
        (comment_id,) = comments.add(
            connection,
            decision.site_id,
            [hashed],
            decision.decided_at,
            new.request_hash,
            new.repetition.keys,
            new.request.author,
        )
        repetition.store(connection, new.repetition)
    else:
        comment_id = replaced_id
        _supersede(connection, decision, comment_id)
    keys = {decision.id: new.repetition.campaign_keys}
    decisions.add(connection, [(decision, comment_id)], new.request.channel, new.audit, keys, has_callback=is_known)
    announce_held(connection, [decision])
    guid = _keep_holding(connection, decision, comment_id, replaced=pending is not None) if replaced_id else None
    if pending is not None:
        callbacks.add(connection, pending)
        guid = pending.decision_id
    return CheckResult(decision, guid)


def _find_rechecked(connection: Connection, decision: Decision, identity: CommentIdentity) -> int | None:
    """Return the id of the comment that is checked again; `None` if it is not stored. Its content is locked."""
    lock_content(connection, decision.site_id, identity.content_hash)
    return find_same_comment(connection, decision.site_id, identity)


def _supersede(connection: Connection, decision: Decision, comment_id: int) -> None:
    """Let a decision replace the earlier ones on a comment, with their queue items."""
    lock_comments(connection, [comment_id])
    queue_items.close_for_comment(connection, comment_id, "the blog", "rechecked", decision.decided_at)
    decisions.supersede(connection, comment_id)


def _keep_holding(connection: Connection, decision: Decision, comment_id: int, *, replaced: bool) -> str | None:
    """Keep the label of a rechecked comment, and return the id by which its blog goes on holding it.

    The earlier callback is deleted if it is replaced, or if the comment is not held any longer.
    """
    labels.refresh_decisions(connection, [comment_id])
    held = decision.verdict is Verdict.REVIEW and not replaced
    guid = callbacks.transfer(connection, comment_id, decision.id) if held else None
    if guid is None:
        callbacks.delete_for_comment(connection, comment_id)
    return guid
