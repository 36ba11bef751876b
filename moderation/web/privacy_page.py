"""`/privacy/SITE`: a public page that says how a site's comments are kept, in sentences that follow from its settings.

`SITE` is the address of the blog without its scheme, such as `blog.example`. A blog links to it from its comment form.
"""

import re
from contextlib import suppress
from urllib.parse import urlsplit

from flask import Blueprint, Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions.services import Services
from moderation.actions.sites import MAX_URL_LENGTH, find_site
from moderation.domain.errors import InvalidInput, NotFound
from moderation.domain.retention import Form, Retention
from moderation.domain.site import Site
from moderation.domain.thresholds import Verdict
from moderation.web.requests import KEYED_PATHS, is_below, services

MAX_AGE_SECONDS = 300
"""Time for which a browser or proxy may show the page again without asking."""

_COMMENTS = {
    Verdict.PUBLISH: "A published comment",
    Verdict.REVIEW: "A comment that waits for a person, and is never decided,",
    Verdict.SPAM: "A comment that counts as spam",
    Verdict.DISCARD: "A comment that is discarded at once as spam",
}
_PARTS = (
    ("text", "the text of the comment and the title of the page"),
    ("name", "your name"),
    ("email", "your e-mail address, and your user id if you are signed in at the blog"),
    ("url", "your web address"),
)
_FORMS = {
    Form.FULL: "These parts stay as they are: {}.",
    Form.DIGEST: "Of these parts only a digest stays, by which they are recognized but cannot be read: {}.",
    Form.NOTHING: "These parts are deleted: {}.",
}
_MAILBOX = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_ADDRESS = re.compile(r"https?://[^\s\"'<>]+")


def privacy_blueprint() -> Blueprint:
    """Return the blueprint of `/privacy/SITE`."""
    blueprint = Blueprint("privacy", __name__, template_folder="templates")
    blueprint.add_url_rule("/privacy/<path:address>", view_func=show)
    return blueprint


def show(address: str) -> AnyResponse:
    """Return the page of an active site, or 304 if the caller has it already. Raises `NotFound`."""
    site = _find(services(), address)
    adviser = services().adviser
    page = render_template(
        "privacy.html",
        url=site.url,
        periods=describe_periods(site.retention),
        rest=describe_rest(site.retention),
        adviser=urlsplit(adviser.url).hostname if adviser else None,
        contact=site.retention.contact,
        link=contact_link(site.retention.contact),
    )
    response = Response(page, mimetype="text/html")
    response.cache_control.public = True
    response.cache_control.max_age = MAX_AGE_SECONDS
    response.add_etag()
    return response.make_conditional(request)


def describe_periods(retention: Retention) -> list[str]:
    """Return a sentence for each verdict about the time for which a comment is stored as it came."""
    sentences = []
    for verdict, subject in _COMMENTS.items():
        days = retention.days_of(verdict) if retention.deletes else None
        if days is None:
            period = "without a limit"
        elif days == 0:
            period = "for some hours"
        else:
            period = f"for {days} day{'' if days == 1 else 's'}"
        sentences.append(f"{subject} is stored as you wrote it {period}.")
    return sentences


def describe_rest(retention: Retention) -> list[str]:
    """Return sentences about the parts of a comment after that time; none if nothing is ever deleted."""
    if not retention.deletes:
        return []
    return [
        sentence.format("; ".join(parts))
        for form, sentence in _FORMS.items()
        if (parts := [words for name, words in _PARTS if getattr(retention, name) is form])
    ]


def contact_link(contact: str) -> str:
    """Return the target of a link for a contact that is an e-mail or web address; empty for any other text."""
    if _MAILBOX.fullmatch(contact):
        return f"mailto:{contact}"
    return contact if _ADDRESS.fullmatch(contact) else ""


def _find(services: Services, address: str) -> Site:
    # The front would take such a path for one of the API, which strangers may ask for without delay.
    possible = len(address) <= MAX_URL_LENGTH and not is_below(KEYED_PATHS, f"/{address}")
    for url in [f"{scheme}://{address}" for scheme in ("https", "http")] if possible else []:
        with suppress(NotFound, InvalidInput):
            return find_site(services, url)
    raise NotFound("There is no site with this address.")
