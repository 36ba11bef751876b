"""The lock files pin what they are for, in the same versions."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = {
    "requirements.lock": ["build"],
    "requirements-reader.lock": ["build", "reader"],
    "requirements-container.lock": ["build", "reader", "postgres", "oidc"],
    "tests/requirements.lock": ["test", "docs", "release"],
}


def pins(name: str) -> dict[str, str]:
    """Return the version of each package of a lock file."""
    found = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    return {normalized(package): version for package, version in found}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required(extras: list[str]) -> set[str]:
    lines = PROJECT["dependencies"] + [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return {normalized(re.split(r"[\[<>=]", line)[0]) for line in lines}


@pytest.mark.parametrize("name", EXTRAS)
def test_a_lock_has_all_packages_of_its_extras(name: str) -> None:
    """Else pip would refuse the package without a hash, or a part of the service would be missing."""
    assert required(EXTRAS[name]) - pins(name).keys() == set()


def test_all_locks_pin_the_same_versions() -> None:
    """The container runs the versions that the tests have run with."""
    tested = pins("tests/requirements.lock")
    for name in EXTRAS:
        assert {
            package: version for package, version in pins(name).items() if tested.get(package, version) != version
        } == {}


def test_the_container_installs_its_lock() -> None:
    """The Dockerfile names it, the build can read it, and the release audits it."""
    lock = "requirements-container.lock"
    assert (ROOT / "Dockerfile").read_text("utf-8").count(lock) == 2
    assert f"!{lock}\n" in (ROOT / ".dockerignore").read_text("utf-8")
    assert f"pip_audit --requirement {lock}" in (ROOT / ".ci" / "release").read_text("utf-8")
