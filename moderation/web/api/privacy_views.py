"""`/v1/privacy/export` and `/v1/privacy/erasure`: all that is stored about a person, for tokens with the purpose admin.

The person stands in the body, as addresses of requests come into logs.
"""

from flask import Response, stream_with_context

from moderation.actions.erasure import erase_person, export_person
from moderation.actions.receipts import signed
from moderation.domain.person import Identifier, Person
from moderation.web.api.privacy_schemas import PersonRequest, ReceiptResponse
from moderation.web.json_text import to_json
from moderation.web.requests import administered_site, read_body, services

CHANNEL = "api"


def export() -> Response:
    """Return a line of JSON for each comment of a person."""
    site = administered_site()
    lines = export_person(services(), site, _person())
    return Response(stream_with_context(lines), mimetype="application/x-ndjson")


def erase() -> Response:
    """Erase all that is stored about a person, and return the receipt."""
    site = administered_site()
    receipt = erase_person(services(), site, _person(), CHANNEL)
    body = ReceiptResponse.model_validate(signed(services(), receipt))
    return Response(to_json(body.model_dump()), mimetype="application/json")


def _person() -> Person:
    body = read_body(PersonRequest)
    return Person(Identifier(body.by), body.value)
