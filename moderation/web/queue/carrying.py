"""Decisions that a form brings after its session has ended: signed, carried through the sign-in, confirmed by a press.

Nothing is decided without the press, whose form has a token of the new session. The form names each comment with the
label that the person saw, or the newest comment of a campaign or a band. So a decision is carried out once, and not at
all if another person decided meanwhile.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from flask import current_app, render_template, request
from itsdangerous import BadData, URLSafeTimedSerializer

from moderation.actions.review import read_comment
from moderation.domain.decision import Moderator
from moderation.domain.errors import NotFound
from moderation.domain.people import Permission
from moderation.domain.queue import SeenComment, Verb
from moderation.web.queue.highlight import excerpt
from moderation.web.queue.own_paths import own_path
from moderation.web.requests import services

MAX_CARRIED = 100
"""Fields of a decision that is carried, one for each comment. A page has fewer."""
LIFETIME_SECONDS = 900
"""Time for the sign-in."""
MAX_SHOWN = 5

_SALT = "carried decision"
_CSRF_SALT = "wtf-csrf-token"
_MAX_FIELD_LENGTH = 100
_CARRIED_FIELDS: Mapping[str, tuple[str, ...]] = {
    "queue.act": ("id",),
    "queue.decide_campaign": ("newest", "next", "include"),
    "queue.decide_band": ("low", "high", "newest"),
}
"""The fields of each form that decides, beside its verb and the page to return to."""
_FOREIGN_REQUESTS = ("cross-site", "same-site")


class CarriedDecision(NamedTuple):
    """The form of a decision: its path, its verb and its other fields. `back` is the page of the form."""

    path: str
    verb: str
    fields: list[tuple[str, str]]
    back: str

    @property
    def ids(self) -> list[str]:
        """The comments as the form names them; none for a campaign or a band."""
        return [value for name, value in self.fields if name == "id"]


def posted_decision() -> CarriedDecision | None:
    """Return the decision of the current request, if a page of this service brought it; else `None`."""
    names = _CARRIED_FIELDS.get(request.endpoint or "")
    if names is None or request.headers.get("Sec-Fetch-Site") in _FOREIGN_REQUESTS:
        return None
    try:
        # Of any session: this one has ended.
        _serializer(_CSRF_SALT).loads(request.form.get("csrf_token", ""))
    except BadData:
        return None
    form = request.form.copy()
    if form.get("all") == "1":
        form.setlist("id", form.get("page", "").split())
    fields = [(name, value) for name in names for value in form.getlist(name)]
    back = own_path(form.get("back", request.path))
    decision = CarriedDecision(request.path, form.get("verb", ""), fields, back)
    is_whole = decision.verb in tuple(Verb) and ("id" not in names or decision.ids)
    is_small = len(fields) <= MAX_CARRIED and all(len(value) <= _MAX_FIELD_LENGTH for _, value in fields)
    return decision if is_whole and is_small else None


def sign_decision(decision: CarriedDecision) -> str:
    """Return the decision as a signed text, for the form of the sign-in."""
    return str(_serializer(_SALT).dumps(decision))


def signed_decision(text: str) -> CarriedDecision | None:
    """Return the decision of a signed text of the last `LIFETIME_SECONDS`, else `None`."""
    try:
        path, verb, fields, back = _serializer(_SALT).loads(text, max_age=LIFETIME_SECONDS)
    except BadData:
        return None
    return CarriedDecision(path, verb, [(name, value) for name, value in fields], back)


def confirmation_page(decision: CarriedDecision, moderator: Moderator) -> str:
    """Render the page that asks the moderator for the press, with the beginnings of some of the comments."""
    # The form may name comments of sites on which this person may not decide.
    own = replace(services(), scope=moderator.access.scope(Permission.DECIDE))
    comments = []
    for each in decision.ids[:MAX_SHOWN]:
        try:
            comment = read_comment(own, SeenComment.parse(each).id).comment.decision.comment
        except NotFound:
            continue
        comments.append((excerpt(comment.author or "", 100), excerpt(comment.text, 300)))
    return render_template("queue/confirm.html", decision=decision, comments=comments)


def _serializer(salt: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=salt)
