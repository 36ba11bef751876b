"""The mutation check: how many small faults in the code the tests notice.

`python -m benchmarks.mutants` makes every mutant of the modules in `SUITES` and draws 60 with a fixed seed. It runs
the tests that cover each of them in a copy of the repository. A mutant is killed if a test fails, if the tests cannot
be collected, or if they exceed the time limit.

A survivor is either a gap in the tests or an equivalent mutant, which behaves like the original. Only a reader can
distinguish the two, so each survivor is printed with its line before and after.

A killed mutant takes 4 to 20 seconds, a survivor 15 to 50: on two cores 60 mutants take 5 to 10 minutes.
"""

import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from time import perf_counter

import click

from benchmarks.mutation_operators import Edit, Source, edits
from benchmarks.rows import ROOT, Row, write_rows

# Packages to mutate, and the tests that cover each, the likeliest to fail first.
SUITES: Mapping[str, tuple[str, ...]] = {
    "moderation/features": ("tests/features", "tests/scoring"),
    "moderation/scoring": ("tests/scoring", "tests/features", "tests/training"),
    "moderation/domain": ("tests/domain", "tests/**/test_errors.py", "tests/scoring", "tests/actions"),
    "moderation/training/calibration.py": ("tests/training",),
}
EVERY_SUITE = ("tests/test_default_model.py", "tests/**/test_*golden*.py", "tests/**/test_*digest*.py")
SEED = 18
MUTANTS = 60
MAX_SURVIVAL_RATE = 0.1
WORKERS = 2
MIN_LIMIT_SECONDS = 60.0
MAX_ADDRESS_SPACE_BYTES = 4 << 30

_WRONG_COPY = 99
_PYTEST_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly")
_NOT_COPIED = (".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "build", "dist", "var", "site")
_RUNNER = f"""
import resource, sys
from pathlib import Path
import moderation, pytest
if not Path(moderation.__file__).resolve().is_relative_to(Path.cwd().resolve()):
    sys.exit({_WRONG_COPY})
resource.setrlimit(resource.RLIMIT_AS, ({MAX_ADDRESS_SPACE_BYTES}, resource.getrlimit(resource.RLIMIT_AS)[1]))
sys.exit(pytest.main(sys.argv[1:]))
"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit of one module, and the suite that covers it."""

    module: str
    suite: str
    line: int
    edit: Edit
    before: str
    after: str
    content: bytes

    def __str__(self) -> str:
        """Return the place and the operator."""
        return f"{self.module}:{self.line}: {self.edit.operator}"


@dataclass(frozen=True, slots=True)
class Run:
    """The first failed test of a suite, empty if all passed, and the run's time and output."""

    failed: str
    seconds: float
    output: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A mutant and the run of its suite."""

    mutant: Mutant
    run: Run

    @property
    def survived(self) -> bool:
        """Whether every test passed."""
        return not self.run.failed


def measure(seed: int = SEED, number: int = MUTANTS) -> list[Row]:
    """Draw mutants, run their tests and print the survivors.

    Returns a row for all mutants, one for each module and one for each survivor.
    """
    with _original() as original:
        mutants = all_mutants(original)
        drawn = draw(mutants, number, seed)
        click.echo(f"{len(drawn)} of {len(mutants)} mutants, seed {seed}.")
        results = _run_all(drawn, original.parent)
    for result in results:
        if result.survived:
            click.echo(f"\nSurvived  {_described(result.mutant)}")
    return rows_of(results)


def all_mutants(root: Path) -> list[Mutant]:
    """Return every mutant of the modules in `SUITES`, in a fixed order. Prints the paths that do not exist."""
    mutants: list[Mutant] = []
    for suite in SUITES:
        path = root / suite
        if not path.exists():
            click.echo(f"Note: {suite} does not exist and is skipped.")
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path] * path.exists():
            mutants += _mutants_of(file.relative_to(root).as_posix(), suite, file.read_bytes())
    return mutants


def _mutants_of(module: str, suite: str, content: bytes) -> Iterator[Mutant]:
    source = Source(content)
    for edit in edits(source):
        line = content.count(b"\n", 0, edit.start) + 1
        yield Mutant(module, suite, line, edit, *source.lines_around(edit), source.apply(edit))


def draw(mutants: Sequence[Mutant], number: int, seed: int) -> list[Mutant]:
    """Draw `number` mutants that compile, without replacement, and sort them by place."""
    shuffled = random.Random(seed).sample(mutants, len(mutants))
    return sorted(islice(filter(_compiles, shuffled), number), key=lambda mutant: (mutant.module, mutant.edit.start))


def _compiles(mutant: Mutant) -> bool:
    try:
        compile(mutant.content, mutant.module, "exec")
    except SyntaxError:
        return False
    return True


def tests_of(suite: str, root: Path) -> list[str]:
    """Return the test folders and files that cover a suite, none of them inside another."""
    tests: list[str] = []
    if not any(any(root.glob(pattern)) for pattern in SUITES[suite]):
        raise click.ClickException(f"No tests found for {suite}: {', '.join(SUITES[suite])}.")
    for pattern in (*SUITES[suite], *EVERY_SUITE):
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            if not any(name == other or name.startswith(f"{other}/") for other in tests):
                tests.append(name)
    return tests


def run_tests(copy: Path, tests: Sequence[str], limit_seconds: float | None = None) -> Run:
    """Run tests on the code in `copy`. Raises `ClickException` if another copy of the package is imported."""
    start = perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", _RUNNER, *_PYTEST_OPTIONS, *tests],
        cwd=copy,
        env=_environment(copy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Run("the time limit", perf_counter() - start)
    if process.returncode == _WRONG_COPY:
        raise click.ClickException(f"The tests in {copy} import the package from elsewhere.")
    first = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    failed = first[1] if first else f"exit status {process.returncode}"
    return Run(failed if process.returncode else "", perf_counter() - start, output)


def _environment(copy: Path) -> dict[str, str]:
    """Return the environment of a run: one thread for each process, and no bytecode.

    Python checks bytecode by time and size, so it would miss an edit that keeps both.
    """
    variables = {
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return os.environ | variables


class Workers:
    """Run suites in parallel, each worker on its own copy of the repository."""

    def __init__(self, copies: Sequence[Path]) -> None:
        self.count = len(copies)
        self._free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for copy in copies:
            self._free.put(copy)

    def time_suites(self, suites: Sequence[str]) -> dict[str, float]:
        """Run suites on the unmutated copies. Returns seconds by suite, raises `ClickException` if a test fails."""
        with ThreadPoolExecutor(self.count) as pool:
            runs = dict(zip(suites, pool.map(self._run_unmutated, suites), strict=True))
        for suite, run in runs.items():
            if run.failed:
                tail = "\n".join(run.output.splitlines()[-30:])
                raise click.ClickException(f"The tests of {suite} fail without any mutant ({run.failed}):\n{tail}")
        return {suite: run.seconds for suite, run in runs.items()}

    def run_mutants(self, mutants: Sequence[Mutant], limits: Mapping[str, float]) -> Iterator[Result]:
        """Yield the result of each mutant in order. `limits` are seconds by suite."""
        with ThreadPoolExecutor(self.count) as pool:
            yield from pool.map(lambda mutant: self._run_mutant(mutant, limits[mutant.suite]), mutants)

    def _run_unmutated(self, suite: str) -> Run:
        with self._copy() as copy:
            return run_tests(copy, tests_of(suite, copy))

    def _run_mutant(self, mutant: Mutant, limit_seconds: float) -> Result:
        with self._copy() as copy:
            file = copy / mutant.module
            original = file.read_bytes()
            try:
                file.write_bytes(mutant.content)
                return Result(mutant, run_tests(copy, tests_of(mutant.suite, copy), limit_seconds))
            finally:
                file.write_bytes(original)

    @contextmanager
    def _copy(self) -> Iterator[Path]:
        """Take a free copy, and give it back after the block."""
        copy = self._free.get()
        try:
            yield copy
        finally:
            self._free.put(copy)


def _run_all(mutants: Sequence[Mutant], folder: Path) -> list[Result]:
    """Copy the original once for each worker, run the unmutated suites, then the mutants."""
    copies = [folder / f"copy{number}" for number in range(WORKERS)]
    for source, copy in pairwise([folder / "original", *copies]):
        shutil.copytree(source, copy)
    workers = Workers(copies)
    seconds = workers.time_suites(sorted({mutant.suite for mutant in mutants}))
    click.echo("Unmutated: all pass. " + ", ".join(f"{suite} {time:.0f} s" for suite, time in seconds.items()))
    limits = {suite: max(MIN_LIMIT_SECONDS, 3 * time) for suite, time in seconds.items()}
    results: list[Result] = []
    for result in workers.run_mutants(mutants, limits):
        results.append(result)
        outcome = "SURVIVED" if result.survived else f"killed by {result.run.failed}"
        click.echo(f"{len(results):3}/{len(mutants)} {result.run.seconds:4.0f} s  {result.mutant}  {outcome}")
    return results


def rows_of(results: Sequence[Result]) -> list[Row]:
    """Return a row for all mutants, one for each module and one for each survivor."""
    modules = sorted({result.mutant.module for result in results})
    survivors = [result.mutant for result in results if result.survived]
    survival_rate = len(survivors) / max(1, len(results))
    return [
        _row("all modules", results, f"ratio at most {MAX_SURVIVAL_RATE:g}", survival_rate <= MAX_SURVIVAL_RATE),
        *(_row(module, [result for result in results if result.mutant.module == module]) for module in modules),
        *(Row(f"{mutant}: {mutant.before} => {mutant.after}", 1, "survivor") for mutant in survivors),
    ]


def _row(name: str, results: Sequence[Result], bar: str = "", holds: bool | None = None) -> Row:
    survived = sum(result.survived for result in results)
    ratio = round(survived / len(results), 4) if results else None
    return Row(name, survived, "survivors", f"{len(results)} mutants", ratio, bar, holds)


def _described(mutant: Mutant) -> str:
    return f"{mutant}\n  before  {mutant.before}\n  after   {mutant.after}"


@contextmanager
def _original() -> Iterator[Path]:
    """Copy the repository to a temporary folder until the block ends."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        original = Path(folder) / "original"
        shutil.copytree(ROOT, original, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        yield original


@click.command(help="Measure how many small faults in the code the tests notice.")
@click.option("--seed", default=SEED, show_default=True, help="Seed of the draw.")
@click.option("--number", default=MUTANTS, show_default=True, help="Mutants to draw.")
@click.option("--list", "list_only", is_flag=True, help="Print the drawn mutants and run nothing.")
def main(seed: int, number: int, list_only: bool) -> None:
    """Measure and write the rows, or list the drawn mutants."""
    if list_only:
        for mutant in draw(all_mutants(ROOT), number, seed):
            click.echo(_described(mutant))
        return
    start = perf_counter()
    rows = measure(seed, number)
    write_rows("mutants", rows, f"python -m benchmarks.mutants --seed {seed} --number {number}")
    click.echo(f"{perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
