"""The examples and the page run as they are, before a comment is saved."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from examples.flask_comments import comments
from moderation.client import Answer, Client
from tests.client.conftest import Installed
from tests.client.stub import KEY, Stub

ROOT = Path(__file__).parents[2]
MAX_LINES = 22
FORM = {"text": "Thank you.", "author": "Ana", "email": "ana@example.org"}
DJANGO_BLOG = {
    "blog/__init__.py": "",
    "blog/apps.py": """
from django.apps import AppConfig

class Blog(AppConfig):
    name = "blog"
    default_auto_field = "django.db.models.AutoField"

    def ready(self):
        import examples.django_comments
""",
    "blog/models.py": """
from django.db import models

class Comment(models.Model):
    text = models.TextField()
    author = models.TextField()
    email = models.TextField()
    url = models.TextField()
    is_public = models.BooleanField(default=False)
    is_spam = models.BooleanField(default=False)
    decision_id = models.TextField()

    @property
    def post_url(self):
        return "https://blog.example.org/1"
""",
    "save.py": """
import json, sys
import django
from django.conf import settings

address, key, spool = sys.argv[1:]
settings.configure(
    INSTALLED_APPS=["blog.apps.Blog"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MODERATION_ADDRESS=address, MODERATION_KEY=key, MODERATION_SPOOL=spool,
)
django.setup()
from django.db import connection
from blog.models import Comment

with connection.schema_editor() as editor:
    editor.create_model(Comment)
comment = Comment.objects.create(text="Thank you.", author="Ana", email="ana@example.org")
comment.text += " Again."
comment.save()
print(json.dumps([comment.is_public, comment.is_spam, comment.decision_id]))
""",
}


def post(client: Client) -> tuple[str, list[dict[str, Any]]]:
    """Post a comment to the Flask blog; return the page and the comments that it saved."""
    saved: list[dict[str, Any]] = []
    app = Flask(__name__)

    def save(slug: str, text: str, **more: Any) -> None:
        saved.append({"slug": slug, "text": text, **more})

    app.register_blueprint(comments(client, save))  # type: ignore[no-untyped-call]  # untyped, to be short
    return app.test_client().post("/posts/bread/comments", data=FORM).text, saved


def save_with_django(folder: Path, address: str) -> list[Any]:
    """Run the Django blog, which saves a comment and edits it; return its state."""
    for name, content in DJANGO_BLOG.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    result = subprocess.run(
        [sys.executable, "save.py", address, KEY, str(folder / "spool")],
        cwd=folder,
        env={"PYTHONPATH": f"{ROOT}:{folder}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    state: list[Any] = json.loads(result.stdout)
    return state


@pytest.mark.parametrize("name", ["flask_comments", "django_comments"])
def test_an_example_is_short(name: str) -> None:
    """Of some twenty lines, so that it is read before it is copied."""
    assert len((ROOT / "examples" / f"{name}.py").read_text("utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("verdict", ["publish", "review", "spam", "discard"])
def test_the_flask_example_saves_the_verdict(stub: Stub, verdict: str) -> None:
    """With the id of the decision; blatant spam is not saved."""
    stub.verdict = verdict
    page, saved = post(stub.client())
    assert ("waits" in page) == (verdict != "publish")
    assert [(comment["status"], comment["author"], comment["url"]) for comment in saved] == (
        [] if verdict == "discard" else [(verdict, "Ana", None)]
    )
    assert [comment["decision_id"] for comment in saved] == ([] if verdict == "discard" else [*stub.decisions.values()])
    assert stub.calls[0].body == {**FORM, "permalink": "http://localhost/posts/bread/comments"}


@pytest.mark.parametrize(
    ("verdict", "state"), [("publish", [True, False]), ("review", [False, False]), ("spam", [False, True])]
)
def test_the_django_example_saves_the_verdict(stub: Stub, tmp_path: Path, verdict: str, state: list[bool]) -> None:
    """With the id of the decision; an edit is not judged again."""
    pytest.importorskip("django", reason="Django is not installed.")
    stub.verdict = verdict
    state = save_with_django(tmp_path, stub.address)
    assert state == [verdict == "publish", verdict == "spam", *stub.decisions.values()]
    (call,) = stub.calls
    assert call.body == {**FORM, "url": "", "permalink": "https://blog.example.org/1"}


def test_the_examples_without_a_service(stub: Stub, tmp_path: Path) -> None:
    """The comment is saved and held, and waits in the spool."""
    pytest.importorskip("django", reason="Django is not installed.")
    stub.faults = ["500"]
    page, saved = post(stub.client(timeout_seconds=0.2))
    assert "waits" in page and [comment["status"] for comment in saved] == ["review"]
    assert save_with_django(tmp_path, stub.address) == [False, False, ""]
    stub.faults = [""]
    assert stub.client(spool=tmp_path / "spool").deliver().comments == 1


def test_the_examples_with_the_service_itself(installed: Installed, tmp_path: Path) -> None:
    """Both blogs have a decision that the service stored."""
    pytest.importorskip("django", reason="Django is not installed.")
    with installed.served():
        _, saved = post(Client(installed.address, KEY, timeout_seconds=10.0))
        *_, decision_id = save_with_django(tmp_path, installed.address)
    assert saved[0]["decision_id"] and decision_id and installed.count("decisions") == 2


def test_the_code_of_the_page_runs(stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Block after block, with the address and the folder of this test in place of those of the page."""
    page = (ROOT / "docs" / "client.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = dict.fromkeys(("text", "name", "email", "home_page", "post_url"), "Thank you.")
    for block in blocks:
        code = block.replace("https://moderation.example.org", stub.address).replace("/var/lib/blog", str(tmp_path))
        exec(code, names)
    answer = names["answer"]
    assert isinstance(answer, Answer) and stub.labels == {answer.decision_id: ["spam"]}
    assert names["is_public"] is True and capsys.readouterr().out == "0 0 0 0\n"
