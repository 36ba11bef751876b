"""The part of a site's page that shows and sets how its comments are kept."""

from typing import NamedTuple

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from moderation.actions.overview import site_overview
from moderation.actions.retention import set_retention
from moderation.domain.errors import InvalidInput
from moderation.domain.retention import MAX_DAYS, Form, Retention
from moderation.web.queue.forms import parse_number
from moderation.web.requests import services

_DAYS = (
    ("publish_days", "Published"),
    ("review_days", "Held and never decided"),
    ("spam_days", "Spam"),
    ("discard_days", "Discarded"),
)
_FORMS = (
    ("text", "Text, title of the page"),
    ("name", "Name"),
    ("email", "E-mail address, author's id"),
    ("url", "Web address"),
)


class Field(NamedTuple):
    """A field of the form: its name, its label and its value; without days an empty text."""

    name: str
    label: str
    value: str


class RetentionView(NamedTuple):
    """The retention of a site as the form shows it."""

    days: list[Field]
    forms: list[Field]
    choices: list[str]
    contact: str
    max_days: int


def retention_view(retention: Retention) -> RetentionView:
    """Return the form of a retention."""
    days = [(name, label, getattr(retention, name)) for name, label in _DAYS]
    return RetentionView(
        [Field(name, label, "" if number is None else str(number)) for name, label, number in days],
        [Field(name, label, getattr(retention, name).value) for name, label in _FORMS],
        [form.value for form in Form],
        retention.contact,
        MAX_DAYS,
    )


def submit_retention(site_id: int) -> Response:
    """Set how the comments of a site are kept, and return to its page. Raises `NotFound`."""
    site = site_overview(services(), site_id).site
    try:
        set_retention(services(), site.url, site.retention.changed(_submitted()))
    except InvalidInput as error:
        flash(f"Nothing changed: {error}", "warning")
    else:
        flash("Stored. The next purge, within two hours, deletes what is due.", "success")
    return redirect(url_for("queue.site", site_id=site_id), 303)


def _submitted() -> dict[str, object]:
    values: dict[str, object] = {"contact": request.form.get("contact", "").strip()}
    for name, label in _DAYS:
        text = request.form.get(name, "").strip()
        values[name] = number = parse_number(text)
        if text and number is None:
            raise InvalidInput(f"{label}: write a number of days, or nothing to keep the comments for good.")
    for name, label in _FORMS:
        if request.form.get(name) not in list(Form):
            raise InvalidInput(f"{label}: choose full, digest or nothing.")
        values[name] = request.form[name]
    return values
