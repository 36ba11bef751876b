"""`/1.x/key-sites`: the month of every site of a key. A key has one site, so the order asked for does not matter."""

import csv
import io
import re
from datetime import UTC, datetime
from typing import NamedTuple

from flask import Response, request

from moderation.actions.statistics import activity
from moderation.domain.site import Site
from moderation.web.akismet.caller import calling_site, key_in
from moderation.web.akismet.parse import Form, read_form
from moderation.web.akismet.replies import json_reply
from moderation.web.opened import the_desk

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_NUMBER = re.compile(r"[0-9]{1,9}")
_LIMIT = 500
_HEADINGS = ("Site", "Total API Calls", "Spam", "Ham", "Missed Spam", "False Positives", "Is Revoked")

_Row = dict[str, str | bool]


class _Page(NamedTuple):
    """What was asked for; `total` sites suit it."""

    month: datetime
    limit: int
    offset: int
    total: int


def key_sites() -> Response:
    """The key's sites in JSON or (`format=csv`) as a table. What cannot be understood counts as not said."""
    form = read_form(request)
    site = calling_site(the_desk(), form)
    page = _page(form, site)
    rows = [_row(site, page.month)][page.offset : page.offset + page.limit] if page.total else []
    if (form.get("format") or "").strip().lower() == "csv":
        return _table(key_in(form), page, rows)
    counted = {"limit": page.limit, "offset": page.offset, "total": page.total}
    return json_reply({f"{page.month:%Y-%m}": rows, **counted})


def _page(form: Form, site: Site) -> _Page:
    wanted = (form.get("filter") or "").strip().lower()
    return _Page(
        month=_month(form.get("month") or ""),
        limit=_number(form.get("limit")) or _LIMIT,
        offset=_number(form.get("offset")),
        total=1 if wanted in _name(site).lower() else 0,
    )


def _month(named: str) -> datetime:
    found = _MONTH.fullmatch(named.strip())
    return datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC) if found else the_desk().clock()


def _number(said: str | None) -> int:
    digits = (said or "").strip()
    return int(digits) if _NUMBER.fullmatch(digits) else 0


def _name(site: Site) -> str:
    return site.url.partition("://")[2]


def _row(site: Site, month: datetime) -> _Row:
    """One site, with its figures as words: so the protocol has it."""
    found = activity(the_desk(), site, month)
    return {
        "site": _name(site),
        "api_calls": str(found.calls),
        "spam": str(found.figures.spam),
        "ham": str(found.figures.ham),
        "missed_spam": str(found.figures.missed_spam),
        "false_positives": str(found.figures.false_positives),
        "is_revoked": False,
    }


def _table(key: str, page: _Page, rows: list[_Row]) -> Response:
    counted = f"(limit:{page.limit}, offset: {page.offset}, total: {page.total})"
    text = io.StringIO()
    text.write(f"Active sites for {key} during {page.month:%Y-%m} {counted}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADINGS)
    writer.writerows([str(value).lower() for value in row.values()] for row in rows)
    return Response(text.getvalue(), content_type="text/csv; charset=utf-8")
