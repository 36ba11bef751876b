"""The search in a list: its address, its facets, and the views that a moderator saved."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flask import flash, redirect, request, url_for
from markupsafe import Markup
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from moderation.actions import queue_search
from moderation.actions.saved_views import list_views, remove_view, save_view
from moderation.domain.errors import Conflict, InvalidInput, NotFound
from moderation.domain.queue import ListName, Order, QueueList, SavedView
from moderation.domain.search import Operator, Query, Term, parse_query, with_term
from moderation.scoring.reasons import describe
from moderation.web.queue.forms import acting_moderator, parse_number, return_url
from moderation.web.queue.highlight import excerpt
from moderation.web.requests import services

ORDERS: Mapping[Order, str] = {
    Order.NEWEST: "newest first",
    Order.OLDEST: "oldest first",
    Order.HIGHEST: "highest score first",
    Order.UNCERTAIN: "nearest to the review threshold first",
    Order.SOON: "published by its blog soonest first",
}
"""The words for each order."""

_MAX_VALUE_BYTES = 120
_MAX_QUERY_BYTES = 600


class ListRequest(NamedTuple):
    """A query for a list in an order, and the place of the page; or with `mine` the requests for a second opinion."""

    queue_list: QueueList
    query: Query
    after: str
    has_facets: bool
    mine: bool = False

    @classmethod
    def of(cls, name: ListName) -> "ListRequest":
        """Return what the current request asks of a list. An order that the list does not have is the newest first."""
        mine = name is ListName.HELD and request.args.get("mine") == "1"
        if mine:
            return cls(QueueList(name), Query(), request.args.get("after", ""), False, mine)
        query = parse_query(request.args.get("q", ""))
        # They are left out of the list, so that a search for them would find none.
        asks_skipped = Term(Operator.IS, "skipped") in query.terms
        is_held = name is ListName.HELD
        skipped = is_held and (request.args.get("skipped") == "1" or asks_skipped)
        wanted = QueueList(name, Order.NEWEST, skipped)
        order = next((each for each in wanted.orders if each == request.args.get("order")), Order.NEWEST)
        has_facets = request.args.get("facets") == "1"
        return cls(wanted._replace(order=order), query, request.args.get("after", ""), has_facets)

    @property
    def is_plain(self) -> bool:
        """Whether this is the list as it is without a search."""
        return not self.query.text and self.queue_list.order is Order.NEWEST

    @property
    def shown_query(self) -> Markup:
        """The query as markup, with its invisible characters shown."""
        return excerpt(self.query.text, _MAX_QUERY_BYTES)

    @property
    def newest_here(self) -> str:
        """The address where new comments of this list appear; empty where they have no place at the beginning."""
        # Of the decided comments the newest are the moderator's own.
        is_by_time = self.queue_list.order is Order.NEWEST and self.queue_list.name is not ListName.DECIDED
        return "" if self.after or not is_by_time else self.url(facets=None)

    def url(self, *, name: ListName | None = None, q: str | None = None, **fields: str | None) -> str:
        """Return the address of the beginning of this list, or of another one, with changed fields of the query."""
        name = name or self.queue_list.name
        queue_list = self.queue_list._replace(name=name)
        has_order = queue_list.order in queue_list.orders and queue_list.order is not Order.NEWEST
        values: dict[str, Any] = {
            "q": (self.query.text if q is None else q) or None,
            "order": queue_list.order.value if has_order else None,
            "skipped": "1" if queue_list.include_skipped and name is ListName.HELD else None,
            "facets": "1" if self.has_facets else None,
            "mine": "1" if self.mine and not q and name is ListName.HELD else None,
        }
        return url_for(f"queue.{name}", **(values | fields))


class FacetValue(NamedTuple):
    """A value of a facet, the number of comments with it, and the address of the list with only these."""

    words: Markup
    number: int
    url: str


class FacetsView(NamedTuple):
    """The facets of a list, each with its heading, and which comments were counted."""

    counted: str
    facets: list[tuple[str, list[FacetValue]]]


class SavedViewLink(NamedTuple):
    """A saved view with its address."""

    id: int
    name: Markup
    url: str


def facets_view(asked: ListRequest) -> FacetsView:
    """Return the facets of the comments that a search finds, each value as a link that adds it to the query."""
    facets = queue_search.count_facets(services(), asked.queue_list, asked.query)
    counted = f"all {facets.counted:,}" if facets.is_all else f"the first {facets.counted:,}"
    by_operator = (
        ("Site", Operator.SITE, ((_address(url), _address(url), number) for url, number in facets.sites)),
        ("Strongest reasons", Operator.REASON, ((one.name, describe(one), number) for one, number in facets.reasons)),
        ("Author’s address", Operator.URL, ((host, host, number) for host, number in facets.hosts)),
        ("Language of the page", Operator.LANG, ((each, each, number) for each, number in facets.languages)),
    )
    views = [(heading, _values(asked, operator, values)) for heading, operator, values in by_operator]
    return FacetsView(f"Among {counted} comments", [(heading, values) for heading, values in views if values])


def saved_view_links() -> list[SavedViewLink]:
    """Return the views of the moderator who is signed in."""
    return [
        SavedViewLink(view.id, excerpt(view.name, _MAX_VALUE_BYTES), _view_url(view))
        for view in list_views(services(), acting_moderator())
    ]


def add_view() -> Response:
    """Save the search `q` of the list `list` in the order `order` under `name`, and open it."""
    form = request.form
    if form.get("list") not in tuple(ListName) or form.get("order") not in tuple(Order):
        raise BadRequest("A view needs a list and an order of the queue.")
    query = parse_query(form.get("q", ""))
    view = SavedView(0, form.get("name", ""), ListName(form["list"]), Order(form["order"]), query.text)
    try:
        save_view(services(), acting_moderator(), view)
    except (Conflict, InvalidInput) as error:
        flash(f"The view is not saved: {error}", "warning")
        return redirect(return_url(), 303)
    flash("The view is saved.", "success")
    return redirect(_view_url(view), 303)


def delete_view() -> Response:
    """Remove the view `view` of the moderator, and return to the page."""
    try:
        remove_view(services(), acting_moderator(), parse_number(request.form.get("view", "")) or 0)
        flash("The view is removed.", "success")
    except NotFound as error:
        flash(f"Nothing changed: {error}", "warning")
    return redirect(return_url(), 303)


def _address(site_url: str) -> str:
    return site_url.partition("://")[2]


def _view_url(view: SavedView) -> str:
    order = None if view.order is Order.NEWEST else view.order.value
    return url_for(f"queue.{view.list}", q=view.query or None, order=order)


def _values(asked: ListRequest, operator: Operator, values: Iterable[tuple[str, str, int]]) -> list[FacetValue]:
    """Return the values that the language of queries can express, of triples of value, words and number."""
    return [
        FacetValue(excerpt(words, _MAX_VALUE_BYTES), number, asked.url(q=query))
        for value, words, number in values
        if (query := with_term(asked.query.text, operator, value))
    ]
