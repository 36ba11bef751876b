"""What a machine lacks for a test: a reason to skip, but not where CI could have installed it."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Ends the test that needs `what`: failed under CI, else skipped."""
    if os.environ.get("CI"):
        pytest.fail(f"Missing here: {what}.", pytrace=False)
    pytest.skip(f"Missing here: {what}.")


def need(**tools: str) -> None:
    """Ends the test where one of `tools` is missing; each with the package it comes with."""
    for tool, package in tools.items():
        if not shutil.which(tool):
            missing(f"{tool}: it comes with the package {package}")
