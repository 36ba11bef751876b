"""What a call tells of the visit beside the comment itself."""

from datetime import UTC, datetime

from moderation.domain.comment import Visit
from moderation.web.akismet.parse import Form

_NO_CLOCK = 250
"""The plugin's script field holds a small number until its script puts the time there, in milliseconds."""
_MOST_TAGS = 50
_DAY = 86_400.0


def visit_in(form: Form, now: datetime) -> Visit:
    """The visit that led to the comment, which came at `now` unless the call dates it."""
    clock = _number(form, "POST_ak_js")
    return Visit(
        trap_filled=_trap_filled(form),
        script_ran=None if clock is None else clock > _NO_CLOCK,
        seconds=_seconds(form),
        key_presses=_number(form, "POST_ak_bkpc"),
        page_days=_days(form, now),
        tags=tuple(tag for tag in form.all("comment_context")[:_MOST_TAGS] if tag),
    )


def _trap_filled(form: Form) -> bool | None:
    """The call names its trap, or it is that of the WordPress plugin."""
    named = form.get("honeypot_field_name")
    found = [form.get(name) for name in (named, "POST_ak_hp_textarea") if name]
    sent = [content for content in found if content is not None]
    return any(content.strip() for content in sent) if sent else None


def _seconds(form: Form) -> float | None:
    first, sent = _number(form, "POST_ak_bib"), _number(form, "POST_ak_bfs")
    if not first or not sent or sent < first:
        return None
    return (sent - first) / 1000


def _days(form: Form, now: datetime) -> float | None:
    changed = _time(form, "comment_post_modified_gmt")
    if changed is None:
        return None
    return max(0.0, ((_time(form, "comment_date_gmt") or now) - changed).total_seconds() / _DAY)


def _number(form: Form, name: str) -> int | None:
    value = (form.get(name) or "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 16 else None


def _time(form: Form, name: str) -> datetime | None:
    """Any of the spellings that clients use; a date that cannot be read is not known."""
    try:
        found = datetime.fromisoformat((form.get(name) or "").strip())
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
