"""Plugin of pytest for `make fuzz`: prints the number of inputs that the tests sent."""

import re
from collections import Counter
from collections.abc import Generator

import pytest

_PASSING = re.compile(r"(\d+) passing")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach to the report of a test how many inputs it passed, as hypothesis counts them."""
    report = yield
    statistics = getattr(item, "hypothesis_statistics", "")
    if report.when == "teardown":
        report.user_properties.append(("inputs", sum(map(int, _PASSING.findall(statistics)))))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sum over all tests, apart for those over HTTP."""
    inputs: Counter[bool] = Counter()
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        for name, value in getattr(report, "user_properties", ()):
            inputs["fuzz" in report.keywords] += value if name == "inputs" else 0
    terminalreporter.write_line(f"Inputs passed: {inputs[True]:,} over HTTP, {inputs[False]:,} in the test's process.")
