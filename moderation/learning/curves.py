"""Curves of an evaluation as SVG to stand in a page: the same figures give the same text.

matplotlib is imported where it draws, so that whoever does not ask for curves does not wait for it.
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from moderation.learning.evaluation import even_weights
from moderation.learning.verdicts import Judged

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

_BINS = 15
_FEW = 20
_COLUMNS = 40
_SIZE = (5.4, 4.1)
_WIDE = (5.4, 2.9)
_COLOURS = ("#1d4f91", "#c2571a", "#2f7d4f", "#7a4a9e", "#8a6d00")
_DASHES = ("-", "--", "-.", ":")
_SPAM, _HAM = "#b23b3b", "#3d8059"
_MARKS = {"review": "o", "spam": "s", "discard": "D"}
_STYLE: dict["RcKeyType", object] = {
    "axes.edgecolor": "#8a8a94",
    "axes.grid": True,
    "axes.labelcolor": "#3c3c44",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "figure.subplot.bottom": 0.16,
    "figure.subplot.left": 0.155,
    "figure.subplot.right": 0.96,
    "figure.subplot.top": 0.98,
    "font.size": 10.5,
    "grid.color": "#e4e4e0",
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.7,
    "svg.fonttype": "none",
    "xtick.color": "#55555e",
    "ytick.color": "#55555e",
}
_ASIDE = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_GROUP_ID = re.compile(r'<g id="[^"]*"')
_LONGEST_NAME = 28

Drawing = Callable[["Axes"], None]


@dataclass(frozen=True, slots=True)
class Curve:
    """One drawing: what it shows, how to read it, and the drawing itself, an `<svg>` element."""

    title: str
    caption: str
    svg: str


def curves_of_both(models: Sequence[Judged], spam: NDArray[np.bool_]) -> list[Curve]:
    """The curves that need spam and ham alike, each with all models in it; nothing where one is missing."""
    if not 0 < spam.sum() < len(spam):
        return []
    return [
        Curve(
            "Catch rate against ham loss",
            "Spam caught at each price in ham, on a logarithmic scale. Marks are the model's own lines; what lies on "
            "the left edge costs no ham at all.",
            _svg("Catch rate against ham loss", _SIZE, lambda axes: _draw_loss(axes, models, spam)),
        ),
        Curve(
            "ROC",
            "The same on a plain scale: the nearer to the upper left corner, the better spam and ham are ranked apart.",
            _svg("ROC curve", _SIZE, lambda axes: _draw_roc(axes, models, spam)),
        ),
        Curve(
            "Precision and recall",
            f"How much of what is caught is spam. It depends on the mix: {100 * spam.mean():.1f} % here is spam.",
            _svg("Precision-recall curve", _SIZE, lambda axes: _draw_precision(axes, models, spam)),
        ),
        Curve(
            "Calibration",
            "Said probability against the share that was spam, spam and ham weighing the same. On the diagonal the "
            f"model means what it says; hollow points stand for fewer than {_FEW} comments.",
            _svg("Calibration curve", _SIZE, lambda axes: _draw_calibration(axes, models, spam)),
        ),
    ]


def spread(judged: Judged, spam: NDArray[np.bool_]) -> Curve:
    """Where a model's probabilities lie, spam and ham apart, with its lines; for any comments, even of one label."""
    title = f"Probabilities by {judged.model.id}"
    return Curve(
        title,
        "How many comments got which probability, on a logarithmic scale; dashed are the model's lines.",
        _svg(title, _WIDE, lambda axes: _draw_spread(axes, judged, spam)),
    )


def reliability(
    probabilities: NDArray[np.float64], spam: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Mean probability, share of spam and number of comments of each of 15 equal bins that is not empty.

    Spam as a whole weighs as much as ham as a whole, as in the figure `calibration_error_even`.
    """
    weights = even_weights(spam)
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    weight, said, true = (
        np.bincount(bins, weights=weights * values, minlength=_BINS)[counts > 0]
        for values in (np.ones(len(spam)), probabilities, spam)
    )
    return said / weight, true / weight, counts[counts > 0]


def _draw_loss(axes: "Axes", models: Sequence[Judged], spam: NDArray[np.bool_]) -> None:
    # Nothing lies nearer to none than one ham comment; a handful of ham gets two decades all the same.
    least = min(0.5 / (~spam).sum(), 0.01)
    for judged, colour, dash in _looks(models):
        lost, caught, _ = roc_curve(spam, judged.probabilities)
        axes.step(np.maximum(lost, least), caught, dash, where="post", color=colour, label=_name(judged))
        for name, mark in _MARKS.items():
            over = judged.probabilities >= getattr(judged.model.lines, name)
            at = max(over[~spam].mean(), least), over[spam].mean()
            axes.plot(*at, mark, color=colour, markersize=6.5, markeredgecolor="white", clip_on=False, zorder=5)
    for name, mark in _MARKS.items():
        axes.plot([], [], mark, color="#55555e", markersize=6, label=f"{name} line")
    axes.set_xscale("log")
    axes.set(xlim=(least, 1), ylim=(0, 1.02), xlabel="ham at or above the cut-off", ylabel="spam at or above it")
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_major_formatter(_percent)
    axes.legend(loc="lower right")


def _draw_roc(axes: "Axes", models: Sequence[Judged], spam: NDArray[np.bool_]) -> None:
    axes.plot([0, 1], [0, 1], color="#b9b9c0", linewidth=1)
    for judged, colour, dash in _looks(models):
        lost, caught, _ = roc_curve(spam, judged.probabilities)
        axes.plot(lost, caught, dash, color=colour, label=_name(judged))
    _in_percent(axes, "ham at or above the cut-off", "spam at or above it")
    axes.legend(loc="lower right")


def _draw_precision(axes: "Axes", models: Sequence[Judged], spam: NDArray[np.bool_]) -> None:
    for judged, colour, dash in _looks(models):
        precision, recall, _ = precision_recall_curve(spam, judged.probabilities, drop_intermediate=True)
        axes.step(recall, precision, dash, where="post", color=colour, label=_name(judged))
    _in_percent(axes, "spam caught (recall)", "spam among what is caught (precision)")
    axes.legend(loc="lower left")


def _draw_calibration(axes: "Axes", models: Sequence[Judged], spam: NDArray[np.bool_]) -> None:
    axes.plot([0, 1], [0, 1], color="#b9b9c0", linewidth=1)
    for judged, colour, dash in _looks(models):
        said, true, counts = reliability(judged.probabilities, spam)
        axes.plot(said, true, dash, color=colour, linewidth=1.2, label=_name(judged))
        for few, fill in ((counts < _FEW, "white"), (counts >= _FEW, colour)):
            axes.plot(said[few], true[few], "o", color=colour, markerfacecolor=fill, markersize=5.5, clip_on=False)
    _in_percent(axes, "probability said", "share that was spam")
    axes.legend(loc="upper left")


def _draw_spread(axes: "Axes", judged: Judged, spam: NDArray[np.bool_]) -> None:
    bins = [number / _COLUMNS for number in range(_COLUMNS + 1)]
    for name, where, colour in (("ham", ~spam, _HAM), ("spam", spam, _SPAM)):
        if where.any():
            axes.hist(
                judged.probabilities[where], bins, histtype="stepfilled", color=colour, alpha=0.35, edgecolor="none"
            )
            axes.hist(judged.probabilities[where], bins, histtype="step", color=colour, linewidth=1.3, label=name)
    for name in _MARKS:
        axes.axvline(getattr(judged.model.lines, name), color="#3c3c44", linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yscale("log")
    axes.set(xlim=(0, 1), ylim=(0.7, None), xlabel="probability of spam", ylabel="comments")
    axes.xaxis.set_major_formatter(_percent)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else "")
    axes.yaxis.set_minor_formatter("")
    axes.legend(loc="upper center", ncols=2)


def _looks(models: Sequence[Judged]) -> Iterator[tuple[Judged, str, str]]:
    for number, judged in enumerate(models):
        yield judged, _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]


def _name(judged: Judged) -> str:
    name = judged.model.id
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _in_percent(axes: "Axes", across: str, up: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=across, ylabel=up)
    axes.xaxis.set_major_formatter(_percent)
    axes.yaxis.set_major_formatter(_percent)


def _percent(value: float, _: float) -> str:
    return f"{100 * value:.0f} %"


def _svg(title: str, size: tuple[float, float], draw: Drawing) -> str:
    """What `draw` draws, named by `title`, as an element without ids of its own, dates or comments."""
    from matplotlib.figure import Figure

    written = io.StringIO()
    with _style(title):
        figure = Figure(figsize=size)
        draw(figure.subplots())
        figure.savefig(written, format="svg", metadata={"Date": None})
    element = _ASIDE.sub("", written.getvalue()).partition("<svg")[2]
    return f'<svg role="img" aria-label="{title}"' + _GROUP_ID.sub("<g", element)


@contextmanager
def _style(salt: str) -> Iterator[None]:
    """Our own looks, whatever the machine's matplotlibrc says; ids are made of `salt` and what they stand for."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | {"svg.hashsalt": salt})
        yield
