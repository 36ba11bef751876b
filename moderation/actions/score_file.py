"""A file of comments in, a table of verdicts out."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from moderation.actions.judge import Judge
from moderation.learning.corpus import read_rows, source_name, to_comment
from moderation.scoring.reasons import strongest

COLUMNS = ("id", "probability", "verdict", "reasons")
"""Of the table; `reasons` are codes joined by `;`, the strongest for spam first, then the strongest against it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows were judged, and how many could not be."""

    judged: int
    bad: int


def score_file(
    judge: Judge, path: Path, out: TextIO, *, report: Callable[[str], None], advance: Callable[[], None]
) -> Tally:
    """Writes one line for each comment of a CSV or JSON Lines file, in its order, holding one at a time.

    A row that holds no comment gets a line with neither probability nor verdict, and the fault for a reason.
    `advance` is called after each line. Raises `CorpusRefused` when the file cannot be read or has no column `text`.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    judged = bad = 0
    for line, raw in read_rows(path, report):
        row_id = str(raw.get("id") or f"{source_name(path)}-{line}")
        try:
            writer.writerow((row_id, *_judged(judge, raw)))
            judged += 1
        except ValueError as fault:
            writer.writerow((row_id, "", "", str(fault)))
            bad += 1
        advance()
    return Tally(judged, bad)


def _judged(judge: Judge, raw: dict[str, Any]) -> tuple[str, str, str]:
    score, verdict = judge.judge(to_comment(raw))
    codes = dict.fromkeys(reason.code for reason in strongest(score.reasons))
    return f"{score.probability:.6f}", verdict.value, ";".join(codes)
