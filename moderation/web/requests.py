"""Parts of every request and response: the application's state, the request id, headers, the calling site, the body."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from math import ceil
from random import getrandbits
from typing import Any, NoReturn, TypeVar, cast

from flask import Flask, Request, Response, current_app, g, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, Forbidden, RequestEntityTooLarge, TooManyRequests, UnsupportedMediaType

from moderation.actions.retries import IdempotencyKey
from moderation.actions.services import Services
from moderation.actions.sites import authenticate_site
from moderation.actions.tokens import authenticate_token, is_token
from moderation.domain.errors import AuthenticationFailed, InvalidInput
from moderation.domain.site import Site
from moderation.domain.tokens import Purpose
from moderation.settings import Settings
from moderation.web.akismet.responses import COMMENT_CHECK_PATH, ensure_guid
from moderation.web.health import Metrics
from moderation.web.rate_limits import TokenBuckets

Schema = TypeVar("Schema", bound=BaseModel)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No script and no foreign style, so that unescaped comment text still could not act."""
SCRIPTED_POLICY = f"{CONTENT_SECURITY_POLICY}; script-src 'self'; connect-src 'self'"
"""The same with the service's own modules, which may call the service alone. Nothing inline runs by it either."""

KEYED_PATHS = ("/v1/", "/1.1/", "/1.2/", "/coral/")
"""Beginnings of the paths that need a site's key or its signature, and no moderator's session."""
BODY_KEYED_PATHS = KEYED_PATHS[1:]
"""The part of them that proves it by the body: Akismet's forms have the key in it, and Coral signs it."""

REFUSAL = "moderation.refusal"
"""Name in the WSGI environment of the error to answer with, which the front sets in place of a body."""
AUTHENTICATED = "moderation.authenticated"
"""Name in the WSGI environment of the mark that the request had a valid key or session, `False` for a wrong key."""

MAX_NAMED_FIELDS = 20
"""Invalid parts of a body that a problem names."""

IDEMPOTENCY_KEY = "Idempotency-Key"
"""The header of draft-ietf-httpapi-idempotency-key-header-07."""
IDEMPOTENCY_KEY_PATTERN = r"[A-Za-z0-9._~:+/=-]{1,255}"

# The draft sends a quoted string; most clients send the key bare.
_IDEMPOTENCY_KEY_VALUE = re.compile(f'"(?P<quoted>{IDEMPOTENCY_KEY_PATTERN})"|(?P<bare>{IDEMPOTENCY_KEY_PATTERN})')
_EXTENSION_KEY = "moderation"
_REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class AppState:
    """The arguments of `create_app`, for the views."""

    services: Services
    settings: Settings
    metrics: Metrics
    check_rates: TokenBuckets | None
    """Rates of the sites, or `None` without a limit."""


def attach_state(app: Flask, state: AppState) -> None:
    """Store the state in the application."""
    app.extensions[_EXTENSION_KEY] = state


def state_of(app: Flask) -> AppState:
    """Return the state of an application."""
    return cast(AppState, app.extensions[_EXTENSION_KEY])


def is_below(beginnings: Sequence[str], path: str) -> bool:
    """Return whether a path is below one of the beginnings, also with a prefix that a proxy passes on."""
    return any(beginning in path for beginning in beginnings)


def app_state() -> AppState:
    """Return the state of the application that answers the current request."""
    return state_of(current_app)


def services() -> Services:
    """Return the services of the application that answers the current request, narrowed if that was done."""
    return cast(Services, g.get("services", app_state().services))


def narrow_services(narrowed: Services) -> None:
    """Set the services that `services` returns for the rest of the current request."""
    g.services = narrowed


def current_request_id() -> str:
    """Return the id of the current request: its `X-Request-Id` if that is usable, else a random one."""
    if "request_id" not in g:
        sent = request.headers.get("X-Request-Id", "")
        g.request_id = sent if _REQUEST_ID_PATTERN.fullmatch(sent) else f"{getrandbits(128):032x}"
    return cast(str, g.request_id)


def add_headers(response: Response) -> Response:
    """Add the headers that every response has: its request id, and limits for browsers and caches."""
    headers = response.headers
    headers["X-Request-Id"] = current_request_id()
    headers["X-Content-Type-Options"] = "nosniff"
    if request.endpoint == "static" and response.status_code < HTTPStatus.BAD_REQUEST:
        response.cache_control.immutable = True
    elif response.cache_control.public:
        # A public page says itself how long it may be kept.
        pass
    elif response.get_etag()[0]:
        # The caller may keep it, and asks each time whether it is still the newest.
        headers["Cache-Control"] = "private, no-cache"
    else:
        headers["Cache-Control"] = "no-store"
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        # `no-referrer` would break the CSRF check, which needs a same-origin referrer over HTTPS.
        headers["Referrer-Policy"] = "same-origin"
    if request.path == COMMENT_CHECK_PATH:
        ensure_guid(response)
    return response


def calling_site(purpose: Purpose | None, *, recall: bool = False) -> Site:
    """Return the site of the key or token in `Authorization: Bearer KEY`, as `authenticate_site` does.

    Raises `AuthenticationFailed` for any other key, and `Forbidden` (403) for a token without the purpose.
    """
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer" or not authorization.token:
        note_wrong_key()
        raise AuthenticationFailed("Send the site's key as `Authorization: Bearer KEY`.")
    if is_token(authorization.token):
        return _site_of_token(authorization.token, purpose, recall=recall)
    return authenticate(authorization.token, recall=recall)


def administered_site() -> Site:
    """Return the site of a token with the purpose `admin`, as `calling_site` does.

    Raises `Forbidden` for a site's key: each blog has it, and many programs there can read it.
    """
    site = calling_site(Purpose.ADMIN)
    if request.authorization is None or not is_token(request.authorization.token or ""):
        raise Forbidden("This needs a token with the purpose admin: `moderation token add URL NAME --for admin`.")
    return site


def authenticate(key: str, *, recall: bool = False) -> Site:
    """Return the site of a key, and mark the request as one with a valid key. Raises `AuthenticationFailed`."""
    try:
        site = authenticate_site(app_state().services, key, recall=recall)
    except AuthenticationFailed:
        note_wrong_key()
        raise
    request.environ[AUTHENTICATED] = True
    return site


def limit_checks(site: Site, channel: str, count: int = 1) -> None:
    """Count comments that a site wants judged. Raises `TooManyRequests` (429) when it has had enough of them."""
    state = app_state()
    wait_seconds = state.check_rates.take(site.id, count) if state.check_rates else 0.0
    if wait_seconds:
        state.metrics.rate_limited.labels(channel).inc()
        limit = state.settings.max_checks_per_minute
        message = f"A site may have {limit} comments judged a minute (MODERATION_MAX_CHECKS_PER_MINUTE)."
        raise TooManyRequests(message, retry_after=ceil(wait_seconds))


def raise_refusal() -> None:
    """Raise the error that the front found while it read the request."""
    refusal = request.environ.get(REFUSAL)
    if refusal is not None:
        raise refusal


def raw_body(request: Request) -> bytes:
    """Return the whole body of a request.

    Raises `RequestEntityTooLarge` (413), also without a content length, and `BadRequest` (400) for a truncated body.
    Servers that end the stream themselves keep Werkzeug from noticing either.
    """
    body, announced, limit = request.get_data(), request.content_length, request.max_content_length
    if announced is None and limit is not None and len(body) >= limit:
        raise RequestEntityTooLarge
    if announced is not None and len(body) < announced:
        raise BadRequest("The body ended before its announced length.")
    return body


def read_body(schema: type[Schema]) -> Schema:
    """Return the JSON body of the current request as `schema`.

    Raises `UnsupportedMediaType` (415), `BadRequest` (400, not JSON), `InvalidInput` (422, not this schema), and the
    errors of `raw_body`.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    try:
        value = json.loads(
            raw_body(request), parse_constant=_reject_constant, object_pairs_hook=_reject_duplicate_names
        )
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.") from None
    except ValueError as error:
        raise BadRequest(f"The body cannot be read: {error}.") from None
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        invalid = invalid_input(error)
    raise invalid


def idempotency_key() -> IdempotencyKey | None:
    """Return the key of the current request; `None` without one.

    Raises `BadRequest` (400) for an invalid key and for more than one, and the errors of `raw_body`.
    """
    sent = request.headers.get(IDEMPOTENCY_KEY)
    if sent is None:
        return None
    match = _IDEMPOTENCY_KEY_VALUE.fullmatch(sent)
    if match is None:
        raise BadRequest(f"Send one {IDEMPOTENCY_KEY} of 1 to 255 letters, digits and . _ ~ : + / = -, such as a UUID.")
    fingerprint = sha256(request.path.encode("utf-8", "surrogatepass") + b"\n" + raw_body(request))
    return IdempotencyKey(match["quoted"] or match["bare"], fingerprint.hexdigest())


def invalid_input(error: ValidationError, pointer_prefix: str = "") -> InvalidInput:
    """Return the error for a value that does not fit its schema, with a JSON pointer for each part at fault.

    Names `MAX_NAMED_FIELDS` parts at most, as they come from the caller.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = tuple(
        (pointer_prefix + _json_pointer(details["loc"]), _error_message(details))
        for details in found[:MAX_NAMED_FIELDS]
    )
    return InvalidInput(_error_summary(len(found)), errors)


def note_wrong_key() -> None:
    """Count a request with a wrong key or token, and mark it: many of them make an address wait."""
    app_state().metrics.wrong_keys.inc()
    request.environ[AUTHENTICATED] = False


def _site_of_token(text: str, purpose: Purpose | None, *, recall: bool) -> Site:
    try:
        site, token = authenticate_token(app_state().services, text, recall=recall)
    except AuthenticationFailed:
        note_wrong_key()
        raise
    request.environ[AUTHENTICATED] = True
    if purpose is not None and token is not None and purpose not in token.purposes:
        raise Forbidden(f"This token is not for `{purpose}`: its purposes are {', '.join(sorted(token.purposes))}.")
    return site


def _reject_constant(name: str) -> NoReturn:
    raise BadRequest(f"The body is not JSON: {name} is not a number there.")


def _reject_duplicate_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise BadRequest("The body names a member of an object twice; which one counts would be a guess.")
    return members


def _json_pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _error_message(details: Any) -> str:
    match details["type"]:
        case "extra_forbidden":
            return "This field is not known."
        case "missing":
            return "This field is required."
        case "model_type" | "model_attributes_type":
            return "This should be an object."
        case _:
            return f"{details['msg']}."


def _error_summary(count: int) -> str:
    if count == 1:
        return "One part of the body cannot be used; `errors` names it."
    if count <= MAX_NAMED_FIELDS:
        return f"{count} parts of the body cannot be used; `errors` names them."
    more = count - MAX_NAMED_FIELDS
    return f"{count} parts of the body cannot be used; `errors` names {MAX_NAMED_FIELDS} of them and leaves {more} out."
