"""The service that the tests over HTTP share, once on each database."""

import json
from collections.abc import Iterator

import pytest

from tests.fuzz.served import KEY, FuzzedService, fuzzed_service
from tests.postgresql import find_binaries


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzedService]:
    """Yield a real service on a new database. At its end it must be unharmed."""
    if request.param == "postgresql" and find_binaries() is None:
        pytest.skip("PostgreSQL's programs are not installed.")
    with fuzzed_service(tmp_path_factory.mktemp("service"), request.param) as fuzzed:
        yield fuzzed


@pytest.fixture(scope="session")
def decision_id(service: FuzzedService) -> str:
    """Return the id of a decision that exists."""
    headers = [("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/json")]
    return str(json.loads(service.send("POST", "/v1/score", headers, b'{"text": "Buy cheap shoes"}').body)["id"])
