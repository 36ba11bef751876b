"""`/queue/sites`: where every site stands on the ladder."""

from flask import render_template

from moderation.actions.standing import all_ladders
from moderation.web.opened import the_desk
from moderation.web.queue.rung import rung_of


def sites() -> str:
    """A page of its own: counting what every site has earned takes longer than a page of the queue may."""
    return render_template("queue/sites.html", rungs=[rung_of(ladder) for ladder in all_ladders(the_desk())])
