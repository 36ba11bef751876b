"""Skip a test where the machine lacks a tool; under CI, which could have installed it, the test fails."""

import os
import shutil
from typing import NoReturn

import pytest


def skip_or_fail(missing: str) -> NoReturn:
    """End the test for want of something: as failed if the variable `CI` is set, else as skipped."""
    if os.environ.get("CI"):
        pytest.fail(f"Missing here: {missing}.", pytrace=False)
    pytest.skip(f"Missing here: {missing}.")


def require_tools(**tools: str) -> None:
    """End the test if a tool is missing. The value of each is the package that has it."""
    for tool, package in tools.items():
        if not shutil.which(tool):
            skip_or_fail(f"{tool} (of the package {package})")
