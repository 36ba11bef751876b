"""The log of who did what, and the page on which a person sees how far others agree."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

from flask import Blueprint, Response, render_template, request, stream_with_context, url_for
from markupsafe import Markup
from werkzeug.exceptions import BadRequest

from moderation.actions import act_log
from moderation.actions.act_log import AGREEMENT_DAYS, LogFormat
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.act_log import (
    ASKED,
    GRANTED,
    LINKED,
    NOTED,
    PROVIDER_REFUSED,
    PROVIDER_SIGN_IN,
    RECOVERY_CODE_USED,
    REVOKED,
    TOKEN_ADDED,
    TOKEN_REVOKED,
    TOTP_DISABLED,
    TOTP_ENABLED,
    TOTP_RENEWED,
    TOTP_RESET,
    UNLINKED,
    LogEvent,
    LogFilter,
)
from moderation.domain.errors import NotFound
from moderation.domain.people import SiteScope
from moderation.domain.queue import Verb
from moderation.web.queue.forms import acting_moderator, describe_verb
from moderation.web.queue.highlight import excerpt
from moderation.web.requests import services

PAGE_SIZE = 50
MIN_FOR_SHARE = 20
"""Decisions from which a share is shown beside the counts."""

_FIELDS = ("person", "site", "since", "until")
_MAX_FIELD_LENGTH = 500
_MAX_BYTES = 200
_PHRASES = {
    TOTP_ENABLED: "turned TOTP on, {}",
    TOTP_RENEWED: "renewed TOTP, {}",
    TOTP_DISABLED: "turned TOTP off, {}",
    TOTP_RESET: "reset TOTP, {}",
    RECOVERY_CODE_USED: "used a recovery code, {}",
    PROVIDER_SIGN_IN: "signed in through the provider, {}",
    PROVIDER_REFUSED: "refused a person without access, {}",
    LINKED: "linked to a person of the provider, {}",
    UNLINKED: "unlinked from the provider, {}",
    TOKEN_ADDED: "added a token, {}",
    TOKEN_REVOKED: "revoked a token, {}",
}
_TYPES = {LogFormat.CSV: "text/csv", LogFormat.JSON_LINES: "application/jsonl"}


def add_log_pages(blueprint: Blueprint) -> None:
    """Add the log, its export and the page of agreement to the blueprint of the queue."""
    blueprint.add_url_rule("/queue/log", "log", show_log)
    blueprint.add_url_rule("/queue/log/export", "export_log", export_log)
    blueprint.add_url_rule("/queue/agreement", "agreement", show_agreement)


def show_log() -> str:
    """Render a page of the log. `person`, `site`, `since` and `until` restrict it; `after` is the place of the page."""
    fields = {name: request.args.get(name, "")[:_MAX_FIELD_LENGTH] for name in _FIELDS}
    of_site, wanted = _wanted(fields)
    page = act_log.read_log(of_site, wanted, after=request.args.get("after", ""), limit=PAGE_SIZE)
    kept: dict[str, Any] = {name: value for name, value in fields.items() if value}
    return render_template(
        "queue/log.html",
        events=[(event, *_shown(event)) for event in page.events],
        fields=fields,
        older=url_for("queue.log", after=page.after, **kept) if page.after else "",
        exports=[(form.value, url_for("queue.export_log", format=form.value, **kept)) for form in LogFormat],
    )


def export_log() -> Response:
    """Return all events of the log as a file: CSV, or JSON Lines with `format=jsonl`."""
    name = request.args.get("format", LogFormat.CSV.value)
    if name not in tuple(LogFormat):
        raise BadRequest("The format must be csv or jsonl.")
    form = LogFormat(name)
    of_site, wanted = _wanted({name: request.args.get(name, "")[:_MAX_FIELD_LENGTH] for name in _FIELDS})
    lines: Iterator[str] = act_log.export_lines(act_log.read_all(of_site, wanted), form)
    response = Response(stream_with_context(lines), content_type=f"{_TYPES[form]}; charset=utf-8")
    response.headers["Content-Disposition"] = f"attachment; filename=moderation-log.{form}"
    return response


def show_agreement() -> str:
    """Render how far others agree with the person who is signed in, and with no other."""
    found = act_log.read_agreement(services(), acting_moderator())
    confirmed, changed, untouched = found.decisions
    return render_template(
        "queue/agreement.html",
        days=AGREEMENT_DAYS,
        decided=confirmed + changed + untouched,
        untouched=untouched,
        confirmed=_count(confirmed, confirmed + changed),
        audits=_count(*found.audits),
        opinions=_count(*found.opinions),
    )


def _count(equal: int, number: int) -> str:
    """Return `3 of 4`, with a share if there are enough decisions; empty without any."""
    if not number:
        return ""
    share = f" ({100 * equal / number:.0f} %)" if number >= MIN_FOR_SHARE else ""
    return f"{equal:,} of {number:,}{share}"


def _wanted(fields: dict[str, str]) -> tuple[Services, LogFilter]:
    """Return the services narrowed to the site of the fields, and the filter. Raises `BadRequest` for a wrong date."""
    since, until = (_midnight(fields[name]) for name in ("since", "until"))
    wanted = LogFilter(fields["person"].strip(), since, act_log.day_after(until))
    return _of_site(fields["site"].strip()), wanted


def _of_site(url: str) -> Services:
    if not url:
        return services()
    try:
        site_id = find_site(services(), url).id
    except NotFound:
        site_id = 0
    if site_id not in services().scope or not site_id:
        # The same for a site of other people and for none.
        raise BadRequest("There is no site with this address.")
    return replace(services(), scope=SiteScope(frozenset({site_id})))


def _midnight(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time.min, UTC)
    except ValueError:
        raise BadRequest("Give a date such as 2026-01-31.") from None


def _shown(event: LogEvent) -> Iterator[Markup]:
    """Yield the person, what the person did, the site, and who undid it. A blog may send any name and reason."""
    for text in (event.person, _describe(event), event.site_url, event.undone_by or ""):
        yield excerpt(text, _MAX_BYTES)


def _describe(event: LogEvent) -> str:
    """Return what a person did, in words."""
    if event.event == NOTED:
        return "wrote a note"
    if event.event == ASKED:
        return f"asked {event.detail or 'anybody'} for a second opinion"
    if event.event in (GRANTED, REVOKED):
        return f"{'granted' if event.event == GRANTED else 'revoked'} a role, {event.detail}"
    if event.event in _PHRASES:
        return _PHRASES[event.event].format(event.detail)
    reason = f" ({event.detail})" if event.detail else ""
    if not event.number:
        return f"{'trusted' if event.event == Verb.TRUST else 'blocked'} an author{reason}"
    return describe_verb(Verb(event.event), event.number) + reason
