"""The page of the sweep: a histogram of held comments by score, and one press on all of a band."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from moderation.actions.sweep import N_BINS, Sweep, decide_band, read_sweep
from moderation.domain.errors import InvalidInput, NotFound
from moderation.domain.queue import Verb
from moderation.web.queue.campaign_pages import VERBS, report
from moderation.web.queue.campaign_view_models import member_view
from moderation.web.queue.forms import acting_moderator, parse_number
from moderation.web.requests import services

CHART_WIDTH = 720
CHART_HEIGHT = 160
"""Size of the chart in its own units; the browser scales it."""
DEFAULT_BAND = (95, 100)

_BAR_SHARE = 0.9


class Bar(NamedTuple):
    """One column of the histogram: its place from the upper left corner, its comments, and whether the band has it."""

    x: float
    y: float
    width: float
    height: float
    first: int
    comments: int
    is_chosen: bool


def add_sweep_page(blueprint: Blueprint) -> None:
    """Add the page to the blueprint of the queue."""
    blueprint.add_url_rule("/queue/sweep", "sweep", show_sweep)
    blueprint.add_url_rule("/queue/sweep", "decide_band", decide, methods=["POST"])


def show_sweep() -> str:
    """Render the histogram and the band from `low` to `high`, in percent."""
    low, high = (parse_number(request.args.get(name, "")) for name in ("low", "high"))
    chosen = DEFAULT_BAND if low is None or high is None else (low, high)
    problem = ""
    try:
        sweep = read_sweep(services(), *chosen)
    except InvalidInput as error:
        problem, chosen = str(error), DEFAULT_BAND
        sweep = read_sweep(services(), *chosen)
    band = sweep.band
    reference = band.sample[0].decision.comment.text if band and band.sample else ""
    return render_template(
        "queue/sweep.html",
        bars=_bars(sweep, *chosen),
        highest=max(sweep.counts),
        waiting=sum(sweep.counts),
        low=chosen[0],
        high=chosen[1],
        band=band,
        problem=problem,
        members=[member_view(comment, reference) for comment in band.sample] if band else [],
    )


def decide() -> Response:
    """Decide all of the band from `low` to `high` that the moderator could see, and return to the sweep."""
    moderator = acting_moderator()
    low, high, newest = (parse_number(request.form.get(name, "")) for name in ("low", "high", "newest"))
    verb = request.form.get("verb", "")
    if verb not in VERBS or low is None or high is None or newest is None:
        raise BadRequest("A band is decided by a verb, ham, spam or remove, its percentages and its newest comment.")
    try:
        report(decide_band(services(), low, high, Verb(verb), moderator, newest=newest))
    except (InvalidInput, NotFound) as error:
        flash(f"Nothing changed: {error}", "warning")
    return redirect(url_for("queue.sweep", low=low, high=high), 303)


def _bars(sweep: Sweep, low: int, high: int) -> Sequence[Bar]:
    width, highest = CHART_WIDTH / N_BINS, max(1, *sweep.counts)
    points = 100 // N_BINS
    bars = []
    for number, count in enumerate(sweep.counts):
        # A column of few comments is seen too.
        height = max(2.0, round(CHART_HEIGHT * count / highest, 1)) if count else 0.0
        first = number * points
        is_chosen = first < high and first + points > low
        x = round(number * width, 1)
        bars.append(Bar(x, CHART_HEIGHT - height, round(width * _BAR_SHARE, 1), height, first, count, is_chosen))
    return bars
