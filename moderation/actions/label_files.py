"""Labelled comments as files: what was learnt here goes out, what was learnt elsewhere comes in."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from moderation.actions.desk import Desk
from moderation.actions.teach import EXPORT_COLUMNS, export_labels, import_labels
from moderation.domain.judgement import LabelValue
from moderation.domain.site import Site
from moderation.learning.corpus import read_corpus


def write_labels(desk: Desk, site: Site | None, out: TextIO) -> int:
    """Writes the labelled comments of a site (`None`: of all) as CSV that `moderation train` reads; how many."""
    writer = csv.DictWriter(out, EXPORT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in export_labels(desk, site):
        writer.writerow(row)
        count += 1
    return count


def read_labels(desk: Desk, site: Site, path: Path, report: Callable[[str], None]) -> int:
    """Stores the labelled comments of a file under the site, all or none; how many. What site it names does not matter.

    Raises `CorpusRefused` as training does.
    """
    corpus = read_corpus([path], report)
    if set(corpus.site_urls) - {site.url}:
        report(f"{path.name}: ignored the column site; all its comments are stored under {site.url}.")
    values = (LabelValue.SPAM if spam else LabelValue.HAM for spam in corpus.spam)
    return import_labels(desk, site, zip(corpus.comments, values, strict=True))
