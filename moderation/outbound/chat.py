"""Ask a language model at an OpenAI-compatible address, by the same rules as all other calls."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from moderation.outbound.addresses import DeliveryError
from moderation.outbound.post import Response, post

MAX_TOKENS = 1_000
"""Limit of an answer, which bounds the cost of a model that was led to talk."""

_OPTIONS = {"response_format": {"type": "json_object"}, "temperature": 0, "max_tokens": MAX_TOKENS}
_REFUSES_OPTIONS = frozenset({400, 422})
_ADVICE = {
    401: "check MODERATION_ADVISER_KEY",
    403: "check MODERATION_ADVISER_KEY",
    404: "check MODERATION_ADVISER_URL and MODERATION_ADVISER_MODEL",
}


@dataclass(frozen=True, slots=True)
class ChatServer:
    """The server that the operator named, and the model there. A call ends `seconds` after it began."""

    url: str
    model: str
    key: str = field(repr=False)
    seconds: float


def ask(server: ChatServer, messages: Sequence[Mapping[str, str]]) -> str:
    """Return the text of the model's answer to messages.

    A server that refuses the request is asked again without the options that some do not have, within the same time.
    Raises `DeliveryError` if the server gives no answer. Its message quotes nothing of the server.
    """
    end = monotonic() + server.seconds
    question = {"model": server.model, "messages": messages}
    response = _post(server, question | _OPTIONS, server.seconds)
    if response.status in _REFUSES_OPTIONS:
        response = _post(server, question, end - monotonic())
    if response.status != 200:
        advice = _ADVICE.get(response.status, "see its log")
        raise DeliveryError(f"The server answered with status {response.status}: {advice}.")
    return _content(response.body)


def _post(server: ChatServer, question: Mapping[str, object], seconds: float) -> Response:
    headers = {"Content-Type": "application/json"}
    if server.key:
        headers["Authorization"] = f"Bearer {server.key}"
    body = json.dumps(question).encode("ascii")
    # The operator named the host, so a private address is allowed.
    return post(f"{server.url}/chat/completions", body, headers, allow_private=True, seconds=seconds)


def _content(body: bytes) -> str:
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise DeliveryError("The answer is not that of a chat: check MODERATION_ADVISER_URL.") from None
    return content if isinstance(content, str) else ""
