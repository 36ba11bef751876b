"""The moderators' pages under `/queue`: the held comments, the decisions on them, and the rollout of each site."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest, Unauthorized
from werkzeug.wrappers import Response

from moderation.actions import review
from moderation.actions.review import (
    count_expiring,
    count_held,
    describe_rejected_origins,
    failed_callbacks,
    held_items,
    items_expiring,
    read_item,
)
from moderation.actions.rollout import rollout_statuses
from moderation.actions.similarity import find_similar_to_decisions
from moderation.domain.authors import Standing
from moderation.domain.decision import LabelValue, Moderator, QueueItem
from moderation.domain.errors import Conflict, NotFound
from moderation.web.queue.auth import SignInView, current_moderator, sign_out
from moderation.web.queue.view_models import QueueItemView, item_part_view, queue_item_view, site_status_view
from moderation.web.requests import services

PAGE_SIZE = 20
SITES_PAGE_SIZE = 50
MAX_BLOGS_NAMED = 5
"""Blogs with undelivered decisions that the queue names."""
MAX_ITEM_ID = 2**31 - 1
"""The largest row id that every database takes."""

_SKIP = "skip"
_REMOVE = "remove"
_FORGET = "forget"
_STANDINGS = {"trust": Standing.TRUSTED, "block": Standing.BLOCKED}
_DECIDED = "decided-"
"""Category of the message about a decision, followed by the item: the message then offers to forget it."""
_PUBLIC_ENDPOINTS = frozenset({"queue.sign_in", "queue.submit_sign_in"})


def queue_blueprint() -> Blueprint:
    """Return the blueprint of `/queue`."""
    blueprint = Blueprint("queue", __name__, template_folder="templates")
    sign_in_view = SignInView()
    blueprint.add_url_rule("/queue", "held", held)
    blueprint.add_url_rule("/queue/sites", "sites", sites)
    blueprint.add_url_rule(f"/queue/<int(max={MAX_ITEM_ID}):item>", "item", show_item)
    blueprint.add_url_rule(f"/queue/<int(max={MAX_ITEM_ID}):item>/resolve", "resolve", resolve, methods=["POST"])
    blueprint.add_url_rule("/queue/sign-in", "sign_in", sign_in_view.show)
    blueprint.add_url_rule("/queue/sign-in", "submit_sign_in", sign_in_view.submit, methods=["POST"])
    blueprint.add_url_rule("/queue/sign-out", "sign_out", sign_out, methods=["POST"])
    blueprint.before_request(_require_readable_query)
    blueprint.before_request(_require_moderator)
    blueprint.context_processor(_template_context)
    return blueprint


def held() -> str:
    """Render one page of held comments. `before` is the id of the last item of the page before.

    `skipped=1` includes skipped items. `soon=1` lists the items that expire, soonest first.
    """
    if request.args.get("soon") == "1":
        return _render_page(items_expiring(services(), PAGE_SIZE), soon="1")
    before = _parse_item_id(request.args.get("before", ""))
    skipped = request.args.get("skipped") == "1"
    items = held_items(services(), before=before, limit=PAGE_SIZE + 1, include_skipped=skipped)
    older = items[PAGE_SIZE - 1].id if len(items) > PAGE_SIZE else None
    return _render_page(items[:PAGE_SIZE], before=before, older=older, skipped="1" if skipped else None)


def show_item(item: int) -> str:
    """Render one held comment with all its reasons. `start` is the offset of the part of a long text to show."""
    part = read_item(services(), item, _parse_item_id(request.args.get("start", "")) or 0)
    (similar,) = find_similar_to_decisions(services(), [part.item.decision])
    view = item_part_view(part, similar, _moderator_name(), services().clock())
    return render_template("queue/item.html", item=view, on_page=True)


def resolve(item: int) -> Response:
    """Carry out a moderator's decision, report it, and redirect to the page it came from."""
    moderator = current_moderator()
    if moderator is None:
        raise Unauthorized("Sign in first.")
    try:
        decision = request.form.get("decision", "")
        is_final = decision not in (_SKIP, _FORGET, *_STANDINGS)
        flash(_apply_decision(item, decision, moderator), f"{_DECIDED}{item}" if is_final else "success")
    except Conflict as error:
        flash(f"Nothing changed: {error}", "warning")
    except NotFound:
        flash(f"Nothing changed: comment {item} is no longer in the queue.", "warning")
    return redirect(_return_url(), 303)


def sites() -> str:
    """Render the rollout of each site, a page of sites at a time: counting a site's ham takes long.

    `after` is the number of sites on the pages before.
    """
    after = _parse_item_id(request.args.get("after", "")) or 0
    statuses = rollout_statuses(services(), after, SITES_PAGE_SIZE + 1)
    return render_template(
        "queue/sites.html",
        statuses=list(map(site_status_view, statuses[:SITES_PAGE_SIZE])),
        after=after,
        next_after=after + SITES_PAGE_SIZE if len(statuses) > SITES_PAGE_SIZE else None,
    )


def _require_readable_query() -> None:
    # Werkzeug reads a query as UTF-8 and raises an unexpected error for other bytes.
    try:
        request.query_string.decode()
    except UnicodeDecodeError:
        raise BadRequest("The query of this address is not UTF-8.") from None


def _require_moderator() -> Response | None:
    if request.endpoint in _PUBLIC_ENDPOINTS or current_moderator() is not None:
        return None
    return_url = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("queue.sign_in", next=return_url), 303)


def _template_context() -> dict[str, object]:
    return {"moderator": current_moderator()}


def _parse_item_id(value: str) -> int | None:
    """Return an item id from a query or form. Returns `None` for anything but a number."""
    if not (value.isascii() and value.isdecimal() and len(value) <= 10):
        return None
    return min(int(value), MAX_ITEM_ID)


def _render_page(
    items: list[QueueItem],
    *,
    before: int | None = None,
    older: int | None = None,
    skipped: str | None = None,
    soon: str | None = None,
) -> str:
    failed = failed_callbacks(services())
    return render_template(
        "queue/held.html",
        items=_item_views(items),
        before=before,
        older=older,
        skipped=skipped,
        soon=soon,
        held_count=count_held(services(), include_skipped=bool(skipped)),
        total_count=count_held(services(), include_skipped=True),
        expiring=count_expiring(services()),
        failed_callbacks=failed[:MAX_BLOGS_NAMED],
        rejected_origins=describe_rejected_origins(services(), MAX_BLOGS_NAMED),
        other_failed=len(failed) - MAX_BLOGS_NAMED,
    )


def _item_views(items: list[QueueItem]) -> list[QueueItemView]:
    similar_comments = find_similar_to_decisions(services(), [item.decision for item in items])
    now = services().clock()
    return [
        queue_item_view(item, similar, _moderator_name(), now)
        for item, similar in zip(items, similar_comments, strict=True)
    ]


def _moderator_name() -> str:
    moderator = current_moderator()
    return moderator.name if moderator else ""


def _apply_decision(item: int, decision: str, moderator: Moderator) -> str:
    if decision == _SKIP:
        review.skip(services(), item)
        return f"Comment {item} is skipped: it waits under “Skipped too”."
    if decision in _STANDINGS:
        review.set_author_standing(services(), item, _STANDINGS[decision], moderator)
        return f"The author of comment {item} is {_STANDINGS[decision]}; the comment still waits."
    if decision == _REMOVE:
        review.remove(services(), item, moderator)
        return f"Comment {item} is removed, and nothing is learnt from it."
    if decision == _FORGET:
        review.forget(services(), item, moderator)
        return f"Comment {item} waits again, as before the decision."
    if decision not in tuple(LabelValue):
        raise BadRequest("The decision must be ham, spam, remove, forget, skip, trust or block.")
    review.resolve(services(), item, LabelValue(decision), moderator)
    return f"Comment {item} is {decision}: the label is stored."


def _return_url() -> str:
    skipped = "1" if request.form.get("skipped") == "1" else None
    soon = "1" if request.form.get("soon") == "1" else None
    return url_for("queue.held", before=_parse_item_id(request.form.get("before", "")), skipped=skipped, soon=soon)
