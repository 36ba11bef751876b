"""`/queue`: what waits for a person, newest first, or what blogs publish by themselves soon."""

from flask import render_template, request

from moderation.actions.chances import chances_here
from moderation.actions.desk import Desk
from moderation.actions.neighbours import neighbours_of
from moderation.actions.review import blogs_not_told, count_held, count_running_out, held_items, items_running_out
from moderation.domain.judgement import Item
from moderation.web.opened import the_desk
from moderation.web.queue.places import read_id
from moderation.web.queue.row import Row, row_of
from moderation.web.queue.session import signed_in_moderator

PAGE = 20


def held() -> str:
    """One page of held comments. `before` is the item number that the page before ended with.

    With `skipped=1` those that somebody skipped are among them. With `soon=1` it is those that run out, soonest first.
    """
    if request.args.get("soon") == "1":
        return _page(items_running_out(the_desk(), PAGE), soon="1")
    before = read_id(request.args.get("before", ""))
    skipped = request.args.get("skipped") == "1"
    items = held_items(the_desk(), before=before, limit=PAGE + 1, include_skipped=skipped)
    older = items[PAGE - 1].id if len(items) > PAGE else None
    return _page(items[:PAGE], before=before, older=older, skipped="1" if skipped else None)


def _page(
    items: list[Item],
    *,
    before: int | None = None,
    older: int | None = None,
    skipped: str | None = None,
    soon: str | None = None,
) -> str:
    desk = the_desk()
    return render_template(
        "queue/held.html",
        rows=_rows(desk, items),
        before=before,
        older=older,
        skipped=skipped,
        soon=soon,
        number=count_held(desk, include_skipped=bool(skipped)),
        all_of_them=count_held(desk, include_skipped=True),
        running_out=count_running_out(desk),
        not_told=blogs_not_told(desk),
    )


def _rows(desk: Desk, items: list[Item]) -> list[Row]:
    moderator = signed_in_moderator()
    reader = moderator.name if moderator else ""
    made = [item.decision for item in items]
    found = zip(items, chances_here(desk, made), neighbours_of(desk, made), strict=True)
    return [row_of(item, chance, near, reader, desk.clock()) for item, chance, near in found]
