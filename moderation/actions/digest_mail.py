"""Write the mail of a digest, as plain text and as HTML. The text of comments is hostile: it is bounded and inert."""

import re
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import NamedTuple
from urllib.parse import urlsplit

from moderation.domain.alarms import Alarm
from moderation.domain.invisible import quoted
from moderation.domain.queue import MAX_COUNTED, ListedComment
from moderation.domain.urls import item_url
from moderation.storage.digests import DueDigest

MAX_COMMENTS = 20
MAX_ALARMS = 5
EXCERPT_LENGTH = 200
"""Code points of a comment's text that a mail or a feed quotes."""

# A mail program makes a link of everything that looks like an address, also in plain text.
_LINK_PARTS = re.compile(r"(?<=[\w\])])[.\u3002\uff0e\uff61](?=\w)|:(?=//)|@")


class DigestContent(NamedTuple):
    """The facts of a digest about the time after `since`: the newest comments, and counts of all that wait.

    `held` is at most one more than `MAX_COUNTED`. `expiring` comments are published by their blogs soon.
    """

    since: datetime
    until: datetime
    new: Sequence[ListedComment]
    held: int
    expiring: int
    alarms: Sequence[Alarm]


def write_mail(content: DigestContent, digest: DueDigest, sender: str, public_url: str) -> EmailMessage:
    """Return the mail of a digest. Its id is the same in each attempt, so a mail that is sent twice is one."""
    name = digest.name
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, digest.email, _subject(content)
    message["Date"] = format_datetime(content.until)
    host = urlsplit(public_url).hostname
    message["Message-ID"] = f"<digest.{digest.moderator_id}.{content.since.timestamp():.6f}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_plain_text(content, name, public_url))
    message.add_alternative(_html(content, name, public_url), subtype="html")
    return message


def describe_comment(comment: ListedComment) -> str:
    """Return the site, the author and the score of a comment; no score for an audit item."""
    decision = comment.decision
    probability = f"{100 * decision.score.probability:.0f} % spam"
    score = "for the audit" if comment.is_audit else "not judged" if decision.degraded else probability
    host = urlsplit(comment.site_url).netloc
    return f"{host}, {inert(decision.comment.author or 'no name', 60)}, {score}"


def inert(text: str, limit: int = EXCERPT_LENGTH) -> str:
    """Return text of a stranger on one line: cut, without links, and with its invisible characters shown."""
    shortened = " ".join(text[: 4 * limit].split())
    return _LINK_PARTS.sub(lambda part: f"[{part[0]}]", quoted(shortened, limit))


def _subject(content: DigestContent) -> str:
    if content.new:
        return f"{_number(len(content.new), MAX_COMMENTS)} new, {_number(content.held, MAX_COUNTED)} waiting comments"
    return "Alarm of a site" if content.alarms else "Comments that will be published"


def _number(count: int, limit: int) -> str:
    return f"{limit:,} or more" if count >= limit else f"{count:,}"


def _sentences(content: DigestContent) -> list[str]:
    """Return what waits, and since when: the blogs publish some of it, and sites may have alarms."""
    since = f"{content.since:%d %b %Y, %H:%M} UTC"
    sentences = [
        f"Comments that wait for a person: {_number(content.held, MAX_COUNTED)}.",
        f"New since {since}: {_number(len(content.new), MAX_COMMENTS)}.",
    ]
    if content.expiring:
        sentences.append(f"Comments that their blogs publish by themselves within 12 hours: {content.expiring:,}.")
    sentences += [f"Alarm of {alarm.site_url}: {alarm.detail}" for alarm in content.alarms[:MAX_ALARMS]]
    return sentences


def _footer(name: str) -> str:
    return (
        "The links open after sign-in, and opening one decides nothing. "
        f"This digest is for {name}; an operator can end it."
    )


def _plain_text(content: DigestContent, name: str, public_url: str) -> str:
    parts = [*_sentences(content), f"{public_url}/queue"]
    for comment in content.new:
        # Without the mark in front, a comment could pose as a line of the service.
        text = f"> {inert(comment.decision.comment.text)}"
        parts.append(f"{describe_comment(comment)}\n{text}\n{item_url(public_url, comment.id)}")
    return "\n\n".join([*parts, _footer(name)]) + "\n"


def _html(content: DigestContent, name: str, public_url: str) -> str:
    lines = [f"<p>{escape(sentence)}</p>" for sentence in _sentences(content)]
    lines.append(f'<p><a href="{escape(public_url)}/queue">Open the queue</a></p>')
    for comment in content.new:
        link = escape(item_url(public_url, comment.id))
        lines.append(f'<p><a href="{link}">{escape(describe_comment(comment))}</a></p>')
        lines.append(f"<blockquote>{escape(inert(comment.decision.comment.text))}</blockquote>")
    lines.append(f"<p><small>{escape(_footer(name))}</small></p>")
    head = '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Digest</title>'
    return "\n".join([head, "<body>", *lines, "</body></html>\n"])
