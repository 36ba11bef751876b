"""Find labelled comments of a site that are similar to a text."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, Self

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.decision import Decision, Label, LabelValue, SimilarComment
from moderation.domain.queue import ListedComment
from moderation.features import minhash
from moderation.features.extraction import FEATURES_VERSION
from moderation.storage import decisions, similarity_index
from moderation.storage.columns import storable
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_comments
from moderation.storage.similarity_index import LabelledText

MAX_SIMILAR = 5
MAX_SIMILAR_PER_LABEL = 3
MIN_SIMILARITY = 0.3
"""Unrelated texts of one language reach similarities below this by chance."""
MAX_EXCERPT_LENGTH = 300

_MAX_CANDIDATES = 8
_MAX_PER_BAND = 50
_PAGE_SIZE = 200


class IndexedText(NamedTuple):
    """The beginning of a text with its band hashes, which are computed before the database is locked."""

    text: str
    band_hashes: Sequence[int]

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the beginning of a text with its band hashes."""
        # As stored: an unstorable character must not make a difference.
        beginning = storable(text[: minhash.MAX_TEXT_LENGTH])
        return cls(beginning, minhash.lsh_bands(beginning))


def find_similar_to_text(services: Services, site_id: int, text: str) -> list[SimilarComment]:
    """Return the site's labelled comments that are most similar to a text, the most similar first.

    At most `MAX_SIMILAR_PER_LABEL` of each label and `MAX_SIMILAR` in all are returned, none below `MIN_SIMILARITY`.
    Labels in force count, and of comments with equal content the newest is returned.
    """
    with read_transaction(services.engine) as connection:
        (similar,) = _find_similar(connection, [(site_id, text, None)])
        return similar


def find_similar_to_decision(services: Services, decision: Decision) -> list[SimilarComment]:
    """Return the labelled comments that are most similar to the decision's own, which is excluded."""
    with read_transaction(services.engine) as connection:
        own_id = decisions.find_comment_id(connection, decision.site_id, decision.id)
        (similar,) = _find_similar(connection, [(decision.site_id, decision.comment.text, own_id)])
        return similar


def find_similar_to_listed(services: Services, listed: Sequence[ListedComment]) -> list[list[SimilarComment]]:
    """Return for each comment the labelled comments that are most similar, excluding itself."""
    with read_transaction(services.engine) as connection:
        return _find_similar(
            connection,
            [(comment.decision.site_id, comment.decision.comment.text, comment.comment_id) for comment in listed],
        )


def index_label(
    connection: Connection, site_id: int, comment_id: int, value: LabelValue | None, text: IndexedText | None
) -> None:
    """Index a comment, with this text, under its label. Without a label or text, remove it from the index."""
    if value is None or text is None:
        similarity_index.remove(connection, comment_id)
    else:
        _index(connection, [(LabelledText(comment_id, site_id, value, text.text), text.band_hashes)])


def index_missing(services: Services) -> int:
    """Index every labelled comment that is missing from the index or was indexed by an older features version.

    Returns how many. Each page is one transaction, so that other processes can write in between.
    """
    after = count = 0
    band_hashes: dict[int, Sequence[int]] = {}

    def index_page(connection: Connection) -> int:
        lock_comments(connection, band_hashes)
        # Read again: a label may have been withdrawn before the lock.
        page = similarity_index.list_missing(connection, FEATURES_VERSION, after, _PAGE_SIZE, 0)
        entries = [(comment, band_hashes[comment.comment_id]) for comment in page if comment.comment_id in band_hashes]
        _index(connection, entries)
        return len(entries)

    while True:
        with read_transaction(services.engine, slow=True) as connection:
            missing = similarity_index.list_missing(
                connection, FEATURES_VERSION, after, _PAGE_SIZE, minhash.MAX_TEXT_LENGTH
            )
        if not missing:
            return count
        band_hashes = {comment.comment_id: minhash.lsh_bands(comment.text) for comment in missing}
        count += services.writer.run(index_page, slow=True)
        after = max(band_hashes)


def _index(connection: Connection, entries: Sequence[tuple[LabelledText, Sequence[int]]]) -> None:
    similarity_index.replace_many(connection, entries, FEATURES_VERSION)


def _find_similar(connection: Connection, sought: Sequence[tuple[int, str, int | None]]) -> list[list[SimilarComment]]:
    """Return the similar comments for each site, text and id of the comment to exclude."""
    # Indexed texts were read back from the database, so an unstorable character must not make a difference.
    texts = [storable(text) for _, text, _ in sought]
    candidate_ids = [
        _find_candidates(connection, site_id, minhash.lsh_bands(text), exclude)
        for (site_id, _, exclude), text in zip(sought, texts, strict=True)
    ]
    labelled = similarity_index.labelled_texts(connection, set().union(*candidate_ids), minhash.MAX_TEXT_LENGTH)
    return [
        _select_most_similar(text, [labelled[comment_id] for comment_id in labelled if comment_id in ids])
        for text, ids in zip(texts, candidate_ids, strict=True)
    ]


def _find_candidates(connection: Connection, site_id: int, bands: Sequence[int], exclude: int | None) -> set[int]:
    """Return the ids of the site's comments of either label that share the most bands."""
    limits = {"limit": _MAX_CANDIDATES, "limit_per_band": _MAX_PER_BAND}
    found = (
        similarity_index.candidates(connection, site_id, value, bands, exclude=exclude, **limits)
        for value in LabelValue
    )
    return set(chain.from_iterable(found))


def _select_most_similar(text: str, candidates: Sequence[tuple[str, Label]]) -> list[SimilarComment]:
    """Return the comments that are most similar to a text, within the limits for each label and for all."""
    shingles = minhash.shingles(text)
    compared = [
        SimilarComment(candidate[:MAX_EXCERPT_LENGTH], label, minhash.jaccard(shingles, minhash.shingles(candidate)))
        for candidate, label in candidates
    ]
    selected: list[SimilarComment] = []
    for comment in sorted(compared, key=lambda comment: -comment.similarity):
        same_label = sum(other.label.value is comment.label.value for other in selected)
        if comment.similarity >= MIN_SIMILARITY and same_label < MAX_SIMILAR_PER_LABEL:
            selected.append(comment)
    return selected[:MAX_SIMILAR]
