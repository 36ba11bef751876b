"""Settings of the adviser and of the jobs: a bad one ends the start with a sentence that says what to do."""

import pytest

from moderation.domain.errors import InvalidInput
from moderation.settings import Settings
from moderation.wiring import retraining_plan

LOCAL = {"MODERATION_ADVISER_URL": "http://127.0.0.1:11434/v1", "MODERATION_ADVISER_MODEL": "llama3.1"}
REMOTE = LOCAL | {"MODERATION_ADVISER_URL": "https://models.example/v1", "MODERATION_ADVISER_KEY": "sk-secret"}


def read(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings.from_environment()


def test_no_model_is_asked_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a model alone asks nothing."""
    assert read(monkeypatch, {"MODERATION_ADVISER_MODEL": "llama3.1"}).adviser_url == ""


@pytest.mark.parametrize(
    "variables",
    [
        LOCAL,
        REMOTE,
        LOCAL | {"MODERATION_ADVISER_KEY": "sk-secret"},
        LOCAL | {"MODERATION_ADVISER_KEY": "sk-secret", "MODERATION_ADVISER_URL": "http://[::1]:8080/v1"},
        LOCAL | {"MODERATION_ADVISER_URL": "http://gpu.example:8000/v1/"},
    ],
)
def test_usable_settings(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """This machine, and any host that the operator names; the key is not shown."""
    settings = read(monkeypatch, variables)
    assert settings.adviser_url == variables["MODERATION_ADVISER_URL"].rstrip("/")
    assert "sk-secret" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MODERATION_ADVISER_MODEL": ""}, "MODERATION_ADVISER_MODEL, too"),
        ({"MODERATION_ADVISER_URL": "models.example/v1"}, "such as http://127.0.0.1:11434/v1"),
        ({"MODERATION_ADVISER_URL": "ftp://models.example/v1"}, "such as http"),
        ({"MODERATION_ADVISER_URL": "file:///etc/passwd"}, "such as http"),
        ({"MODERATION_ADVISER_URL": "https://user:password@models.example/v1"}, "such as http"),
        ({"MODERATION_ADVISER_URL": "https://models.example/v1?key=sk-secret"}, "such as http"),
        ({"MODERATION_ADVISER_URL": "https://modèles.example/v1"}, "in ASCII"),
        ({"MODERATION_ADVISER_URL": "https://models.example/v1/chat/completions"}, "leave /chat/completions out"),
        ({"MODERATION_ADVISER_URL": "http://models.example/v1"}, "use https in MODERATION_ADVISER_URL"),
        ({"MODERATION_ADVISER_URL": "http://10.0.0.7/v1"}, "use https in MODERATION_ADVISER_URL"),
        ({"MODERATION_ADVISER_KEY": "sk-secret\nX-Other: 1"}, "without spaces"),
        ({"MODERATION_ADVISER_KEY": "sk-sécret"}, "ASCII"),
        ({"MODERATION_ADVISER_TIMEOUT_SECONDS": "0"}, "MODERATION_ADVISER_TIMEOUT_SECONDS"),
        ({"MODERATION_ADVISER_MAX_PER_MINUTE": "0"}, "MODERATION_ADVISER_MAX_PER_MINUTE"),
    ],
)
def test_bad_combinations_are_refused(monkeypatch: pytest.MonkeyPatch, change: dict[str, str], words: str) -> None:
    """The sentence names the variable and repeats no value: it may be the key."""
    with pytest.raises(InvalidInput) as error:
        read(monkeypatch, REMOTE | change)
    assert words in str(error.value) and next(iter(change)).partition("=")[0][:18] in str(error.value)
    assert "sk-s" not in str(error.value) and "password@" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MODERATION_RETRAIN_ARGUMENTS": "'corpus.csv"}, "quotation mark"),
        ({"MODERATION_RETRAIN_ARGUMENTS": "--id mine"}, "leave --id out"),
        ({"MODERATION_RETRAIN_ARGUMENTS": "--id=mine"}, "leave --id out"),
        ({"MODERATION_RETRAIN_DAYS": "-1"}, "MODERATION_RETRAIN_DAYS"),
        ({"MODERATION_RETRAIN_MAX_HOURS": "0"}, "MODERATION_RETRAIN_MAX_HOURS"),
        ({"MODERATION_JOBS": "elsewhere"}, "'inside' or 'worker'"),
    ],
)
def test_bad_settings_of_jobs_are_refused(monkeypatch: pytest.MonkeyPatch, change: dict[str, str], words: str) -> None:
    """At the start, not when a retraining is due."""
    with pytest.raises(InvalidInput, match=words):
        read(monkeypatch, change)


def test_a_retraining_has_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off by default. A path may have spaces."""
    assert retraining_plan(read(monkeypatch, {})) is None
    variables = {"MODERATION_RETRAIN_DAYS": "7", "MODERATION_RETRAIN_ARGUMENTS": "'my corpus.csv' --memory 512"}
    plan = retraining_plan(read(monkeypatch, variables))
    assert plan and list(plan.command[-4:]) == ["retrain", "my corpus.csv", "--memory", "512"]
