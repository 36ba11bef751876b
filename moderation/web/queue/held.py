"""`/queue`: what waits for a person, newest first."""

from flask import render_template, request

from moderation.actions.review import count_held, held_items
from moderation.web.opened import the_desk
from moderation.web.queue.places import read_id
from moderation.web.queue.row import row_of

PAGE = 20


def held() -> str:
    """One page of held comments. `before` is the item number that the page before ended with.

    With `skipped=1` those that somebody skipped are among them.
    """
    before = read_id(request.args.get("before", ""))
    skipped = request.args.get("skipped") == "1"
    items = held_items(the_desk(), before=before, limit=PAGE + 1, include_skipped=skipped)
    shown = items[:PAGE]
    return render_template(
        "queue/held.html",
        rows=[row_of(item) for item in shown],
        before=before,
        older=shown[-1].id if len(items) > PAGE else None,
        number=count_held(the_desk(), include_skipped=skipped),
        all_of_them=count_held(the_desk(), include_skipped=True),
        skipped="1" if skipped else None,
    )
