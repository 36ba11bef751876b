"""`/feed.atom`: the newest held comments as an Atom feed (RFC 4287), for a moderator's feed reader."""

from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions.digest_mail import describe_comment, inert
from moderation.actions.feeds import authenticate_feed, read_feed
from moderation.domain.errors import AuthenticationFailed
from moderation.domain.queue import ListedComment
from moderation.domain.urls import item_url
from moderation.web.requests import AUTHENTICATED, app_state, note_wrong_key, services


def feed_blueprint() -> Blueprint:
    """Return the blueprint of `/feed.atom`."""
    blueprint = Blueprint("feed", __name__)
    blueprint.add_url_rule("/feed.atom", view_func=feed)
    return blueprint


def feed() -> AnyResponse:
    """Return the feed that the `token` opens, or 304 if the reader has it already."""
    try:
        moderator = authenticate_feed(services(), request.args.get("token", ""))
    except AuthenticationFailed:
        note_wrong_key()
        raise
    request.environ[AUTHENTICATED] = True
    comments = read_feed(services(), moderator)
    updated = max((comment.since for comment in comments), default=moderator.created_at)
    public_url = app_state().settings.public_url or request.root_url.rstrip("/")
    response = Response(_render(comments, updated, public_url), content_type="application/atom+xml; charset=utf-8")
    response.last_modified = updated
    response.add_etag()
    return response.make_conditional(request)


def _render(comments: Sequence[ListedComment], updated: datetime, public_url: str) -> bytes:
    """Return the feed. All text of comments is plain text, cut and inert, so a reader has nothing to run or follow."""
    root = ET.Element("feed", xmlns="http://www.w3.org/2005/Atom")
    _add(root, "id", f"{public_url}/queue")
    _add(root, "title", "Comments that wait")
    _add(root, "updated", updated.isoformat())
    ET.SubElement(root, "link", rel="alternate", href=f"{public_url}/queue")
    for comment in comments:
        entry = ET.SubElement(root, "entry")
        link = item_url(public_url, comment.id)
        _add(entry, "id", link)
        _add(entry, "title", describe_comment(comment))
        _add(entry, "updated", comment.since.isoformat())
        ET.SubElement(entry, "link", rel="alternate", href=link)
        _add(ET.SubElement(entry, "author"), "name", inert(comment.decision.comment.author or "no name", 60))
        _add(entry, "content", inert(comment.decision.comment.text)).set("type", "text")
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _add(parent: ET.Element, tag: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, tag)
    element.text = text
    return element
