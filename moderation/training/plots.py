"""Curves of an evaluation as SVG elements for a page. The same numbers give the same text.

matplotlib is imported where it draws, so an evaluation without a report does not wait for it.
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay, roc_curve

from moderation.training.evaluation import CALIBRATION_BINS, ScoredCorpus, balanced_weights, calibration_bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

DrawFunction = Callable[["Axes"], None]

_MIN_BIN_COMMENTS = 20
_HISTOGRAM_BINS = 40
_MAX_LABEL_LENGTH = 28
_FIGURE_SIZE_INCHES = (5.4, 4.1)
_WIDE_FIGURE_SIZE_INCHES = (5.4, 2.9)
_COLOURS = ("#1d4f91", "#c2571a", "#2f7d4f", "#7a4a9e", "#8a6d00")
_LINE_STYLES = ("-", "--", "-.", ":")
_SPAM_COLOUR, _HAM_COLOUR, _QUIET_COLOUR = "#b23b3b", "#3d8059", "#55555e"
_THRESHOLD_MARKERS = {"review": "o", "spam": "s", "discard": "D"}
_RC_PARAMS: dict["RcKeyType", object] = {
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
    "xtick.color": _QUIET_COLOUR,
    "ytick.color": _QUIET_COLOUR,
}
_SVG_METADATA = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_GROUP_ID = re.compile(r'<g id="[^"]*"')


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with its title, a caption that explains it, and an `<svg>` element."""

    title: str
    caption: str
    svg: str


def comparison_plots(models: Sequence[ScoredCorpus], spam: NDArray[np.bool_]) -> list[Plot]:
    """Return the curves of all models in the same axes. The list is empty unless there are spam and ham."""
    if not 0 < spam.sum() < len(spam):
        return []
    curves = {
        "Catch rate against ham loss": (
            _draw_catch_rate,
            "Spam caught by ham lost, on a logarithmic scale. Marks are thresholds; at the left edge, no ham is lost.",
        ),
        "ROC": (_draw_roc, "The same rates on a linear scale. Closer to the upper left corner is better."),
        "Precision and recall": (
            _draw_precision,
            f"Precision depends on the prevalence of spam: here {100 * spam.mean():.1f} %.",
        ),
        "Calibration": (
            _draw_calibration,
            f"Both labels are weighted alike. Hollow points have fewer than {_MIN_BIN_COMMENTS} comments.",
        ),
    }
    return [
        Plot(title, caption, _render_svg(title, _FIGURE_SIZE_INCHES, partial(draw, models=models, spam=spam)))
        for title, (draw, caption) in curves.items()
    ]


def probability_histogram(scored: ScoredCorpus, spam: NDArray[np.bool_]) -> Plot:
    """Return a histogram of a model's probabilities for spam and ham, either of which may be missing."""
    title = f"Probabilities by {scored.model.id}"
    return Plot(
        title,
        "Number of comments by probability, on a logarithmic scale. Dashed lines are the model's thresholds.",
        _render_svg(title, _WIDE_FIGURE_SIZE_INCHES, lambda axes: _draw_histogram(axes, scored, spam)),
    )


def calibration_curve(
    probabilities: NDArray[np.float64], spam: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return the reliability curve with both labels weighted alike, as in the metric `balanced_calibration_error`.

    scikit-learn's `calibration_curve` takes no sample weights.

    Parameters
    ----------
    probabilities : ndarray of shape (n_comments,)
        Predicted spam probabilities.
    spam : ndarray of shape (n_comments,)
        The labels; both must occur.

    Returns
    -------
    predicted, observed : ndarray of shape (n_bins,)
        Mean probability and rate of spam in each bin that is not empty.
    counts : ndarray of shape (n_bins,)
        Number of comments in the bin.
    """
    weights = balanced_weights(spam)
    bins = calibration_bins(probabilities)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    total, predicted, observed = (
        np.bincount(bins, weights=weights * values, minlength=CALIBRATION_BINS)[counts > 0]
        for values in (np.ones(len(spam)), probabilities, spam)
    )
    return predicted / total, observed / total, counts[counts > 0]


def _draw_catch_rate(axes: "Axes", models: Sequence[ScoredCorpus], spam: NDArray[np.bool_]) -> None:
    # A logarithmic axis has no zero: half a ham comment stands for none, and the axis spans at least two decades.
    left_edge = min(0.5 / (~spam).sum(), 0.01)
    for scored in models:
        lost, caught, _ = roc_curve(spam, scored.probabilities)
        (curve,) = axes.step(np.maximum(lost, left_edge), caught, where="post", label=_legend_label(scored))
        for name, marker in _THRESHOLD_MARKERS.items():
            above = scored.probabilities >= getattr(scored.model.thresholds, name)
            position = max(above[~spam].mean(), left_edge), above[spam].mean()
            style: dict[str, Any] = {"marker": marker, "markeredgecolor": "white", "markersize": 6.5, "zorder": 5}
            axes.plot(*position, color=curve.get_color(), linestyle="none", clip_on=False, **style)
    for name, marker in _THRESHOLD_MARKERS.items():
        label = f"{name} threshold"
        axes.plot([], [], marker=marker, color=_QUIET_COLOUR, linestyle="none", markersize=6, label=label)
    axes.set_xscale("log")
    axes.set(xlim=(left_edge, 1), ylim=(0, 1.02), xlabel="ham at or above the threshold", ylabel="spam at or above it")
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_major_formatter(_format_percent)
    axes.legend(loc="lower right")


def _draw_roc(axes: "Axes", models: Sequence[ScoredCorpus], spam: NDArray[np.bool_]) -> None:
    for scored in models:
        RocCurveDisplay.from_predictions(spam, scored.probabilities, name=_legend_label(scored), ax=axes)
    _draw_diagonal(axes)
    _use_percent_axes(axes, "ham at or above the threshold", "spam at or above it")


def _draw_precision(axes: "Axes", models: Sequence[ScoredCorpus], spam: NDArray[np.bool_]) -> None:
    for scored in models:
        PrecisionRecallDisplay.from_predictions(
            spam, scored.probabilities, name=_legend_label(scored), ax=axes, drop_intermediate=True
        )
    _use_percent_axes(axes, "spam caught (recall)", "spam among the caught comments (precision)")


def _draw_calibration(axes: "Axes", models: Sequence[ScoredCorpus], spam: NDArray[np.bool_]) -> None:
    for scored in models:
        predicted, observed, counts = calibration_curve(scored.probabilities, spam)
        (curve,) = axes.plot(predicted, observed, linewidth=1.2, label=_legend_label(scored))
        colour = curve.get_color()
        for mask, fill in ((counts < _MIN_BIN_COMMENTS, "white"), (counts >= _MIN_BIN_COMMENTS, colour)):
            style: dict[str, Any] = {"marker": "o", "markerfacecolor": fill, "markersize": 5.5}
            axes.plot(predicted[mask], observed[mask], color=colour, linestyle="none", clip_on=False, **style)
    _draw_diagonal(axes)
    _use_percent_axes(axes, "predicted probability", "rate of spam")
    axes.legend(loc="upper left")


def _draw_histogram(axes: "Axes", scored: ScoredCorpus, spam: NDArray[np.bool_]) -> None:
    edges = [number / _HISTOGRAM_BINS for number in range(_HISTOGRAM_BINS + 1)]
    for name, mask, colour in (("ham", ~spam, _HAM_COLOUR), ("spam", spam, _SPAM_COLOUR)):
        if mask.any():
            values = scored.probabilities[mask]
            axes.hist(values, edges, histtype="stepfilled", color=colour, alpha=0.35, edgecolor="none")
            axes.hist(values, edges, histtype="step", color=colour, linestyle="-", linewidth=1.3, label=name)
    for name in _THRESHOLD_MARKERS:
        axes.axvline(getattr(scored.model.thresholds, name), color="#3c3c44", linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yscale("log")
    axes.set(xlim=(0, 1), ylim=(0.7, None), xlabel="probability of spam", ylabel="comments")
    axes.xaxis.set_major_formatter(_format_percent)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else "")
    axes.yaxis.set_minor_formatter("")
    axes.legend(loc="upper center", ncols=2)


def _legend_label(scored: ScoredCorpus) -> str:
    name = scored.model.id
    return name if len(name) <= _MAX_LABEL_LENGTH else name[: _MAX_LABEL_LENGTH - 1] + "…"


def _draw_diagonal(axes: "Axes") -> None:
    axes.plot([0, 1], [0, 1], color="#b9b9c0", linewidth=1, linestyle="-", zorder=1.5)


def _use_percent_axes(axes: "Axes", x_label: str, y_label: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.02), aspect="auto", xlabel=x_label, ylabel=y_label)
    axes.xaxis.set_major_formatter(_format_percent)
    axes.yaxis.set_major_formatter(_format_percent)


def _format_percent(value: float, _: float) -> str:
    return f"{100 * value:.0f} %"


def _render_svg(title: str, size: tuple[float, float], draw: DrawFunction) -> str:
    """Return a drawing as an `<svg>` element without dates, comments, or ids that could repeat on the page."""
    from matplotlib.figure import Figure

    stream = io.StringIO()
    with _plot_style(title):
        figure = Figure(figsize=size)
        draw(figure.subplots())
        figure.savefig(stream, format="svg", metadata={"Date": None})
    element = _SVG_METADATA.sub("", stream.getvalue()).partition("<svg")[2]
    return f'<svg role="img" aria-label="{title}"' + _GROUP_ID.sub("<g", element)


@contextmanager
def _plot_style(salt: str) -> Iterator[None]:
    """Apply the project's style instead of the machine's matplotlibrc. Ids are hashed with `salt`."""
    import matplotlib as mpl
    from cycler import cycler

    # Both cycles are repeated to a common length, so that models beyond the fifth differ by their line style.
    cycle = cycler(color=_COLOURS * len(_LINE_STYLES)) + cycler(linestyle=_LINE_STYLES * len(_COLOURS))
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC_PARAMS | {"axes.prop_cycle": cycle, "svg.hashsalt": salt})
        yield
