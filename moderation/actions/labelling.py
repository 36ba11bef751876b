"""Label comments. Labels are an append-only log in which a comment's newest label is in force.

Four acts exist: `ham` and `spam` teach, `forget` withdraws a lesson, and `remove` takes the comment away without one.
Each replaces any earlier one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.callbacks import schedule_answer, take_answer_back
from moderation.actions.comment_identity import CommentIdentity, find_same_comment
from moderation.actions.label_content import LabelContent, pack_features, read_content, read_contents, store_content
from moderation.actions.repetition import count_label
from moderation.actions.services import Services
from moderation.actions.similarity import index_missing
from moderation.actions.webhooks import announce_decided
from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.csv_cells import EXPORT_COLUMNS
from moderation.domain.decision import Label, LabelOrigin, LabelValue, LogEntry
from moderation.domain.errors import NotFound
from moderation.domain.site import Site
from moderation.features.parsed_comment import ParsedComment
from moderation.storage import comments, decisions, labels, lessons, queue_items
from moderation.storage.columns import storable
from moderation.storage.engine import read_transaction
from moderation.storage.labels import NO_ACT, ImportedComment, ImportKey, LabelledComment, LabelSource
from moderation.storage.locks import lock_comments, lock_content, lock_labels, lock_site

MAX_BULK_INTERVAL = timedelta(seconds=2)
"""Time that a person needs for a second comment: a blog that labels faster passes on a stroke over several."""
_PAGE_SIZE = 500


class ImportResult(NamedTuple):
    """The numbers of comments that an import stored, of stored comments that it labelled, and of its other rows.

    The others repeat a stored comment with its label, or have a later row in the file.
    """

    stored: int
    changed: int
    known: int


def label_decision(
    services: Services,
    site: Site,
    decision_id: str,
    value: LabelValue,
    labelled_by: str,
    channel: str,
    *,
    origin: LabelOrigin = LabelOrigin.SINGLE,
    reason: str = "",
) -> Label:
    """Label the comment of a decision, close its queue item and return the label in force.

    The same value again through the same channel changes nothing. Raises `NotFound` for a decision of another site.
    """
    with read_transaction(services.engine) as connection:
        comment_id = _find_comment_id(connection, site, decision_id)
        content = read_content(connection, comment_id)
    label = Label(value, labelled_by, channel, services.clock(), origin, reason, decision_id)
    return services.writer.run(lambda connection: apply_label(connection, site, comment_id, label, content))


def withdraw_label(
    services: Services, site: Site, decision_id: str, labelled_by: str, channel: str, *, reason: str = ""
) -> Label:
    """Append a label without a value, which withdraws the label of a decision's comment, and return it.

    The comment is as it was before the label or the removal: it waits in the queue again if it did before. Without a
    label to withdraw nothing changes. Raises `NotFound` for a decision of another site.
    """
    withdrawal = Label(None, labelled_by, channel, services.clock(), reason=reason, decision_id=decision_id)

    def withdraw(connection: Connection) -> Label:
        return apply_withdrawal(connection, site.id, _find_comment_id(connection, site, decision_id), withdrawal)

    return services.writer.run(withdraw)


def remove_comment(
    services: Services, site: Site, decision_id: str, labelled_by: str, channel: str, *, reason: str = ""
) -> Label:
    """Remove the comment of a decision without a lesson: close its queue item, and withdraw any label it has.

    A blog that holds the comment gets the answer for spam. A second removal changes nothing. Returns the row of the
    log. Raises `NotFound` for a decision of another site.
    """
    removal = Label(None, labelled_by, channel, services.clock(), reason=reason, decision_id=decision_id, removes=True)

    return services.writer.run(
        lambda connection: apply_label(connection, site, _find_comment_id(connection, site, decision_id), removal, None)
    )


def label_comment(
    services: Services, site: Site, comment: Comment, value: LabelValue, labelled_by: str, channel: str
) -> Label:
    """Label a comment that the caller describes instead of naming its decision. Returns the label in force.

    `find_same_comment` finds the comment. One that is not stored yet is stored without a decision.
    """
    now = services.clock()
    identity = CommentIdentity.of(ParsedComment(comment), services.secret)
    with read_transaction(services.engine) as connection:
        stored_id = find_same_comment(connection, site.id, identity)
        content = read_content(connection, stored_id) if stored_id else None
    # The blog sends the text of a comment again whose contents were deleted.
    content = content or LabelContent.of(comment, stored_id or 0)

    def apply(connection: Connection) -> Label:
        lock_content(connection, site.id, identity.content_hash)
        comment_id = find_same_comment(connection, site.id, identity)
        label = Label(value, labelled_by, channel, now)
        if comment_id is not None:
            seen = replace(label, decision_id=decisions.find_current_id(connection, comment_id))
            return apply_label(connection, site, comment_id, seen, content)
        (comment_id,) = comments.add(connection, site.id, [(identity.content_hash, comment)], now)
        own_content = content._replace(comment_id=content.comment_id or comment_id)
        return apply_label(connection, site, comment_id, label, own_content)

    return services.writer.run(apply)


def apply_label(
    connection: Connection, site: Site, comment_id: int, label: Label, content: LabelContent | None
) -> Label:
    """Label a comment, close its queue item and return the label in force. `content` is that of `append_label`.

    The same value again through the same channel changes nothing.
    """
    lock_comments(connection, [comment_id])
    outcome = "remove" if label.removes else "label"
    queue_items.close_for_comment(connection, comment_id, label.labelled_by, outcome, label.created_at)
    last = labels.last(connection, comment_id)
    if last is not None and (last.verb, last.channel) == (label.verb, label.channel):
        # The label is not new, but the blog may have asked to hold the comment again since.
        schedule_answer(connection, comment_id, label, undecided_only=True)
        return last
    label = _as_stroke(connection, site, label)
    append_label(connection, site.id, comment_id, label, content)
    return label


def apply_withdrawal(
    connection: Connection, site_id: int, comment_id: int, withdrawal: Label, source: LabelSource = NO_ACT
) -> Label:
    """Withdraw the label of a comment and reopen its queue item. Returns the newest row of the comment's log.

    Without a label nothing changes.
    """
    lock_comments(connection, [comment_id])
    last = labels.last(connection, comment_id)
    if last is None or last.verb == withdrawal.verb:
        return last or withdrawal
    append_label(connection, site_id, comment_id, withdrawal, None, source)
    queue_items.reopen_for_comment(connection, comment_id)
    return withdrawal


def append_label(
    connection: Connection,
    site_id: int,
    comment_id: int,
    label: Label,
    content: LabelContent | None,
    source: LabelSource = NO_ACT,
) -> None:
    """Append a label to the log, count it for the comment's traits and store the comment's content for it.

    `content` was read before the database was locked; without it, it is read now. A blog that holds the comment gets a
    callback, unless the label came from the blog itself.
    """
    store_content(connection, site_id, comment_id, label.value, content)
    append_to_log(connection, site_id, comment_id, label, source)


def append_to_log(
    connection: Connection, site_id: int, comment_id: int, label: Label, source: LabelSource = NO_ACT
) -> None:
    """Append a label as `append_label` does; the comment's content is stored already."""
    lock_labels(connection, site_id)
    count_label(connection, comment_id, label.value)
    labels.append(connection, site_id, comment_id, label, source)
    announce_decided(connection, site_id, label)
    if source.undone_at is None:
        schedule_answer(connection, comment_id, label, grace=source.act_id is not None)
    else:
        take_answer_back(connection, comment_id, label, source.undone_at)


def read_label_log(
    services: Services, site: Site | None, decision_id: str | None = None, *, before: int | None = None, limit: int = 50
) -> list[LogEntry]:
    """Return the newest rows of the label log, newest first, of a site or of all.

    `decision_id` restricts them to the comment of a decision of the site, `before` to rows with a lower id. Raises
    `NotFound` for a decision of another site.
    """
    with read_transaction(services.engine, slow=True) as connection:
        comment_id = _find_comment_id(connection, site, decision_id) if site and decision_id else None
        return labels.read_log(connection, site.id if site else None, comment_id, before, limit)


def read_labelled(services: Services, site: Site | None) -> Iterator[LabelledComment]:
    """Yield the labelled comments of a site, or of all sites, the oldest first. They are read in pages."""
    after: int | None = 0
    while after is not None:
        with read_transaction(services.engine, slow=True) as connection:
            page = labels.list_labelled(connection, site.id if site else None, after, _PAGE_SIZE)
        yield from page
        after = page[-1].comment_id if page else None


def export_labels(services: Services, site: Site | None) -> Iterator[dict[str, str]]:
    """Return the labelled comments of a site, or of all sites, as rows of a corpus, the oldest first.

    A comment that the audit drew weighs as much as all for which it stands. Rows are read in pages to bound the memory.
    """
    return map(_corpus_row, read_labelled(services, site))


def import_labels(services: Services, site: Site, rows: Iterable[tuple[Comment, LabelValue]]) -> ImportResult:
    """Store labelled comments under the site, all or none.

    A comment that the site has with the same content, author, e-mail and page, and that was labelled before, is not
    stored again. It gets the label of the import unless that is in force: the newest label counts, and of contradictory
    rows the last one. `rows` is read to its end before the database is locked, so an error in it leaves nothing behind.
    """
    keyed = [(_import_key(comment), (comment, value)) for comment, value in rows]
    last_rows = dict(keyed)
    content_hashes = sorted({key.content_hash for key in last_rows})
    now = services.clock()
    with read_transaction(services.engine, slow=True) as connection:
        known = labels.find_imported(connection, site.id, content_hashes)
    changing = _changed_values(known, last_rows)
    contents = read_contents(services, changing)
    features = {key: pack_features(comment) for key, (comment, _) in last_rows.items() if key not in known}

    def store(connection: Connection) -> ImportResult:
        lock_site(connection, site.id)
        known = labels.find_imported(connection, site.id, content_hashes)
        changed = _changed_values(known, last_rows)
        lock_comments(connection, changed)
        new = {key: row for key, row in last_rows.items() if key not in known}
        comment_ids = comments.add(
            connection, site.id, [(key.content_hash, comment) for key, (comment, _) in new.items()], now
        )
        new_labels = [_imported(value, now) for _, value in new.values()]
        own_features = zip(comment_ids, [features[key] for key in new], strict=True)
        lessons.put_features(connection, site.id, own_features)
        lock_labels(connection, site.id)
        labels.append_many(connection, site.id, zip(comment_ids, new_labels, strict=True))
        for comment_id, value in changed.items():
            apply_label(connection, site, comment_id, _imported(value, now), contents.get(comment_id))
        return ImportResult(len(new), len(changed), len(keyed) - len(new) - len(changed))

    result = services.writer.run(store, slow=True)
    index_missing(services)
    return result


def _changed_values(
    known: Mapping[ImportKey, ImportedComment], rows: Mapping[ImportKey, tuple[Comment, LabelValue]]
) -> dict[int, LabelValue]:
    """Return the values of the rows whose comments are known with another one, by comment."""
    values = {key: value for key, (_, value) in rows.items()}
    return {
        stored.comment_id: values[key]
        for key, stored in known.items()
        if key in values and stored.value is not values[key]
    }


def _find_comment_id(connection: Connection, site: Site, decision_id: str) -> int:
    comment_id = decisions.find_comment_id(connection, site.id, decision_id)
    if comment_id is None:
        raise NotFound("There is no such decision.")
    return comment_id


def _imported(value: LabelValue, at: datetime) -> Label:
    return Label(value, "import", "import", at, LabelOrigin.IMPORT)


def _as_stroke(connection: Connection, site: Site, label: Label) -> Label:
    """Return the label of a site's client with the origin `BULK` if it follows another one too fast for a person.

    A blog sends one call for each comment of a stroke, and does not say so.
    """
    if label.is_by_moderator or label.origin is not LabelOrigin.SINGLE:
        return label
    lock_labels(connection, site.id)
    last = labels.last_of_site(connection, site.id)
    if last is None or (last.labelled_by, last.channel) != (label.labelled_by, label.channel):
        return label
    is_stroke = abs(label.created_at - last.created_at) < MAX_BULK_INTERVAL
    return replace(label, origin=LabelOrigin.BULK) if is_stroke else label


def _corpus_row(labelled: LabelledComment) -> dict[str, str]:
    fields = [getattr(labelled.comment, name) or "" for name in COMMENT_FIELDS]
    about = (labelled.comment_id, labelled.site_url, labelled.value, f"{1.0 / (labelled.audit_probability or 1.0):g}")
    return dict(zip(EXPORT_COLUMNS, map(str, (*about, *fields)), strict=True))


def _import_key(comment: Comment) -> ImportKey:
    # As stored, or a field with an unstorable character would never equal its stored copy.
    author, email, permalink = (
        None if field is None else storable(field) for field in (comment.author, comment.email, comment.permalink)
    )
    return ImportKey(ParsedComment(comment).content_hash, author, email, permalink)
