"""Cells of exported CSV files: a spreadsheet must not run the text of a comment as a formula."""

import re

from moderation.domain.comment import COMMENT_FIELDS

EXPORT_COLUMNS = ("id", "site", "label", "weight", *COMMENT_FIELDS)
"""The columns of an export, in order. `site` is the URL of the site; `weight` is that of the comment in training."""

# OWASP, "CSV Injection": these characters begin a formula, in their full width too. Numbers stay as they are.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


def neutralize(cell: str) -> str:
    """Return the cell with an apostrophe in front if a spreadsheet would run it as a formula.

    A cell that begins with apostrophes before such a character gets one more, so that `restore` is exact.
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def restore(cell: str) -> str:
    """Return the cell that `neutralize` was given."""
    return cell[1:] if cell.startswith("'") and neutralize(cell[1:]) == cell else cell
