"""The moderators' pages under `/queue`: the lists, and a comment's own page."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from flask import Blueprint, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]  # ships no types
from werkzeug.exceptions import BadRequest, Unauthorized
from werkzeug.wrappers import Response

from moderation.actions import teamwork
from moderation.actions.alarms import list_alarms
from moderation.actions.queue_search import Found, find_comments
from moderation.actions.review import (
    HeldCounts,
    count_held_kinds,
    count_lists,
    describe_rejected_origins,
    failed_callbacks,
    list_comments,
    list_requests,
    next_held,
    read_comment,
    read_history,
)
from moderation.actions.similarity import find_similar_to_listed
from moderation.domain.errors import NotFound
from moderation.domain.people import Permission
from moderation.domain.queue import MAX_COUNTED, MAX_NOTE_LENGTH, ListedComment, ListName, Order, Verb
from moderation.domain.search import HELP
from moderation.web.queue.account_pages import AccountPages
from moderation.web.queue.auth import SignInView, ask_again, current_moderator, sign_out
from moderation.web.queue.campaign_pages import add_campaign_pages
from moderation.web.queue.effects import Effect
from moderation.web.queue.forms import act, acting_moderator, parse_number, show_acts, undo
from moderation.web.queue.history import describe_history
from moderation.web.queue.log_page import add_log_pages
from moderation.web.queue.oidc_pages import OidcPages
from moderation.web.queue.own_paths import own_path
from moderation.web.queue.permissions import may, require_permission, require_totp
from moderation.web.queue.search_form import ORDERS, ListRequest, add_view, delete_view, facets_view, saved_view_links
from moderation.web.queue.site_page import add_site_pages
from moderation.web.queue.sweep_page import add_sweep_page
from moderation.web.queue.teamwork import notes_views, open_comment, write_note
from moderation.web.queue.view_models import QueueItemView, item_part_view, queue_item_view
from moderation.web.requests import SCRIPTED_POLICY, services

PAGE_SIZE = 20
MAX_BLOGS_NAMED = 5
"""Blogs with undelivered decisions that the queue names."""
MAX_ALARMS = 5
"""Alarms that the queue shows."""

_SCRIPTED_ENDPOINTS = frozenset({"queue.comment", "queue.held_by_name", *(f"queue.{name}" for name in ListName)})
_PUBLIC_NAMES = ("sign_in", "submit_sign_in", "submit_code", "begin_oidc", "finish_oidc")
_PUBLIC_ENDPOINTS = frozenset(f"queue.{name}" for name in _PUBLIC_NAMES)
_LISTS = {
    ListName.HELD: ("Held", "Nothing is held. New comments in doubt appear here."),
    ListName.BLOCKED: ("Blocked", "Nothing was blocked without a moderator."),
    ListName.PUBLIC: ("Public", "Nothing was published without a moderator."),
    ListName.DECIDED: ("Decided", "Nobody has decided anything yet."),
    ListName.SECOND_LOOK: ("Second look", "No label is in doubt. The audit of labels fills this list."),
}
"""The heading of each list, and the sentence that stands in an empty one."""
_BULK_VERBS_OF_OTHERS = ((Verb.HAM, "Ham"), (Verb.SPAM, "Spam"), (Verb.REMOVE, "Remove"), (Verb.FORGET, "Forget"))
_BULK_VERBS = {
    ListName.HELD: (*_BULK_VERBS_OF_OTHERS[:3], (Verb.SKIP, "Skip")),
    ListName.SECOND_LOOK: ((Verb.KEEP, "Keep"), *_BULK_VERBS_OF_OTHERS),
}


def queue_blueprint() -> Blueprint:
    """Return the blueprint of `/queue`."""
    blueprint = Blueprint("queue", __name__, template_folder="templates")
    sign_in_view = SignInView()
    blueprint.add_url_rule("/queue", "held", show_list, defaults={"name": ListName.HELD})
    for name in _LISTS:
        endpoint = "held_by_name" if name is ListName.HELD else name.value
        blueprint.add_url_rule(f"/queue/{name}", endpoint, show_list, defaults={"name": name})
    blueprint.add_url_rule("/queue/comments/<decision_id>", "comment", show_comment)
    blueprint.add_url_rule("/queue/views", "add_view", add_view, methods=["POST"])
    blueprint.add_url_rule("/queue/views/remove", "delete_view", delete_view, methods=["POST"])
    blueprint.add_url_rule("/queue/act", "act", act, methods=["POST"])
    blueprint.add_url_rule("/queue/notes", "write_note", write_note, methods=["POST"])
    blueprint.add_url_rule("/queue/open", "open_comment", open_comment, methods=["POST"])
    blueprint.add_url_rule("/queue/undo", "undo", undo, methods=["POST"])
    blueprint.add_url_rule("/queue/acts", "acts", show_acts)
    add_site_pages(blueprint)
    add_campaign_pages(blueprint)
    add_sweep_page(blueprint)
    add_log_pages(blueprint)
    AccountPages(sign_in_view.limits).add_to(blueprint)
    sign_in_view.add_to(blueprint)
    OidcPages(sign_in_view.limits).add_to(blueprint)
    blueprint.add_url_rule("/queue/sign-out", "sign_out", sign_out, methods=["POST"])
    blueprint.before_request(_require_readable_query)
    blueprint.before_request(_require_moderator)
    blueprint.before_request(require_totp)
    blueprint.before_request(require_permission)
    blueprint.register_error_handler(CSRFError, ask_again)
    blueprint.after_request(_allow_scripts)
    blueprint.context_processor(_template_context)
    return blueprint


def show_list(name: ListName) -> str | Response:
    """Render one page of a list. `after` is the place of the page, as the page before names it.

    `q` is a query and `order` an order; `facets=1` counts the values to narrow it by. Of the held comments, `skipped=1`
    includes the skipped ones, and `mine=1` lists comments that wait for a second opinion of the moderator. The id of a
    comment as the query leads to its page.
    """
    asked = ListRequest.of(name)
    if asked.query.only_id:
        with suppress(NotFound):
            comment = read_comment(services(), asked.query.only_id).comment
            return redirect(url_for("queue.comment", decision_id=comment.id))
    fragment = request.headers.get("X-Requested-Fragment")
    if fragment == "counts":
        return render_template("queue/_counts.html", **_around_the_list(asked, counts_only=True))
    page, is_fragment = _read_page(asked), fragment == "cards"
    return render_template(
        "queue/_cards.html" if is_fragment else "queue/list.html",
        asked=asked,
        back=asked.url(after=asked.after or None).removeprefix(request.script_root),
        nothing=_nothing(asked, page),
        items=_item_views(page.comments),
        further=_further(asked, page),
        newest=asked.url() if asked.after else "",
        older=asked.url(after=page.after) if page.after else "",
        **({} if is_fragment else _around_the_list(asked)),
    )


def _read_page(asked: ListRequest) -> Found:
    (name, order, skipped, _), after = asked.queue_list, asked.after
    if asked.mine:
        requests = list_requests(services(), acting_moderator().name, after=after, limit=PAGE_SIZE)
        return Found(requests.comments, requests.after, None)
    if asked.query.terms:
        return find_comments(services(), asked.queue_list, asked.query, after, PAGE_SIZE)
    page = list_comments(services(), name, after=after, limit=PAGE_SIZE, include_skipped=skipped, order=order)
    return Found(page.comments, page.after, None)


def _around_the_list(asked: ListRequest, *, counts_only: bool = False) -> dict[str, object]:
    """Return what the page shows beside the comments: counts, warnings, the search field and the views."""
    name, skipped = asked.queue_list.name, asked.queue_list.include_skipped
    counts, kinds = count_lists(services()), count_held_kinds(services()) if name is ListName.HELD else None
    heading = "For you" if asked.mine else _LISTS[name][0]
    counted = _counts_shown(name, counts, kinds, skipped=skipped) | {"heading": heading}
    if counts_only:
        return counted
    return {
        **counted,
        "bulk_verbs": _BULK_VERBS.get(name, _BULK_VERBS_OF_OTHERS),
        "elsewhere": [(_LISTS[other][0], asked.url(name=other)) for other in _LISTS if other is not name],
        "orders": [(order.value, ORDERS[order]) for order in asked.queue_list.orders],
        "help": HELP.items(),
        "facets": facets_view(asked) if asked.has_facets else None,
        "views": saved_view_links(),
        "skipped": skipped,
        **(_warnings(counts[name], kinds) if kinds else {}),
    }


def _nothing(asked: ListRequest, page: Found) -> str:
    """Return the sentence at the end of the comments."""
    if page.read_to and not page.comments:
        return "None of the comments that were read matches."
    if asked.after or page.comments:
        return "This is the end of the list."
    if asked.mine:
        return "Nothing waits for your opinion."
    return "Nothing matches." if asked.query.terms else _LISTS[asked.queue_list.name][1]


def _further(asked: ListRequest, page: Found) -> str:
    """Return the words of the link behind the page."""
    if page.read_to is None:
        return "More" if asked.queue_list.order is not Order.NEWEST else "Older"
    is_by_time = asked.queue_list.order in (Order.NEWEST, Order.OLDEST)
    return f"Searched to {page.read_to:%d %b %Y, %H:%M UTC}. Search further" if is_by_time else "Search further"


def show_comment(decision_id: str) -> str | Response:
    """Render one comment with all its reasons. `start` is the offset of the part of a long text to show.

    The id of an earlier decision on the comment leads to the page of the current one.
    """
    part = read_comment(services(), decision_id, parse_number(request.args.get("start", "")) or 0)
    if part.comment.id != decision_id:
        return redirect(url_for("queue.comment", decision_id=part.comment.id))
    (similar,) = find_similar_to_listed(services(), [part.comment])
    moderator, site_id = acting_moderator(), part.comment.decision.site_id
    if may(Permission.DECIDE, site_id):
        teamwork.open_comment(services(), part.comment, moderator)
    (traces,) = teamwork.read_teamwork(services(), [part.comment], moderator)
    return render_template(
        "queue/_note.html" if request.headers.get("X-Requested-Fragment") == "note" else "queue/item.html",
        item=item_part_view(part, similar, moderator.name, services().clock(), traces),
        events=describe_history(read_history(services(), part.comment), moderator.name),
        notes=notes_views(teamwork.read_notes(services(), part.comment), traces.notes, moderator.name),
        people=teamwork.people_to_ask(services(), site_id, moderator),
        next_held=next_held(services(), decision_id),
        on_page=True,
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
    if request.method == "POST":
        return ask_again(Unauthorized("Sign in first."))
    return redirect(url_for("queue.sign_in", next=_address()), 303)


def _allow_scripts(response: Response) -> Response:
    if request.endpoint in _SCRIPTED_ENDPOINTS:
        response.headers["Content-Security-Policy"] = SCRIPTED_POLICY
    return response


def _template_context() -> dict[str, object]:
    return {
        "moderator": current_moderator(),
        "may": may,
        "effects": Effect,
        "back": own_path(_address()),
        "max_note_length": MAX_NOTE_LENGTH,
        "list_headings": [heading for heading, _ in _LISTS.values()],
    }


def _address() -> str:
    # The page about a query that is not UTF-8 has an address too, so `request.full_path` would raise on it.
    return f"{request.path}?{request.query_string.decode(errors='replace')}".rstrip("?")


def _counts_shown(
    name: ListName, counts: Mapping[ListName, int], kinds: HeldCounts | None, *, skipped: bool
) -> dict[str, object]:
    """Return the number of comments of a list in words, and those beside each of the lists."""
    return {
        "name": name.value,
        "counted": _counted_held(counts[name], kinds, skipped=skipped) if kinds else _capped(counts[name]),
        "lists": [_link(counts[other], other) for other in _LISTS],
    }


def _link(count: int, name: ListName) -> dict[str, str]:
    heading, _ = _LISTS[name]
    return {
        "name": name.value,
        "url": url_for(f"queue.{name}"),
        "heading": heading,
        "count": _capped(count),
    }


def _counted_held(held: int, kinds: HeldCounts, *, skipped: bool) -> str:
    """Return the number of held comments as the heading has it: `3 held, 1 to audit`."""
    listed = kinds.with_skipped if skipped else held
    number = _capped(listed) if listed > MAX_COUNTED else f"{listed - kinds.audits:,}"
    return f"{number} held" + (f", {kinds.audits} to audit" if kinds.audits else "")


def _capped(number: int) -> str:
    return f"{MAX_COUNTED:,}+" if number > MAX_COUNTED else f"{number:,}"


def _warnings(held: int, kinds: HeldCounts) -> dict[str, object]:
    failed, alarms = failed_callbacks(services()), list_alarms(services())
    requests = teamwork.count_requests(services(), acting_moderator().name)
    return {
        "requests": _capped(requests) if requests else "",
        "skipped_count": _capped(kinds.with_skipped - held) if kinds.with_skipped > held else "",
        "expiring": kinds.expiring,
        "failed_callbacks": failed[:MAX_BLOGS_NAMED],
        "other_failed": len(failed) - MAX_BLOGS_NAMED,
        "rejected_origins": describe_rejected_origins(services(), MAX_BLOGS_NAMED),
        "alarms": alarms[:MAX_ALARMS],
        "other_alarms": len(alarms) - MAX_ALARMS,
    }


def _item_views(listed: Sequence[ListedComment]) -> list[QueueItemView]:
    similar_comments = find_similar_to_listed(services(), listed)
    moderator, now = acting_moderator(), services().clock()
    found = teamwork.read_teamwork(services(), listed, moderator)
    return [
        queue_item_view(comment, similar, moderator.name, now, traces)
        for comment, similar, traces in zip(listed, similar_comments, found, strict=True)
    ]
