"""Akismet's endpoints for the account behind a key: validity, usage, statistics, and the plugin's small calls."""

import csv
import io
import re
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from flask import Response, request

from moderation.actions.statistics import Figures, Period, activity, month_start, site_statistics
from moderation.domain.errors import AuthenticationFailed
from moderation.domain.site import Site
from moderation.domain.urls import split_http_url
from moderation.web.akismet.form import Form, account_site, calling_site, key_from_form, read_form
from moderation.web.akismet.responses import invalid_response, json_response, text_response
from moderation.web.requests import services

_TOKEN_BYTES = 16

_MONTH_PATTERN = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_COUNT_PATTERN = re.compile(r"[0-9]{1,9}")
_DEFAULT_SITES_LIMIT = 500
_CSV_HEADER = ("Site", "Total API Calls", "Spam", "Ham", "Missed Spam", "False Positives", "Is Revoked")

_PERIOD_MONTHS = {"6-months": 6, "year": 12}
_DEFAULT_MONTHS = 6
_DAILY_PERIOD_DAYS = 60

_SiteRow = dict[str, str | bool]


class _SitesQuery(NamedTuple):
    """The parameters of `key-sites`, and the number of sites that match the filter."""

    month: datetime
    limit: int
    offset: int
    total: int


def verify_key() -> Response:
    """Answer `valid`, or `invalid`, with the cause in the debug help if it is not the key.

    Some clients raise an error for any debug help, where `invalid` alone is their answer for a wrong key.
    """
    form = read_form(request)
    try:
        account_site(form)
    except AuthenticationFailed:
        return text_response("invalid")
    blog = form.get("blog")
    if not blog:
        return invalid_response('Empty "blog" value')
    if split_http_url(blog if "://" in blog else f"http://{blog}") is None:
        return invalid_response("We were unable to parse your blog URI")
    return text_response("valid")


def get_subscription() -> Response:
    """Answer with an active account without limit or end."""
    site = account_site(read_form(request))
    return json_response(
        {
            "account_id": site.id,
            "account_type": "self-hosted",
            "account_name": "Self-hosted",
            "status": "active",
            "next_billing_date": False,
            "limit_reached": False,
        }
    )


def usage_limit() -> Response:
    """Answer with the number of calls this month. With `extended`, add that no notice and no upgrade is due."""
    form = read_form(request)
    site = calling_site(form)
    calls = activity(services(), site, services().clock()).calls
    usage: dict[str, object] = {"limit": "none", "usage": calls, "percentage": "0.00", "throttled": False}
    if form.get_flag("extended"):
        usage |= {"notice_level": 0, "upgrade": False}
    return json_response(usage)


def key_sites() -> Response:
    """Answer with the key's sites in JSON or (`format=csv`) as a table. Invalid parameters count as absent."""
    form = read_form(request)
    site = calling_site(form)
    query = _parse_sites_query(form, site)
    rows = [_site_row(site, query.month)][query.offset : query.offset + query.limit] if query.total else []
    if (form.get("format") or "").strip().lower() == "csv":
        return _csv_response(key_from_form(form), query, rows)
    paging = {"limit": query.limit, "offset": query.offset, "total": query.total}
    return json_response({f"{query.month:%Y-%m}": rows, **paging})


def get_stats() -> Response:
    """Answer with the figures since `from`, in total and for each day (`60-days`) or month (all others)."""
    form = read_form(request)
    site = account_site(form)
    since, period = _parse_period((form.get("from") or "").strip().lower(), services().clock())
    statistics = site_statistics(services(), site, since, period)
    breakdown = {
        _period_label(day, period): _figures_to_json(figures) | {"blogs": 1, "da": day.isoformat()}
        for day, figures in statistics.breakdown.items()
    }
    return json_response(
        {
            **_figures_to_json(statistics.total),
            "accuracy": f"{statistics.total.accuracy:.2f}",
            "time_saved": statistics.total.seconds_saved,
            "breakdown": breakdown,
        }
    )


def connection_test() -> Response:
    """Answer `connected`. Needs no key."""
    return text_response("connected")


def token() -> Response:
    """Answer with a random token that grants nothing, as the page that would take it is not part of this service."""
    calling_site(read_form(request))
    return text_response(secrets.token_hex(_TOKEN_BYTES))


def deactivate() -> Response:
    """Answer `deactivated`. The site stays, because only the operator removes it."""
    account_site(read_form(request))
    return text_response("deactivated")


def compatible_plugins() -> Response:
    """Answer with an empty list. Needs no key."""
    return json_response([])


def verify_wpcom_key() -> Response:
    """Answer `invalid`: the service has no WordPress.com accounts."""
    return invalid_response("There are no WordPress.com accounts here")


def _parse_sites_query(form: Form, site: Site) -> _SitesQuery:
    name_filter = (form.get("filter") or "").strip().lower()
    return _SitesQuery(
        month=_parse_month(form.get("month") or ""),
        limit=_parse_count(form.get("limit")) or _DEFAULT_SITES_LIMIT,
        offset=_parse_count(form.get("offset")),
        total=1 if name_filter in _site_name(site).lower() else 0,
    )


def _parse_month(text: str) -> datetime:
    month = _MONTH_PATTERN.fullmatch(text.strip())
    return datetime(int(month[1]), int(month[2]), 1, tzinfo=UTC) if month else services().clock()


def _parse_count(text: str | None) -> int:
    digits = (text or "").strip()
    return int(digits) if _COUNT_PATTERN.fullmatch(digits) else 0


def _site_name(site: Site) -> str:
    return site.url.partition("://")[2]


def _site_row(site: Site, month: datetime) -> _SiteRow:
    """Return a site with its figures as strings, which the protocol requires."""
    usage = activity(services(), site, month)
    figures = {name: str(number) for name, number in _figures_to_json(usage.figures).items()}
    return {"site": _site_name(site), "api_calls": str(usage.calls), **figures, "is_revoked": False}


def _csv_response(key: str, query: _SitesQuery, rows: list[_SiteRow]) -> Response:
    paging = f"(limit:{query.limit}, offset: {query.offset}, total: {query.total})"
    text = io.StringIO()
    text.write(f"Active sites for {key} during {query.month:%Y-%m} {paging}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_HEADER)
    writer.writerows([str(value).lower() for value in row.values()] for row in rows)
    return Response(text.getvalue(), content_type="text/csv; charset=utf-8")


def _parse_period(period_name: str, now: datetime) -> tuple[datetime | None, Period]:
    """Return the start of the statistics and their unit. Today and this month count towards `period_name`."""
    if period_name == "all":
        return None, Period.MONTH
    if period_name == "60-days":
        return now - timedelta(days=_DAILY_PERIOD_DAYS - 1), Period.DAY
    return month_start(now, 1 - _PERIOD_MONTHS.get(period_name, _DEFAULT_MONTHS)), Period.MONTH


def _period_label(day: date, period: Period) -> str:
    return f"{day:%Y-%m}" if period is Period.MONTH else day.isoformat()


def _figures_to_json(figures: Figures) -> dict[str, object]:
    return {
        "spam": figures.spam,
        "ham": figures.ham,
        "missed_spam": figures.missed_spam,
        "false_positives": figures.false_positives,
    }
