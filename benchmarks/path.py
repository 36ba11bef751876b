"""The path of a comment through the package: functions and files of `moderation/` that one request enters.

A profiler records the Python functions during one warm request to the Flask application. The database is SQLite, the
model is the live model of the checkout. `features/` and `scoring/` are left out, because they are the computation
itself. A comprehension counts as part of its function. Of three verdicts the longest path is measured against the bars.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import moderation
from benchmarks.rows import ROOT, Row, at_most, figure
from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_thresholds
from moderation.domain.thresholds import Thresholds
from moderation.settings import Settings
from moderation.web.app import create_app
from moderation.wiring import prepare

MAX_FUNCTIONS = 25
MAX_FILES = 14

PACKAGE = Path(moderation.__file__).parent
COMPUTATION = ("features", "scoring")
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")

_KEY, _BLOG = "0123456789ab", "https://blog.example"
_WARM_REQUESTS = 5
_NEVER, _ALWAYS = 1.0, 1e-12
_VERDICTS = {
    "publish": Thresholds(_NEVER, _NEVER, _NEVER),
    "review": Thresholds(_ALWAYS, _NEVER, _NEVER),
    "spam": Thresholds(_ALWAYS, _ALWAYS, _NEVER),
}

Request = Callable[[FlaskClient, str], TestResponse]


@dataclass(frozen=True, slots=True)
class CallPath:
    """The functions that a request entered, by file, in the order of their first call."""

    functions: Mapping[str, list[str]]

    @property
    def count(self) -> int:
        """Number of functions."""
        return sum(map(len, self.functions.values()))

    def __str__(self) -> str:
        """List each file with its functions."""
        return "\n".join(f"  {file}: {', '.join(functions)}" for file, functions in self.functions.items())


@dataclass(slots=True)
class CallRecorder:
    """A profile function that records the code objects called in any thread while it is switched on."""

    recording: bool = False
    codes: dict[CodeType, None] = field(default_factory=dict)

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Record one event."""
        if self.recording and event == "call":
            self.codes.setdefault(frame.f_code)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Profile this thread, and threads started within the block."""
        threading.setprofile(self)
        sys.setprofile(self)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def record(self, call: Callable[[], object]) -> CallPath:
        """Return the functions of the package that a call enters."""
        self.codes.clear()
        self.recording = True
        try:
            call()
        finally:
            self.recording = False
        return CallPath(_by_file(self.codes))


def _by_file(codes: Mapping[CodeType, None]) -> dict[str, list[str]]:
    functions: dict[str, list[str]] = {}
    for code in codes:
        path = Path(code.co_filename)
        if path.is_relative_to(PACKAGE) and code.co_name not in _COMPREHENSIONS:
            file = path.relative_to(PACKAGE)
            if file.parts[0] not in COMPUTATION:
                functions.setdefault(file.as_posix(), []).append(code.co_qualname)
    return functions


def score(client: FlaskClient, text: str) -> TestResponse:
    """Call our own API."""
    comment = {"text": text, "author": "Ann", "url": "https://ann.example", "email": "ann@ann.example"}
    return client.post("/v1/score", json=comment, headers={"Authorization": f"Bearer {_KEY}"})


def comment_check(client: FlaskClient, text: str) -> TestResponse:
    """Call Akismet's API."""
    comment = {"comment_content": text, "comment_author": "Ann", "comment_author_url": "https://ann.example"}
    return client.post("/1.1/comment-check", data={"api_key": _KEY, "blog": _BLOG, "user_ip": "192.0.2.7", **comment})


def measure() -> list[Row]:
    """Return the number of functions and files for both APIs, and print the path of each verdict."""
    with TemporaryDirectory() as folder:
        settings = Settings(var=Path(folder) / "var", models=ROOT / "models", database_url="")
        recorder = CallRecorder()
        with recorder.installed():
            services = prepare(settings)
            try:
                return _measure(services, create_app(services, settings).test_client(), recorder)
            finally:
                services.engine.dispose()


def _measure(services: Services, client: FlaskClient, recorder: CallRecorder) -> list[Row]:
    add_site(services, _BLOG, _KEY)
    ours = _longest_path("POST /v1/score", score, services, client, recorder)
    akismet = _longest_path("Akismet's comment-check", comment_check, services, client, recorder)
    unit = f"outside {' and '.join(COMPUTATION)}"
    return [
        at_most("POST /v1/score, warm: functions entered", ours.count, MAX_FUNCTIONS, f"functions {unit}"),
        at_most("POST /v1/score, warm: files entered", len(ours.functions), MAX_FILES, f"files {unit}"),
        figure("Akismet's comment-check, warm: functions entered", akismet.count, f"functions {unit}"),
        figure("Akismet's comment-check, warm: files entered", len(akismet.functions), f"files {unit}"),
    ]


def _longest_path(
    name: str, request: Request, services: Services, client: FlaskClient, recorder: CallRecorder
) -> CallPath:
    """Return the longest path of the three verdicts, each for a new comment after some others."""
    paths = []
    for verdict, thresholds in _VERDICTS.items():
        set_thresholds(services, _BLOG, thresholds)
        for number in range(_WARM_REQUESTS):
            _check(request(client, f"Comment {number}, {verdict}: thank you, this helped me."))
        path = recorder.record(lambda: _check(request(client, "Thank you, the second step was what I had missed.")))
        print(f"{name}, verdict {verdict}: {path.count} functions in {len(path.functions)} files")
        paths.append(path)
    longest = max(paths, key=lambda path: path.count)
    print(f"The longest of them:\n{longest}")
    return longest


def _check(response: TestResponse) -> None:
    assert response.status_code == 200, response.text
