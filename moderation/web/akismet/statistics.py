"""`/1.1/get-stats` and `/1.x/get-key-stats`: the figures that the WordPress plugin shows. A key has one site."""

from datetime import date, datetime, timedelta

from flask import Response, request

from moderation.actions.statistics import By, Figures, month_start, statistics
from moderation.web.akismet.caller import site_asked_about
from moderation.web.akismet.parse import read_form
from moderation.web.akismet.replies import json_reply
from moderation.web.opened import the_desk

_MONTHS = {"6-months": 6, "year": 12}
_USUAL_MONTHS = 6
_DAYS = 60


def get_stats() -> Response:
    """The figures since `from`, in total and for each day (`60-days`) or month (all others)."""
    form = read_form(request)
    site = site_asked_about(the_desk(), form)
    since, by = _span((form.get("from") or "").strip().lower(), the_desk().clock())
    found = statistics(the_desk(), site, since, by)
    return json_reply(
        {
            **_counts(found.total),
            "accuracy": f"{found.total.accuracy:.2f}",
            "time_saved": found.total.seconds_saved,
            "breakdown": {_name(day, by): _entry(day, figures) for day, figures in found.breakdown.items()},
        }
    )


def _span(named: str, now: datetime) -> tuple[datetime | None, By]:
    """Where the statistics begin. Today and this month are among the days and months that `named` counts."""
    if named == "all":
        return None, By.MONTH
    if named == "60-days":
        return now - timedelta(days=_DAYS - 1), By.DAY
    return month_start(now, 1 - _MONTHS.get(named, _USUAL_MONTHS)), By.MONTH


def _name(day: date, by: By) -> str:
    return f"{day:%Y-%m}" if by is By.MONTH else day.isoformat()


def _entry(day: date, figures: Figures) -> dict[str, object]:
    return {**_counts(figures), "blogs": 1, "da": day.isoformat()}


def _counts(figures: Figures) -> dict[str, object]:
    return {
        "spam": figures.spam,
        "ham": figures.ham,
        "missed_spam": figures.missed_spam,
        "false_positives": figures.false_positives,
    }
