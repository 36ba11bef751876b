"""What people say of comments: an append-only log in which the last label holds."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sqlalchemy import Connection

from moderation.actions.content import Likeness, content_key, find_alike
from moderation.actions.desk import Desk
from moderation.actions.neighbours import fill_in, note_label
from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.errors import NotFound
from moderation.domain.judgement import Label, LabelValue
from moderation.domain.site import Site
from moderation.storage import callbacks, comments, decisions, items, labels
from moderation.storage.engine import reading, writing

EXPORT_COLUMNS = ("id", "site", "label", *COMMENT_FIELDS)
"""The columns of a corpus, in order; `site` is the address of the site."""

_PAGE = 500


def label_decision(desk: Desk, site: Site, decision_id: str, value: LabelValue, who: str, source: str) -> Label:
    """Labels the comment of a decision and closes its item; the label that holds now.

    The same value again through the same door changes nothing. Raises `NotFound` for a decision the site never got.
    """
    with writing(desk.engine) as connection:
        comment_id = _comment_of(connection, site, decision_id)
        return _teach(connection, site, comment_id, Label(value, who, source, desk.clock()))


def withdraw_label(desk: Desk, site: Site, decision_id: str, who: str, source: str) -> Label:
    """Takes the label of a decision's comment back: a label without a value.

    Changes nothing where there is no label to take back. Raises `NotFound` for a decision the site never got.
    """
    withdrawal = Label(None, who, source, desk.clock())
    with writing(desk.engine) as connection:
        comment_id = _comment_of(connection, site, decision_id)
        last = labels.last(connection, comment_id)
        if last is None or last.value is None:
            return last or withdrawal
        log_label(connection, site.id, comment_id, withdrawal)
    return withdrawal


def label_comment(desk: Desk, site: Site, comment: Comment, value: LabelValue, who: str, source: str) -> Label:
    """Labels a comment that the caller describes instead of naming its decision; the label that holds now.

    `find_alike` says which one is meant. A comment that was never seen is stored, without a decision, and labelled.
    """
    now = desk.clock()
    likeness = Likeness.of(comment)
    with writing(desk.engine) as connection:
        comment_id = find_alike(connection, site.id, likeness)
        if comment_id is None:
            comment_id = comments.add(connection, site.id, likeness.key, comment, now)
        return _teach(connection, site, comment_id, Label(value, who, source, now))


def export_labels(desk: Desk, site: Site | None) -> Iterator[dict[str, str]]:
    """Every labelled comment of a site (`None`: of all) as rows of a corpus, by age; an absent field is empty.

    Streamed in pages: no lock is held and memory stays flat. Withdrawn labels are left out.
    """
    after = 0
    while page := _page(desk, site, after):
        yield from map(_corpus_row, page)
        after = page[-1].comment_id


def import_labels(desk: Desk, site: Site, rows: Iterable[tuple[Comment, LabelValue]]) -> int:
    """Stores labelled comments under the site, all or none; how many there were.

    Reads `rows` to the end before it locks the database: what it raises leaves nothing behind. That they can be found
    as neighbours follows, page by page.
    """
    given = [(content_key(comment.text), comment, value) for comment, value in rows]
    label = Label(None, who="import", source="import", given_at=desk.clock())
    with writing(desk.engine) as connection:
        keyed = [(key, comment) for key, comment, _ in given]
        comment_ids = comments.add_many(connection, site.id, keyed, label.given_at)
        values = [replace(label, value=value) for _, _, value in given]
        labels.append_many(connection, site.id, list(zip(comment_ids, values, strict=True)))
    fill_in(desk)
    return len(given)


def _comment_of(connection: Connection, site: Site, decision_id: str) -> int:
    comment_id = decisions.comment_of(connection, site.id, decision_id)
    if comment_id is None:
        raise NotFound("There is no such decision.")
    return comment_id


def _teach(connection: Connection, site: Site, comment_id: int, label: Label) -> Label:
    items.close_of_comment(connection, comment_id, label.who, "label", label.given_at)
    last = labels.last(connection, comment_id)
    if last is not None and (last.value, last.source) == (label.value, label.source):
        # Said before; but the blog may hold the comment once more since.
        _tell_the_blog(connection, comment_id, label, undecided_only=True)
        return last
    log_label(connection, site.id, comment_id, label)
    return label


def log_label(connection: Connection, site_id: int, comment_id: int, label: Label) -> None:
    """Adds the label to the log; a blog that holds the comment is to be told, unless it said so itself."""
    labels.append(connection, site_id, comment_id, label)
    note_label(connection, site_id, comment_id, label.value)
    _tell_the_blog(connection, comment_id, label)


def _tell_the_blog(connection: Connection, comment_id: int, label: Label, *, undecided_only: bool = False) -> None:
    news = None if label.source == "akismet" else label.value
    callbacks.decide_of_comment(connection, comment_id, news, label.given_at, undecided_only=undecided_only)


def _page(desk: Desk, site: Site | None, after: int) -> list[labels.Labelled]:
    with reading(desk.engine) as connection:
        return labels.holding(connection, site.id if site else None, after, _PAGE)


def _corpus_row(labelled: labels.Labelled) -> dict[str, str]:
    sent = {name: getattr(labelled.comment, name) or "" for name in COMMENT_FIELDS}
    return {"id": str(labelled.comment_id), "site": labelled.site_url, "label": labelled.value.value, **sent}
