"""`moderation doctor`: check the installation and say what to do."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from moderation.actions.doctor import diagnose
from moderation.actions.doctor_findings import Finding, Level
from moderation.cli._options import as_json
from moderation.cli._output import print_json
from moderation.cli.state import state_paths
from moderation.domain.errors import InvalidInput
from moderation.domain.invisible import show_invisible
from moderation.domain.urls import is_loopback, is_sent_in_clear
from moderation.settings import Settings

_MAX_WORKERS_PER_CPU = 4
_MAX_BUSY_SECONDS = 30.0


@click.command()
@click.pass_context
@as_json
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check settings, database, secret, models, disk, permissions, clock, callbacks and processes. Changes nothing.

    Each line is ok, a warning or a problem, with what to do. The exit status is 1 if there is a problem. The service
    may run.
    """
    findings = _diagnose()
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{finding.level:<8} {finding.check:<12} {show_invisible(finding.detail)}")
    if any(finding.level is Level.PROBLEM for finding in findings):
        ctx.exit(1)


def _diagnose() -> list[Finding]:
    try:
        settings = Settings.from_environment()
    except InvalidInput as error:
        return [Finding("settings", Level.PROBLEM, str(error))]
    about_settings = list(_check_settings(settings)) or [Finding("settings", Level.OK, "No setting looks wrong.")]
    metrics = settings.metrics_folder or settings.var / "metrics"
    adviser_model = settings.adviser_model if settings.adviser_url else ""
    return [*about_settings, *diagnose(state_paths(settings), metrics, datetime.now(UTC), adviser_model)]


def _check_settings(settings: Settings) -> Iterator[Finding]:
    for name in Settings.unknown_variables():
        yield Finding("settings", Level.WARNING, f"{name} is no setting: docs/settings.md lists them.")
    try:
        _ = settings.budget
    except InvalidInput as error:
        yield Finding("settings", Level.PROBLEM, f"{error} Set MODERATION_MAX_LOST_RATE and MODERATION_MAX_HELD_RATE.")
    if not is_loopback(settings.host) and not settings.secure_cookies:
        yield Finding(
            "settings",
            Level.WARNING,
            f"HOST={settings.host} is reached from outside, but the sign-in cookie is sent without HTTPS too: put a "
            "proxy with TLS in front and set MODERATION_SECURE_COOKIES=true.",
        )
    cpus = os.cpu_count() or 1
    if settings.workers > _MAX_WORKERS_PER_CPU * cpus:
        text = f"MODERATION_WORKERS={settings.workers} is more than {cpus} processors can use: set at most {cpus}."
        yield Finding("settings", Level.WARNING, text)
    if settings.busy_timeout_seconds > _MAX_BUSY_SECONDS:
        yield Finding(
            "settings",
            Level.WARNING,
            f"MODERATION_BUSY_TIMEOUT_SECONDS={settings.busy_timeout_seconds:g} lets a blog wait longer than it will: "
            f"set at most {_MAX_BUSY_SECONDS:g}.",
        )
    if is_sent_in_clear(settings.adviser_url):
        text = "MODERATION_ADVISER_URL sends comments without encryption: use https, or a tunnel from this machine."
        yield Finding("settings", Level.WARNING, text)
