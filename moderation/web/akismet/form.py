"""The parameters of a call: its key, the comment and the submission signals in it.

Read from the raw bytes of query and body. Clients omit the content type or send an odd one, and blogs use any charset,
so Flask's form parsing would lose comments. Only `multipart/form-data` needs its content type, for the boundary.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from urllib.parse import unquote_to_bytes

from flask import Request
from werkzeug.exceptions import BadRequest
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder

from moderation.domain.authors import UNKNOWN_AUTHOR, VouchedAuthor
from moderation.domain.comment import Comment, SubmissionSignals
from moderation.domain.errors import InvalidInput
from moderation.domain.site import Site
from moderation.web.requests import authenticate, raw_body

MAX_FIELDS = 5_000
"""Parameters read of one call; WordPress sends about forty."""

_ISO_8859_PARTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)
_CHARSETS = (
    *("utf-8", "us-ascii", "koi8-r", "koi8-u", "shift_jis", "euc-jp", "iso-2022-jp"),
    *("gb2312", "gbk", "gb18030", "big5", "euc-kr", "latin1", "cp1251", "cp1252"),
    *(f"iso-8859-{part}" for part in _ISO_8859_PARTS),
    *(f"windows-125{page}" for page in range(9)),
)
_TRUE_VALUES = frozenset({"1", "true", "yes", "on"})

_MAX_PLACEHOLDER_VALUE = 250
"""The plugin's script field holds a small number until the script replaces it by the time in milliseconds."""
_MAX_TAGS = 50
_SECONDS_PER_DAY = 86_400.0


def _normalize_charset(charset: str) -> str:
    return "".join(letter for letter in charset.lower() if letter.isalnum())


# A closed list: Python's codec registry also has codecs that are no charset, or take quadratic time.
_CHARSETS_BY_NAME = {_normalize_charset(charset): charset for charset in _CHARSETS}


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of one call. `name[]` and `name[0]` are further values of `name`, which is then in `arrays`."""

    fields: dict[bytes, list[bytes]]
    arrays: set[bytes]
    charset: str
    host: str

    def get(self, name: str) -> str | None:
        """Return the last value of `name`: `None` if it is absent, `""` if it is empty."""
        values = self.fields.get(name.encode())
        return None if values is None else self._decode(values[-1])

    def get_all(self, name: str) -> list[str]:
        """Return every value of `name`, in order."""
        return [self._decode(value) for value in self.fields.get(name.encode(), ())]

    def get_text(self, name: str) -> str | None:
        """Return the value of `name`, or all parts of an array on separate lines, so that none goes unjudged."""
        return "\n".join(self.get_all(name)) if name.encode() in self.arrays else self.get(name)

    def get_flag(self, name: str) -> bool:
        """Return whether `name` is true, in any spelling that clients use."""
        return (self.get(name) or "").strip().lower() in _TRUE_VALUES

    def require(self, name: str, *, non_empty: bool = False) -> str:
        """Return the value of `name`. Raises `InvalidInput` if it is absent (or blank, with `non_empty`)."""
        value = self.get(name)
        if value is None or (non_empty and not value.strip()):
            raise InvalidInput(f"Missing required field: {name}.", ((name, f'Empty "{name}" value'),))
        return value

    def _decode(self, raw: bytes) -> str:
        try:
            return raw.decode(self.charset)
        except UnicodeDecodeError:
            return raw.decode("latin-1")


def read_form(request: Request) -> Form:
    """Return the parameters of query and body. If both have a parameter, the body's value is the last.

    Raises the errors of `raw_body`, and `BadRequest` (400) for a broken multipart body.
    """
    fields: dict[bytes, list[bytes]] = {}
    arrays: set[bytes] = set()
    body, boundary = raw_body(request), request.mimetype_params.get("boundary", "").encode()
    is_multipart = request.mimetype == "multipart/form-data" and boundary
    parsed_body = _parse_multipart(body, boundary) if is_multipart else _parse_pairs(body)
    for sent_name, value in chain(_parse_pairs(request.query_string), parsed_body):
        name, bracket, index = sent_name.partition(b"[")
        if bracket and index.endswith(b"]"):
            arrays.add(name)
        else:
            name = sent_name
        fields.setdefault(name, []).append(value)
    blog_charset = fields.get(b"blog_charset", [b""])[-1].decode("latin-1")
    charset = _choose_charset(blog_charset, request.mimetype_params.get("charset", ""))
    return Form(fields, arrays, charset, request.environ.get("HTTP_HOST", ""))


def key_from_form(form: Form) -> str:
    """Return the key in `api_key`, else in `key`, else the first label of the host, unchecked."""
    return form.get("api_key") or form.get("key") or form.host.partition(".")[0]


def calling_site(form: Form, *, recall: bool = False) -> Site:
    """Return the site of the calling key, as `authenticate_site` does. Raises `AuthenticationFailed`."""
    return authenticate(key_from_form(form), recall=recall)


def account_site(form: Form) -> Site:
    """Return the site of the key that the call asks about. Raises `AuthenticationFailed`.

    A WordPress blog that is given another key sends it in `key`, with the key it had before in `api_key`.
    """
    return authenticate(form.get("key") or key_from_form(form))


def comment_from_form(form: Form) -> Comment:
    """Return the comment of a call. WordPress's slashes stay, because normalisation removes them for every channel."""
    comment_type = form.get("comment_type")
    return Comment(
        text=form.get_text("comment_content") or "",
        author=form.get_text("comment_author"),
        url=form.get("comment_author_url"),
        email=form.get("comment_author_email"),
        permalink=form.get("permalink"),
        type=form.get("content_type") if comment_type is None else comment_type,
        lang=form.get("blog_lang"),
        date=form.get("comment_date_gmt"),
    )


def author_from_form(form: Form, site: Site) -> VouchedAuthor:
    """Return id and roles of a signed-in author, if the site's client vouches for them. A guest has the id 0."""
    if not site.akismet_review.vouches_for_authors:
        return UNKNOWN_AUTHOR
    author_id = form.get("user_id") or form.get("user_ID")
    return VouchedAuthor(None if author_id in (None, "0") else author_id, form.get("user_role"))


def identifiers_from_form(form: Form) -> tuple[str | None, ...]:
    """Return what else distinguishes the comment of a call: its id, the comment it replies to, its author's address."""
    return (form.get("comment_ID"), form.get("comment_id"), form.get("comment_parent"), form.get("user_ip"))


def submission_from_form(form: Form, now: datetime) -> SubmissionSignals:
    """Return the submission signals of a call. The comment was written `now` unless the call dates it."""
    script_time = _parse_int(form, "POST_ak_js")
    return SubmissionSignals(
        honeypot_filled=_honeypot_filled(form),
        script_ran=None if script_time is None else script_time > _MAX_PLACEHOLDER_VALUE,
        seconds_to_submit=_seconds_to_submit(form),
        keystrokes=_parse_int(form, "POST_ak_bkpc"),
        page_age_days=_page_age_days(form, now),
        page_tags=tuple(tag for tag in form.get_all("comment_context")[:_MAX_TAGS] if tag),
    )


def _parse_pairs(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in raw.split(b"&", MAX_FIELDS)[:MAX_FIELDS]:
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        if name:
            yield unquote_to_bytes(name), unquote_to_bytes(value)


def _parse_multipart(body: bytes, boundary: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and value of each part. A file is read like a field: some clients give every part a file name.

    Raises `BadRequest` for a body that ends early or is not multipart.
    """
    decoder = MultipartDecoder(boundary, max_parts=MAX_FIELDS)
    try:
        decoder.receive_data(body)
        decoder.receive_data(None)
        name, value = b"", b""
        while not isinstance(event := decoder.next_event(), Epilogue):
            if isinstance(event, Field | File):
                name, value = (event.name or "").encode(), b""
            elif isinstance(event, Data):
                value += event.data
                if name and not event.more_data:
                    yield name, value
    except (ValueError, UnicodeError):
        raise BadRequest("The body is not multipart/form-data with the boundary that its content type names.") from None


def _choose_charset(*candidates: str) -> str:
    known = (_CHARSETS_BY_NAME.get(_normalize_charset(candidate)) for candidate in candidates)
    return next((charset for charset in known if charset), "utf-8")


def _honeypot_filled(form: Form) -> bool | None:
    """Return whether a honeypot was filled: the call's named field, or the WordPress plugin's."""
    names = (form.get("honeypot_field_name"), "POST_ak_hp_textarea")
    values = [value for name in names if name and (value := form.get_text(name)) is not None]
    return any(value.strip() for value in values) if values else None


def _seconds_to_submit(form: Form) -> float | None:
    first_input, submitted = _parse_int(form, "POST_ak_bib"), _parse_int(form, "POST_ak_bfs")
    if not first_input or not submitted or submitted < first_input:
        return None
    return (submitted - first_input) / 1000


def _page_age_days(form: Form, now: datetime) -> float | None:
    modified = _parse_time(form, "comment_post_modified_gmt")
    if modified is None:
        return None
    written = _parse_time(form, "comment_date_gmt") or now
    return max(0.0, (written - modified).total_seconds() / _SECONDS_PER_DAY)


def _parse_int(form: Form, name: str) -> int | None:
    value = (form.get(name) or "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 16 else None


def _parse_time(form: Form, name: str) -> datetime | None:
    """Return a time in any format that clients use; `None` if it cannot be read."""
    try:
        time = datetime.fromisoformat((form.get(name) or "").strip())
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time
