"""Judge each comment of a Flask blog before it is saved: `app.register_blueprint(comments(Client(…), save))`."""

from flask import Blueprint, request


def comments(client, save):
    """Return the blueprint. `save` stores a comment, public only with the status `publish`."""
    blueprint = Blueprint("comments", __name__)

    @blueprint.post("/posts/<slug>/comments")
    def post_comment(slug):
        fields = {name: request.form.get(name) for name in ("author", "email", "url")}
        answer = client.score(request.form["text"], permalink=request.base_url, **fields)
        if answer.verdict != "discard":
            save(slug, request.form["text"], **fields, status=answer.verdict, decision_id=answer.decision_id)
        return "Thank you." if answer.verdict == "publish" else "Thank you. Your comment waits for a moderator."

    return blueprint
