"""What a site's people said of comments that are like another one."""

from collections.abc import Sequence

from sqlalchemy import Connection

from moderation.actions.desk import Desk
from moderation.domain.judgement import Decision, LabelValue, Neighbour
from moderation.features import sketch
from moderation.features.evidence import FEATURES_VERSION
from moderation.storage import bands, decisions
from moderation.storage.columns import storable
from moderation.storage.engine import reading, writing

MOST = 5
MOST_OF_LABEL = 3
LEAST_ALIKE = 0.3
"""Below this, texts of one language are alike by chance."""
SHOWN = 300
"""Code points of a neighbour's text."""

_LOOKED_AT = 8
_MOST_OF_BAND = 50
_PAGE = 200


def neighbours_of_text(desk: Desk, site_id: int, text: str) -> list[Neighbour]:
    """The labelled comments of the site that are most like a text, the most alike first.

    At most `MOST_OF_LABEL` of each label, `MOST` in all, `LEAST_ALIKE` at least. The last label of each counts, and
    none that was taken back; of several with equal content the newest is named.
    """
    with reading(desk.engine) as connection:
        return _neighbours(connection, site_id, text, None)


def neighbours_of(desk: Desk, made: Sequence[Decision]) -> list[list[Neighbour]]:
    """For each decision those of its comment, which is none of its own neighbours; as `neighbours_of_text`."""
    with reading(desk.engine) as connection:
        return [
            _neighbours(
                connection, one.site_id, one.comment.text, decisions.comment_of(connection, one.site_id, one.id)
            )
            for one in made
        ]


def note_label(connection: Connection, site_id: int, comment_id: int, value: LabelValue | None) -> None:
    """Lets the comment be found as a neighbour with this label; with `None` not any more."""
    if value is None:
        bands.drop(connection, comment_id)
    else:
        text = bands.text_of(connection, comment_id, sketch.LONGEST)
        _file(connection, [bands.Missing(comment_id, site_id, value, text)])


def fill_in(desk: Desk) -> int:
    """Lets every labelled comment be found that cannot be yet, or was read with other features; how many there were.

    Done page by page, so that others may write meanwhile; what is left undone, the next call does.
    """
    after = count = 0
    while True:
        with reading(desk.engine) as connection:
            if not bands.missing(connection, FEATURES_VERSION, after, 1, 0):
                return count
        with writing(desk.engine) as connection:
            page = bands.missing(connection, FEATURES_VERSION, after, _PAGE, sketch.LONGEST)
            _file(connection, page)
        count += len(page)
        after = page[-1].comment_id if page else after


def _file(connection: Connection, found: Sequence[bands.Missing]) -> None:
    bands.put_many(connection, [(one, sketch.bands(one.text)) for one in found], FEATURES_VERSION)


def _neighbours(connection: Connection, site_id: int, text: str, comment_id: int | None) -> list[Neighbour]:
    # Compared as it would be stored.
    text = storable(text)
    found = sketch.bands(text)
    nearest = [
        number
        for value in LabelValue
        for number in bands.nearest(
            connection, site_id, value, found, but=comment_id, most=_LOOKED_AT, most_of_band=_MOST_OF_BAND
        )
    ]
    ours = sketch.stretches(text)
    measured = [
        Neighbour(theirs[:SHOWN], label, sketch.alike(ours, sketch.stretches(theirs)))
        for theirs, label in bands.labelled(connection, nearest, sketch.LONGEST)
    ]
    ranked = sorted((one for one in measured if one.alike >= LEAST_ALIKE), key=lambda one: -one.alike)
    kept = [one for value in LabelValue for one in [n for n in ranked if n.label.value is value][:MOST_OF_LABEL]]
    return [one for one in ranked if one in kept][:MOST]
