"""`POST /v1/score` and `POST /v1/score/batch`."""

from flask import Response, jsonify

from moderation.actions.check import check_comment, check_comments
from moderation.domain.comment import Comment
from moderation.domain.errors import InputRefused
from moderation.domain.judgement import Decision
from moderation.domain.site import Site
from moderation.web.api.reading import checked, comment_of, read_body
from moderation.web.api.rendering import decision_reply
from moderation.web.api.shapes import BatchBody, CommentBody
from moderation.web.caller import calling_site
from moderation.web.errors import describe, problem_body
from moderation.web.opened import opened

DOOR = "api"


def score() -> Response:
    """Judges one comment and stores the decision before it is answered."""
    site = calling_site()
    comment = comment_of(read_body(CommentBody))
    parts = opened()
    with parts.meters.timing(DOOR):
        decision = check_comment(parts.desk, site, comment, door=DOOR)
    parts.meters.count(decision, DOOR)
    return jsonify(decision_reply(decision))


def score_batch() -> Response:
    """Judges many comments in one transaction; a comment that cannot be read gets its problem in place."""
    site = calling_site()
    sent = read_body(BatchBody).comments
    _refuse_too_many(len(sent))
    read = [_read(index, value) for index, value in enumerate(sent)]
    decisions = iter(_judge(site, [entry for entry in read if isinstance(entry, Comment)]))
    return jsonify(
        decisions=[
            decision_reply(next(decisions)) if isinstance(entry, Comment) else {"error": problem_body(describe(entry))}
            for entry in read
        ]
    )


def _refuse_too_many(number: int) -> None:
    limit = opened().settings.max_batch
    if number > limit:
        sentence = f"At most {limit} comments go into one batch; this one has {number}."
        raise InputRefused(sentence, (("/comments", sentence),))


def _read(index: int, value: object) -> Comment | InputRefused:
    try:
        return comment_of(checked(value, CommentBody, f"/comments/{index}"))
    except InputRefused as error:
        return error


def _judge(site: Site, comments: list[Comment]) -> list[Decision]:
    if not comments:
        return []
    parts = opened()
    with parts.meters.timing(DOOR):
        decisions = check_comments(parts.desk, site, comments, door=DOOR)
    for decision in decisions:
        parts.meters.count(decision, DOOR)
    return decisions
