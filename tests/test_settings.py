"""Settings of the adviser, the jobs and the OIDC provider: a bad one ends the start with a sentence."""

from pathlib import Path

import pytest

from moderation.actions.services import Services
from moderation.domain.errors import InvalidInput
from moderation.settings import Settings
from moderation.wiring import open_services, retraining_plan

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


PROVIDER = {
    "MODERATION_PUBLIC_URL": "https://moderation.example",
    "MODERATION_OIDC_ISSUER": "https://login.example/realms/team/",
    "MODERATION_OIDC_CLIENT_ID": "moderation",
    "MODERATION_OIDC_CLIENT_SECRET": "sk-secret",
    "MODERATION_OIDC_ROLES": '{"editors": "moderator"}',
}


@pytest.mark.parametrize("change", [{}, {"MODERATION_OIDC_ISSUER": "http://127.0.0.1:8080/realms/team"}])
def test_a_provider_is_named(monkeypatch: pytest.MonkeyPatch, change: dict[str, str]) -> None:
    """To the letter, as its documents name it; the secret is not shown."""
    settings = read(monkeypatch, PROVIDER | change)
    assert settings.oidc_issuer == (PROVIDER | change)["MODERATION_OIDC_ISSUER"]
    assert "sk-secret" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MODERATION_PUBLIC_URL": ""}, "MODERATION_PUBLIC_URL: set it, too"),
        ({"MODERATION_OIDC_CLIENT_ID": ""}, "MODERATION_OIDC_CLIENT_ID, too"),
        ({"MODERATION_OIDC_CLIENT_ID": "a b"}, "MODERATION_OIDC_CLIENT_ID, too"),
        ({"MODERATION_OIDC_ISSUER": "http://login.example"}, "this is no issuer"),
        ({"MODERATION_OIDC_ISSUER": "http://10.0.0.7"}, "this is no issuer"),
        ({"MODERATION_OIDC_ISSUER": "login.example"}, "this is no issuer"),
        ({"MODERATION_OIDC_ISSUER": "https://Login.example"}, "this is no issuer"),
        ({"MODERATION_OIDC_ISSUER": "https://login.example?a=b"}, "this is no issuer"),
        ({"MODERATION_OIDC_ISSUER": "https://a:b@login.example"}, "this is no issuer"),
        ({"MODERATION_OIDC_ISSUER": "https://lögin.example"}, "this is no issuer"),
        ({"MODERATION_OIDC_ISSUER": "https://login.example/" + "x" * 500}, "at most 500"),
        ({"MODERATION_OIDC_SCOPES": "profile"}, "openid must be one of the scopes"),
        ({"MODERATION_OIDC_SCOPES": "openid\nprofile"}, "openid must be one of the scopes"),
        ({"MODERATION_OIDC_ROLES": "editors=moderator"}, "no JSON"),
        ({"MODERATION_OIDC_ROLES": '{"editors": "chief"}'}, "A role is owner, operator, moderator, reader"),
    ],
)
def test_a_provider_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, change: dict[str, str], words: str) -> None:
    """The sentence says which variable is wrong, and repeats no secret."""
    with pytest.raises(InvalidInput) as error:
        read(monkeypatch, PROVIDER | change)
    assert words in str(error.value) and "sk-secret" not in str(error.value)


@pytest.fixture
def with_provider(services: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Return settings of the provider, with its secret in a file that is not there, and a database that is."""
    places = {"VAR": settings.var, "MODELS": settings.models, "DATABASE_URL": settings.database_url}
    places["OIDC_CLIENT_SECRET_FILE"] = tmp_path / "secret"
    return read(monkeypatch, PROVIDER | {f"MODERATION_{name}": str(place) for name, place in places.items()})


def test_the_secret_may_be_in_a_file(with_provider: Settings, tmp_path: Path) -> None:
    """Without its line break. A file that cannot be read ends the start with a sentence."""
    with pytest.raises(InvalidInput, match="MODERATION_OIDC_CLIENT_SECRET_FILE"):
        open_services(with_provider)
    (tmp_path / "secret").write_text("from the file\n")
    opened = open_services(with_provider)
    assert opened.provider and opened.provider.client.client_secret == "from the file"
    opened.engine.dispose()
    (tmp_path / "secret").write_text("söcret")
    with pytest.raises(InvalidInput, match="ASCII"):
        open_services(with_provider)


def test_the_extra_must_be_installed(with_provider: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start says how, and not the first person who signs in."""
    monkeypatch.setattr("moderation.wiring.find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match=r"pip install 'moderation\[oidc\]'"):
        open_services(with_provider)
