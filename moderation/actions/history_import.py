"""Import the comments of a blog's export as the history of a site.

Published comments are ham that the model has not seen. They count for the site's thresholds at once if the export is
complete. Comments that the blog has as spam get a label. Everything is read and scored before the database is locked:
the comments wait in temporary files, so that the memory does not grow with the export.
"""

import pickle
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, BinaryIO, NamedTuple, TypeVar

from sqlalchemy import Connection

from moderation.actions.label_content import pack_features
from moderation.actions.labelling import append_label, append_to_log
from moderation.actions.rollout import RolloutStatus, recalibrate_anew
from moderation.actions.second_look import renew_history_findings
from moderation.actions.services import Services
from moderation.actions.similarity import index_missing
from moderation.domain.comment import Comment
from moderation.domain.comment_types import LINKBACK_TYPES
from moderation.domain.decision import Label, LabelOrigin, LabelValue
from moderation.domain.history import HISTORY_CHANNEL, ExportCounts, PastComment, PastStatus
from moderation.domain.site import Site
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.batches import BATCH_SIZE, parsed_probabilities
from moderation.scoring.model import Model
from moderation.storage import comments, history, labels, lessons, queue_items
from moderation.storage.columns import storable
from moderation.storage.engine import read_transaction
from moderation.storage.history import HistoryRow, KnownComment
from moderation.storage.locks import lock_comments, lock_labels, lock_site

T = TypeVar("T")
Watch = Callable[[str, int, int], None]
"""Is called with a step of the import, the number of comments done in it, and the number of all."""


@dataclass(slots=True)
class ImportResult:
    """What an import stored: numbers of comments, and the rollout status that follows.

    `stored` are new comments, `known` published ones that were stored before. `repeated` are in the export more than
    once, and `removed` are no longer published. `labelled` got the label spam, `withdrawn` lost that of an earlier
    import, and `kept` stay as a person labelled them. `suspicious` wait for a second look.
    """

    counts: ExportCounts
    complete: bool
    stored: int = 0
    known: int = 0
    repeated: int = 0
    labelled: int = 0
    withdrawn: int = 0
    kept: int = 0
    removed: int = 0
    suspicious: int = 0
    rollout: RolloutStatus | None = None


class _ScoredComment(NamedTuple):
    """A comment of an export as it will be stored. The probability of an unpublished one is 0.

    Spam has `features`: those of the stored comment `known_id`, or its own if it is not stored yet.
    """

    content_hash: bytes
    comment: Comment
    status: PastStatus
    probability: float
    published_at: datetime | None
    features: bytes = b""
    known_id: int = 0


class _Undo(Exception):
    """Undoes the transaction of a dry run."""


def import_history(
    services: Services,
    site: Site,
    name: str,
    past_comments: Iterable[PastComment],
    *,
    complete: bool | None,
    dry_run: bool = False,
    watch: Watch = lambda *_: None,
) -> ImportResult:
    """Store the comments of the export with this name as the site's history, all or none.

    `complete` says whether the export is; `None` lets `ExportCounts.is_complete` decide. A dry run does the same and
    undoes it. A comment is known by its text, author and e-mail, and by its page where both sides have one. It is not
    stored again: the same import twice is once. A label that a person gave stays.

    Raises `InvalidInput` for an export that cannot be used, and `ModelUnavailable` without a model.
    """
    model = services.live_model.current().patient().for_site(site.url)
    counts = ExportCounts()
    with tempfile.TemporaryFile() as staged, tempfile.TemporaryFile() as scored:
        _dump(staged, _counted(past_comments, counts, watch))
        counts.check(name)
        _dump(scored, _with_features(services, site, _score(model, _load(staged), counts, watch)))
        is_complete = counts.is_complete() if complete is None else complete
        write = _Import(services, site, model, scored, ImportResult(counts, is_complete), watch)
        try:
            services.writer.run(lambda connection: write.store(connection, dry_run), slow=True)
        except _Undo:
            return write.result
    index_missing(services)
    return write.result


@dataclass(slots=True)
class _Import:
    """The write of one import. The database may run it again, from the start."""

    services: Services
    site: Site
    model: Model
    scored: BinaryIO
    result: ImportResult
    watch: Watch
    _at: datetime = field(init=False)
    # Comments to label spam, new ones and known ones, and to withdraw a label from. This is done at the end: a
    # transaction that has locked the label log must not wait for a comment.
    _new_spam: set[int] = field(init=False)
    _known_spam: set[int] = field(init=False)
    _published_since: set[int] = field(init=False)

    def store(self, connection: Connection, dry_run: bool) -> None:
        """Store all comments, published ones first, and choose the site's thresholds. Raises `_Undo` in a dry run."""
        lock_site(connection, self.site.id)
        self._at = self._time(connection)
        self._new_spam, self._known_spam, self._published_since = set(), set(), set()
        self.result = ImportResult(self.result.counts, self.result.complete)
        done = 0
        # A comment that is published on one page and spam on another is published.
        for published in (True, False):
            for batch in _load(self.scored):
                rows = [row for row in batch if (row.status is PastStatus.PUBLISHED) is published]
                (self._store_published if published else self._store_others)(connection, rows)
                done += len(rows)
                self.watch("Storing", done, self.result.counts.total)
        self._append_labels(connection)
        threshold = self.model.thresholds.spam
        self.result.suspicious = history.count_suspicious(connection, self.site.id, self.model.id, threshold)
        renew_history_findings(connection, self.site, self.model, self._at)
        self.result.rollout = recalibrate_anew(self.services, connection, self.site)
        if dry_run:
            raise _Undo

    def _time(self, connection: Connection) -> datetime:
        """Return a time later than that of any import before, by which this one recognizes its own rows."""
        now, newest = self.services.clock(), history.newest_import(connection, self.site.id)
        return now if newest is None else max(now, newest + timedelta(microseconds=1))

    def _store_published(self, connection: Connection, rows: Sequence[_ScoredComment]) -> None:
        known = self._find_known(connection, rows)
        places = []
        for row in rows:
            match = _match(known.get(row.content_hash, ()), row.comment)
            if match is None:
                match = self._add(connection, row, known)
            elif match.imported_at == self._at:
                self.result.repeated += 1
                continue
            else:
                self.result.known += 1
                self._withdraw(match)
            counts = self.result.complete and row.comment.type not in LINKBACK_TYPES
            places.append(HistoryRow(match.comment_id, row.probability, counts, row.published_at or self._at))
            _replace(known[row.content_hash], match._replace(imported_at=self._at))
        history.put(connection, self.site.id, self.model.id, places, self._at)

    def _store_others(self, connection: Connection, rows: Sequence[_ScoredComment]) -> None:
        known = self._find_known(connection, rows)
        for row in rows:
            match = _match(known.get(row.content_hash, ()), row.comment)
            if row.status is not PastStatus.SPAM:
                if match and match.imported_at not in (None, self._at):
                    self.result.removed += 1
                    history.remove(connection, [match.comment_id])
            elif match is None:
                match = self._add(connection, row, known)
                self._new_spam.add(match.comment_id)
                lessons.put_features(connection, self.site.id, [(match.comment_id, row.features)])
            elif match.imported_at != self._at and match.comment_id not in self._new_spam:
                self._label_known(connection, row, match)

    def _find_known(self, connection: Connection, rows: Sequence[_ScoredComment]) -> dict[bytes, list[KnownComment]]:
        known = history.find_known(connection, self.site.id, {row.content_hash for row in rows})
        lock_comments(connection, [match.comment_id for matches in known.values() for match in matches])
        return known

    def _add(self, connection: Connection, row: _ScoredComment, known: dict[bytes, list[KnownComment]]) -> KnownComment:
        (comment_id,) = comments.add(connection, self.site.id, [(row.content_hash, row.comment)], self._at)
        added = KnownComment(comment_id, *_identity(row.comment), None, None, None)
        known.setdefault(row.content_hash, []).append(added)
        self.result.stored += 1
        return added

    def _withdraw(self, match: KnownComment) -> None:
        """Withdraw the label that an earlier import gave a comment which the blog has published since."""
        if match.value is LabelValue.SPAM and match.channel == HISTORY_CHANNEL:
            self._published_since.add(match.comment_id)

    def _label_known(self, connection: Connection, row: _ScoredComment, match: KnownComment) -> None:
        """Label a stored comment that the blog has as spam, unless a person has labelled it."""
        if match.value is LabelValue.SPAM:
            return
        if match.channel not in (None, HISTORY_CHANNEL):
            self.result.kept += 1
            return
        self._known_spam.add(match.comment_id)
        is_read = row.known_id == match.comment_id
        features = row.features if is_read else pack_features(comments.get(connection, match.comment_id))
        lessons.put_features(connection, self.site.id, [(match.comment_id, features)])

    def _append_labels(self, connection: Connection) -> None:
        label = Label(LabelValue.SPAM, HISTORY_CHANNEL, HISTORY_CHANNEL, self._at, LabelOrigin.IMPORT)
        lock_labels(connection, self.site.id)
        labels.append_many(connection, self.site.id, [(comment_id, label) for comment_id in sorted(self._new_spam)])
        for comment_id in sorted(self._known_spam):
            queue_items.close_for_comment(connection, comment_id, label.labelled_by, "label", label.created_at)
            append_to_log(connection, self.site.id, comment_id, label)
        for comment_id in sorted(self._published_since):
            append_label(connection, self.site.id, comment_id, replace(label, value=None), None)
        self.result.labelled = len(self._new_spam) + len(self._known_spam)
        self.result.withdrawn = len(self._published_since)


def _counted(past_comments: Iterable[PastComment], counts: ExportCounts, watch: Watch) -> Iterator[PastComment]:
    for past in past_comments:
        counts.add(past)
        if counts.total % BATCH_SIZE == 0:
            watch("Reading", counts.total, 0)
        if past.status is not PastStatus.UNREADABLE:
            yield past


def _score(
    model: Model, batches: Iterable[Sequence[PastComment]], counts: ExportCounts, watch: Watch
) -> Iterator[_ScoredComment]:
    done = 0
    for batch in batches:
        parsed = ParsedComment.parse_batch(_keep_fields(past.comment, counts.fields) for past in batch)
        published = [one for past, one in zip(batch, parsed, strict=True) if past.status is PastStatus.PUBLISHED]
        probabilities = iter(parsed_probabilities(model, published) if published else ())
        for past, one in zip(batch, parsed, strict=True):
            counts.add_parent(past)
            probability = next(probabilities) if past.status is PastStatus.PUBLISHED else 0.0
            yield _ScoredComment(one.content_hash, one.comment, past.status, probability, past.published_at)
        done += len(batch)
        watch("Scoring", done, counts.total)


def _with_features(services: Services, site: Site, rows: Iterable[_ScoredComment]) -> Iterator[_ScoredComment]:
    """Yield the rows, those of spam with the features that learning reads."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH_SIZE)):
        hashes = {row.content_hash for row in batch if row.status is PastStatus.SPAM}
        with read_transaction(services.engine, slow=True) as connection:
            known = history.find_known(connection, site.id, hashes)
            read = [_row_with_features(connection, row, known.get(row.content_hash, ())) for row in batch]
        yield from read


def _row_with_features(
    connection: Connection, row: _ScoredComment, candidates: Iterable[KnownComment]
) -> _ScoredComment:
    if row.status is not PastStatus.SPAM:
        return row
    match = _match(candidates, row.comment)
    if match is None:
        return row._replace(features=pack_features(row.comment))
    return row._replace(features=pack_features(comments.get(connection, match.comment_id)), known_id=match.comment_id)


def _keep_fields(comment: Comment, names: Collection[str]) -> Comment:
    """Return the comment without the fields that no comment of the export fills: they were not collected."""
    return Comment(**{name: getattr(comment, name) for name in names})


def _match(candidates: Iterable[KnownComment], comment: Comment) -> KnownComment | None:
    """Return the candidate with the author, e-mail and page of a comment; a page that one side lacks agrees."""
    *author, page = _identity(comment)
    same = [known for known in candidates if [known.author, known.email] == author]
    return next(
        (known for known in same if known.permalink == page),
        next((known for known in same if not known.permalink or not page), None),
    )


def _identity(comment: Comment) -> tuple[str, str, str]:
    # As stored, or a field with an unstorable character would never equal its stored copy.
    return storable(comment.author or ""), storable(comment.email or ""), storable(comment.permalink or "")


def _replace(known: list[KnownComment], changed: KnownComment) -> None:
    known[[one.comment_id for one in known].index(changed.comment_id)] = changed


def _dump(file: BinaryIO, values: Iterable[T]) -> None:
    """Write values in batches."""
    remaining = iter(values)
    while batch := list(islice(remaining, BATCH_SIZE)):
        pickle.dump(batch, file, pickle.HIGHEST_PROTOCOL)


def _load(file: BinaryIO) -> Iterator[Any]:
    """Yield the batches of a file that `_dump` wrote."""
    file.seek(0)
    while file.peek(1):  # type: ignore[attr-defined]
        yield pickle.load(file)
