"""The results of the comparison: a row for each figure and peer, and tables for docs/quality.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers.tasks import LOWER_IS_BETTER, MAX_TEST_SPAM, MAX_TRAIN_COMMENTS_PER_LABEL, Task
from benchmarks.rows import Row

OURS = "ours"

SECTION = """## The peers

`make bench-peers DATA=folder`, {date}. All filters are trained and tested on the same comments. `caught` is the recall
on spam at the given false-positive rate. The mail filters are bogofilter and the Bayes classifiers of SpamAssassin and
rspamd, from Debian. They read a comment as mail: author and e-mail in From, the author's URL below the text. The
pipelines of scikit-learn read the text; the blend also reads author and URL. Our model reads all fields.

Parameters are tuned on a quarter of the training set, split by template; so are the cutoffs of mail filters where a
task asks for labels. The cutoff of pipelines is one half, that of our model as in `make bench-youtube`.

For a blog left out, the training set has at most {train:,} comments of each label from all other sources, chosen by
hash. The test set has the blog's ham and at most {test:,} of its spam; its Brier score and calibration error weigh
both labels equally. A figure in bold is better than ours.

{tables}"""
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The metrics of each peer, by its name, for one task."""

    task: Task
    peers: Mapping[str, Mapping[str, float]]


def comparison_rows(result: TaskResult) -> list[Row]:
    """Return a row for each figure and peer: our figure is the value, the peer's the baseline."""
    return [
        Row(
            f"{result.task.name}: {metric}, against {peer}",
            round(ours, 6),
            _unit(metric),
            against=f"{peer} {metrics[metric]:.{_DECIMALS}f}",
            ratio=round(ours / metrics[metric], 4) if metrics[metric] else None,
            bar="at most the peer's" if metric in LOWER_IS_BETTER else "at least the peer's",
            holds=not _is_worse(metric, ours, metrics[metric]),
        )
        for metric, ours in result.task.ours.items()
        for peer, metrics in result.peers.items()
    ]


def render_section(results: Sequence[TaskResult], date: str) -> str:
    """Return the section of docs/quality.md in Markdown."""
    return SECTION.format(
        date=date, train=MAX_TRAIN_COMMENTS_PER_LABEL, test=MAX_TEST_SPAM, tables=render_tables(results)
    )


def render_tables(results: Sequence[TaskResult]) -> str:
    """Return a table for each task, ours first, and a sentence on the figures where ours is worse."""
    lines: list[str] = []
    for result in results:
        ours = result.task.ours
        lines += [f"### {result.task.name}", "", _table_row(["", *ours]), "|---|" + "--:|" * len(ours)]
        lines.append(_table_row([OURS, *map(_format, ours.values())]))
        for peer, metrics in result.peers.items():
            lines.append(_table_row([peer, *(_cell(name, value, metrics[name]) for name, value in ours.items())]))
        lines += ["", _summary(result), ""]
    return "\n".join(lines)


def _summary(result: TaskResult) -> str:
    worse = [
        f"{metric} ({', '.join(better)})"
        for metric, ours in result.task.ours.items()
        if (better := [peer for peer, metrics in result.peers.items() if _is_worse(metric, ours, metrics[metric])])
    ]
    if not worse:
        return "Ours is at least as good as each of them on every figure."
    return f"Ours is worse on {'; '.join(worse)}."


def _cell(metric: str, ours: float, theirs: float) -> str:
    return f"**{_format(theirs)}**" if _is_worse(metric, ours, theirs) else _format(theirs)


def _is_worse(metric: str, ours: float, theirs: float) -> bool:
    """Return whether ours is worse by at least the last decimal of the table."""
    gap = round(theirs, _DECIMALS) - round(ours, _DECIMALS)
    return gap < 0 if metric in LOWER_IS_BETTER else gap > 0


def _unit(metric: str) -> str:
    for word, unit in (("AUC", "area"), ("caught", "proportion"), ("Brier", "probability squared"), ("MCC", "MCC")):
        if word in metric:
            return unit
    return "probability"


def _format(value: float) -> str:
    return f"{value:.{_DECIMALS}f}".removeprefix("0")


def _table_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
