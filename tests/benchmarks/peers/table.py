"""What came of it: a row for each figure and peer, and one table for docs/quality.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.peers.questions import LOWER_IS_BETTER, MOST_ASKED, MOST_LEARNT, Question
from tests.benchmarks.rows import Row

OURS = "ours"

SECTION = """## The peers

`make bench-peers DATA=folder`, {date}. Everybody learns from the same comments and judges the same others; `caught` is
the share of spam at the cut-off that loses so much of the good comments asked about. Mail filters (bogofilter,
SpamAssassin's and rspamd's Bayes, from Debian) read a comment as mail: author and mailbox in From, the author's address
below the text. The pipelines of scikit-learn read the text, the blend author and address too; ours reads what a blog
sends. Settings were chosen on a quarter of what a peer learns from, cut by template, and so were the cuts of mail
filters where labels are asked for; pipelines are cut at one half, ours as `make bench-youtube` cuts it. For a blog left
out everybody learns from at most {learnt:,} comments of either label of all other sources, chosen by hash, and is asked
about the blog's ham and at most {asked:,} of its spam; both labels count alike in its Brier score and calibration
error. A figure in bold is better than ours.

{tables}"""
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Found:
    """The figures of each peer (by its name) for one question."""

    question: Question
    peers: Mapping[str, Mapping[str, float]]


def compared(found: Found) -> list[Row]:
    """A row for each figure and peer: ours is the value, the peer's what it is held against."""
    return [
        Row(
            f"{found.question.name}: {figure}, against {peer}",
            round(ours, 6),
            _unit(figure),
            _bar(figure),
            not _worse(figure, ours, figures[figure]),
            f"{peer} {figures[figure]:.{_DIGITS}f}",
            round(ours / figures[figure], 4) if figures[figure] else None,
        )
        for figure, ours in found.question.ours.items()
        for peer, figures in found.peers.items()
    ]


def unmeasured(what: str, why: str) -> Row:
    """The row of a peer that could not run, or not to the end."""
    return Row(f"{what} on the same work", None, why)


def markdown(found: Sequence[Found]) -> str:
    """One table for each question, ours first, a peer's better figure in bold; then where we are worse, in words."""
    lines: list[str] = []
    for one in found:
        names = list(one.question.ours)
        lines += [f"### {one.question.name}", "", _line(["", *names]), "|---|" + "--:|" * len(names)]
        lines.append(_line([OURS, *(_shown(one.question.ours[name]) for name in names)]))
        for peer, figures in one.peers.items():
            cells = [_cell(name, one.question.ours[name], figures[name]) for name in names]
            lines.append(_line([peer, *cells]))
        lines += ["", _sentence(one), ""]
    return "\n".join(lines)


def section(found: Sequence[Found], date: str) -> str:
    """The whole section of docs/quality.md, measured on that `date`."""
    return SECTION.format(date=date, learnt=MOST_LEARNT, asked=MOST_ASKED, tables=markdown(found))


def _sentence(found: Found) -> str:
    worse = [
        f"{figure} ({', '.join(better)})"
        for figure, ours in found.question.ours.items()
        if (better := [peer for peer, figures in found.peers.items() if _worse(figure, ours, figures[figure])])
    ]
    if not worse:
        return "Ours is at least as good as each of them on every figure."
    return f"Ours is worse on {'; '.join(worse)}."


def _cell(figure: str, ours: float, theirs: float) -> str:
    return f"**{_shown(theirs)}**" if _worse(figure, ours, theirs) else _shown(theirs)


def _worse(figure: str, ours: float, theirs: float) -> bool:
    """Whether ours is worse by more than the table can show."""
    gap = round(theirs, _DIGITS) - round(ours, _DIGITS)
    return gap < 0 if figure in LOWER_IS_BETTER else gap > 0


def _bar(figure: str) -> str:
    return "at most the peer's" if figure in LOWER_IS_BETTER else "at least the peer's"


def _unit(figure: str) -> str:
    for word, unit in (("AUC", "area"), ("caught", "share"), ("Brier", "probability squared"), ("MCC", "MCC")):
        if word in figure:
            return unit
    return "probability"


def _shown(value: float) -> str:
    return f"{value:.{_DIGITS}f}".removeprefix("0")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
