"""A call to the operator's own model keeps the rules of other calls, with any server."""

from collections.abc import Iterator
from time import monotonic

import pytest

from moderation.outbound.addresses import DeliveryError
from moderation.outbound.chat import MAX_TOKENS, ChatServer, ask
from tests.model_server import SPAM, ModelServer, answering

MESSAGES = [{"role": "user", "content": "Is it ☃?"}]
KEY = "sk-very-secret"


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with answering() as server:
        yield server


def test_the_question_arrives(model: ModelServer) -> None:
    """With the model's name, the key as a bearer token, and the options."""
    assert ask(model.adviser(key=KEY), MESSAGES) == SPAM
    (question,) = model.questions
    assert question.path == "/v1/chat/completions" and question.headers["authorization"] == f"Bearer {KEY}"
    assert question.body == {
        "model": "llama3.1",
        "messages": MESSAGES,
        "response_format": {"type": "json_object"},
        "temperature": 0,
        "max_tokens": MAX_TOKENS,
    }


def test_without_a_key_none_is_sent(model: ModelServer) -> None:
    """Most servers on the operator's own machine have none."""
    ask(model.adviser(), MESSAGES)
    assert "authorization" not in model.questions[0].headers


@pytest.mark.parametrize("option", ["response_format", "temperature", "max_tokens"])
def test_a_server_without_an_option_is_asked_without_any(model: ModelServer, option: str) -> None:
    """At once: the refusal costs the server nothing."""
    model.refused = option
    assert ask(model.adviser(), MESSAGES) == SPAM
    assert [set(question.body) for question in model.questions][1:] == [{"model", "messages"}]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "ADVISER_KEY"),
        (403, "ADVISER_KEY"),
        (404, "ADVISER_MODEL"),
        (400, "400"),
        (429, "429"),
        (500, "see its log"),
    ],
)
def test_an_error_says_what_to_do(model: ModelServer, status: int, words: str) -> None:
    """It quotes neither the server nor the key."""
    model.status, model.body = status, b"<b>hostile</b>"
    with pytest.raises(DeliveryError, match=words) as error:
        ask(model.adviser(key=KEY), MESSAGES)
    assert "hostile" not in str(error.value) and KEY not in str(error.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome</html>",
        b"\xff\xfe",
        b"[]",
        b'{"choices": []}',
        b'{"choices": {"0": 1}}',
        b'{"choices": [{"message": null}]}',
        b"[" * 60_000,
        b'{"choices": [{"message": {"content": "' + b"x" * 10_000_000 + b'"}}]}',
    ],
    ids=lambda body: body[:30].decode("latin-1") or "empty",
)
def test_garbage_is_an_error(model: ModelServer, body: bytes) -> None:
    """Of ten megabytes the beginning is read, which is no JSON."""
    model.body = body
    with pytest.raises(DeliveryError, match="not that of a chat"):
        ask(model.adviser(), MESSAGES)


def test_an_answer_without_content_is_empty(model: ModelServer) -> None:
    """Such as that of a model which refuses."""
    model.content = None
    assert ask(model.adviser(), MESSAGES) == ""


def test_a_redirect_is_not_followed(model: ModelServer) -> None:
    """No other host gets the comment."""
    with answering("127.0.0.2") as elsewhere:
        model.redirect = f"{elsewhere.url}/chat/completions"
        with pytest.raises(DeliveryError, match="307"):
            ask(model.adviser(), MESSAGES)
        assert elsewhere.questions == []


def test_a_server_that_hangs_up_is_an_error(model: ModelServer) -> None:
    """So is one that is not there."""
    model.hangs_up = True
    with pytest.raises(DeliveryError):
        ask(model.adviser(), MESSAGES)
    with pytest.raises(DeliveryError):
        ask(ChatServer("http://127.0.0.1:9/v1", "m", "", 5), MESSAGES)


@pytest.mark.parametrize("where", ["before", "within"])
def test_a_slow_answer_ends_at_the_deadline(model: ModelServer, where: str) -> None:
    """Silence and a body that comes byte by byte end at the same time."""
    if where == "before":
        model.may_answer.clear()
    model.drips = where == "within"
    began = monotonic()
    with pytest.raises(DeliveryError, match="in time"):
        ask(model.adviser(seconds=0.4), MESSAGES)
    assert 0.3 < monotonic() - began < 5


def test_a_refusal_and_the_second_call_share_one_deadline(model: ModelServer) -> None:
    """The call without the options has the rest of the time."""
    model.refused, model.refusal_seconds, model.drips = "temperature", 1.5, True
    began = monotonic()
    with pytest.raises(DeliveryError, match="in time"):
        ask(model.adviser(seconds=2), MESSAGES)
    assert len(model.questions) == 2 and 1.9 < monotonic() - began < 3


def test_no_proxy_of_the_environment_is_used(model: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would read the comments."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(model.adviser(), MESSAGES) == SPAM


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "[fe80::1]", "[ff02::1]"])
def test_special_addresses_are_not_called(host: str) -> None:
    """Although the operator named the host: there is a cloud's own data, and no model."""
    with pytest.raises(DeliveryError, match="no address that may be called"):
        ask(ChatServer(f"http://{host}/v1", "m", "", 5), MESSAGES)


def test_the_key_is_not_shown() -> None:
    """Not even where the settings are printed for debugging."""
    assert KEY not in repr(ChatServer("http://127.0.0.1/v1", "m", KEY, 5))
