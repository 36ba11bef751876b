"""The mutants of the mutation check."""

from pathlib import Path

import pytest

from benchmarks.mutants import Mutant, Result, Run, all_mutants, draw, rows_of
from benchmarks.mutation_operators import Source, edits

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("code", "mutated"),
    [
        ("a < b", ["a <= b"]),
        ("a not in b", ["a in b"]),
        ("a and b and c", ["a or b and c", "a and b or c"]),
        ("a + 1", ["a - 1", "a + 2"]),
        ("a += b", ["a -= b", "pass"]),
        ("f(not a)", ["f( a)", "pass"]),
        ("x = True", ["x = False"]),
        ("x = 'é b'", ["x = 'XXé bXX'"]),
        ("while a:\n    break", ["while a:\n    continue"]),
        ("def f():\n    return a", ["def f():\n    return None"]),
    ],
)
def test_each_operator_makes_its_edits(code: str, mutated: list[str]) -> None:
    """Bytes outside the edit stay."""
    source = Source(code.encode())
    assert sorted(source.apply(edit).decode() for edit in edits(source)) == sorted(mutated)


@pytest.mark.parametrize("code", ['"""A docstring."""', "x: Literal['a']", "f'{a + 1}'", "return_ = None"])
def test_docstrings_types_and_f_strings_are_not_mutated(code: str) -> None:
    """Such mutants would be equivalent, or would not compile."""
    assert edits(Source(code.encode())) == []


def test_a_draw_is_repeatable_and_compiles() -> None:
    """Figures of two runs with one seed are about the same mutants."""
    mutants = all_mutants(ROOT)
    drawn = draw(mutants, 5, seed=1)
    assert drawn == draw(mutants, 5, seed=1) != draw(mutants, 5, seed=2)
    assert all(mutant.content != (ROOT / mutant.module).read_bytes() for mutant in drawn)


def test_survivors_are_counted_by_module() -> None:
    """The rate of survivors over all modules is measured against the bar."""
    source = Source(b"a < b")
    (edit,) = edits(source)
    mutants = [Mutant(module, "suite", 1, edit, "a < b", "a <= b", b"a <= b") for module in ("one.py", "two.py")]
    rows = rows_of([Result(mutants[0], Run("a test", 1.0)), Result(mutants[1], Run("", 1.0))])
    assert [(row.name, row.value, row.against, row.ratio, row.holds) for row in rows] == [
        ("all modules", 1, "2 mutants", 0.5, False),
        ("one.py", 0, "1 mutants", 0.0, None),
        ("two.py", 1, "1 mutants", 1.0, None),
        ("two.py:1: < -> <=: a < b => a <= b", 1, "", None, None),
    ]
