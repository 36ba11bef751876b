"""Cells that a spreadsheet would run as formulae."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.csv_cells import neutralize, restore


@pytest.mark.parametrize(
    "cell", ["=1+1", "+49 30", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "-", "'=1", "''-x"]
)
def test_formulae_get_an_apostrophe(cell: str) -> None:
    """A spreadsheet shows the cell as text, and reading it back gives the same."""
    assert neutralize(cell) == f"'{cell}" and restore(f"'{cell}") == cell


@pytest.mark.parametrize("cell", ["", "hello", "1=1", "-1", "+3.50", "'quoted'", "' =1", "https://a.example/?a=b"])
def test_other_cells_stay(cell: str) -> None:
    """Numbers too, because a script may join rows by them."""
    assert neutralize(cell) == restore(cell) == cell


@given(st.text(st.sampled_from("'=+-@\t\ra1.") | st.characters(), max_size=8))
def test_the_round_trip_is_exact(cell: str) -> None:
    """For any text, and no neutralized cell begins like a formula."""
    neutral = neutralize(cell)
    assert restore(neutral) == cell
    assert neutral[:1] not in set("=@\t\r\n")
