"""Corrected labels: comments of training files that were read again, by source and id, without their text."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidInput

_LABELS_BY_LETTER = {"s": LabelValue.SPAM, "h": LabelValue.HAM, "n": None, "u": None, "d": None}
"""Spam, ham, automatic notice, undecidable, copy of another comment. `None` leaves the comment out."""


class LabelledComment(NamedTuple):
    """A labelled comment of a file. `site` is the address of its site, empty if the file does not name one.

    `weight` is the number of comments for which it stands in training, `line` the line or row where it begins.
    """

    id: str
    comment: Comment
    label: LabelValue
    site: str
    weight: float = 1.0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Relabelling:
    """The corrected labels of a file with the SHA-256 `digest`, by source and id; `None` leaves a comment out.

    The empty digest belongs to no file and to no correction.
    """

    digest: str = ""
    labels: Mapping[str, Mapping[str, LabelValue | None]] = field(default_factory=dict)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read lines of source, id and letter, separated by tabs. Raises `InvalidInput` with the first wrong line."""
        try:
            content = path.read_bytes()
            lines = content.decode("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{path.name} cannot be read: {error}.") from None
        labels: dict[str, dict[str, LabelValue | None]] = {}
        for number, line in enumerate(lines, 1):
            source, _, rest = line.partition("\t")
            comment_id, _, letter = rest.partition("\t")
            if not source or not comment_id or letter not in _LABELS_BY_LETTER:
                raise InvalidInput(
                    f"{path.name}, line {number}: must be source, id and one of the letters "
                    f"{', '.join(_LABELS_BY_LETTER)}, separated by tabs."
                )
            if comment_id in labels.setdefault(source, {}):
                raise InvalidInput(f"{path.name}, line {number}: names a comment that an earlier line names.")
            labels[source][comment_id] = _LABELS_BY_LETTER[letter]
        return cls(hashlib.sha256(content).hexdigest(), labels)


NOTHING_RELABELLED = Relabelling()


def relabel(
    name: str,
    rows: Iterable[LabelledComment],
    labels: Mapping[str, LabelValue | None],
    report: Callable[[str], None],
) -> Iterator[LabelledComment]:
    """Yield the rows of the file `name` with the corrected `labels` of its source, and report their number."""
    met: Counter[LabelValue | None] = Counter()
    for row in rows:
        label = labels.get(row.id, row.label)
        met.update([label] if row.id in labels else ())
        if label is not None:
            yield row._replace(label=label)
    if labels:
        report(
            f"{name}: corrected labels: {met[LabelValue.SPAM]} spam, {met[LabelValue.HAM]} ham, "
            f"{met[None]} left out; corrections without a row: {len(labels) - met.total()}."
        )
