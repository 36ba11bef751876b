"""Exports made by the real programs are imported: Debian's WordPress and Isso from PyPI."""

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.prerequisites import skip_or_fail
from tests.e2e.service import Service
from tests.e2e.wordpress import Installed, installed, missing_requirements
from tests.exports.samples import AWKWARD, AWKWARD_URL

ISSO = "isso==0.14.0"
HAM = 600

# Comments as visitors and moderators leave them, and a history that is long enough for both guarantees.
_COMMENTS = f"""
$post = wp_insert_post(array('post_title' => 'Rye & "salt"', 'post_status' => 'publish', 'post_author' => 1));
function add($post, $text, $more = array()) {{
  return wp_insert_comment(wp_slash(array_merge(array('comment_post_ID' => $post, 'comment_content' => $text,
    'comment_author' => 'Ida Moss', 'comment_author_email' => 'ida@moss.example', 'comment_approved' => 1,
    'comment_author_url' => {json.dumps(AWKWARD_URL)}), $more)));
}}
$first = add($post, json_decode(base64_decode('{base64.b64encode(json.dumps(AWKWARD).encode()).decode()}')));
add($post, 'How long did it rest?', array('comment_parent' => $first, 'comment_author' => 'Paul'));
add($post, 'Waits for approval.', array('comment_approved' => 0));
add($post, 'Cheap pills at http://pills.example', array('comment_approved' => 'spam'));
add($post, 'Thrown away.', array('comment_approved' => 'trash'));
add($post, '[...] a mill in the valley [...]', array('comment_type' => 'pingback', 'comment_author' => 'The mill'));
for ($i = 0; $i < {HAM}; $i++) add($post, "My aunt made the soup of number $i, and we liked it.");
"""
_ISSO = """
import os, sys, isso
from isso import config
from isso.db import SQLite3
database = SQLite3(sys.argv[1], config.load(os.path.join(os.path.dirname(isso.__file__), "isso.cfg")))
database.threads.new("/rye/", "Rye & salt")
def add(text, mode=1, parent=None, **more):
    fields = {"author": None, "email": None, "website": None, "remote_addr": "192.0.2.0", "notification": 0}
    comment = fields | more | {"text": text, "mode": mode, "parent": parent}
    return database.comments.add("/rye/", comment)["id"]
ida = add("My starter sleeps in the fridge.", author="Ida Moss", email="ida@moss.example", website="https://m.example")
add("How *long*?", parent=ida, author="Paul")
add("Waits.", mode=2)
gone = add("Regretted.")
add("An answer to it.", parent=gone)
database.comments.delete(gone)
"""

pytestmark = pytest.mark.e2e


@pytest.fixture
def service(tmp_path: Path) -> Service:
    service = Service(tmp_path)
    service.prepare()
    return service


@pytest.fixture(scope="module")
def blog() -> Iterator[Installed]:
    """A WordPress whose first post has all kinds of comments."""
    if missing := missing_requirements():
        skip_or_fail(f"{missing}, for a real WordPress")
    # A socket has a short path.
    with tempfile.TemporaryDirectory(prefix="wp") as folder, installed(Path(folder)) as blog:
        blog.php(_COMMENTS)
        yield blog


def run_import(service: Service, kind: str, path: Path) -> Any:
    site = json.loads(service.moderation("site", "list", "--json"))[0]["url"]
    return json.loads(service.moderation("import", kind, str(path), "--site", site, "--json"))


def test_wordpress_s_own_export(blog: Installed, service: Service, tmp_path: Path) -> None:
    """Its counts are those of the database, both guarantees are drawn, and a second import changes nothing."""
    path = tmp_path / "bakery.xml"
    path.write_text(blog.php("require_once ABSPATH . 'wp-admin/includes/export.php'; export_wp();"), "utf-8")
    states = dict(blog.query("SELECT comment_approved, count(*) FROM wp_comments GROUP BY comment_approved"))
    assert f"<wp:comment_author_url>{AWKWARD_URL}<" in path.read_text("utf-8")
    result = run_import(service, "wordpress", path)
    assert result["comments"] == {
        "published": int(states["1"]),
        "waiting": int(states["0"]),
        "deleted": int(states["trash"]),
        "spam": 0,
        "unreadable": 0,
    }
    assert (result["complete"], result["pings"], result["stored"]) == (True, 1, int(states["1"]))
    calibration = result["rollout"]["calibration"]
    assert calibration["stage"] == "block" and calibration["spam"]["n"] == 598
    again = run_import(service, "wordpress", path)
    assert (again["stored"], again["known"]) == (0, int(states["1"]))
    assert again["rollout"] == result["rollout"]


def test_wordpress_s_table(blog: Installed, service: Service, tmp_path: Path) -> None:
    """A dump has the spam; after the export it adds nothing else."""
    export, dump = tmp_path / "bakery.xml", tmp_path / "comments.sql"
    export.write_text(blog.php("require_once ABSPATH . 'wp-admin/includes/export.php'; export_wp();"), "utf-8")
    published = run_import(service, "wordpress", export)["stored"]
    command = ["mariadb-dump", "--no-defaults", f"--socket={blog.socket}", "--user=root", "blog"]
    dump.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    result = run_import(service, "wordpress", dump)
    assert (result["stored"], result["labelled"], result["known"]) == (1, 1, published)
    assert service.labels() == {"Cheap pills at http://pills.example": "spam"}


def test_isso_s_own_database(service: Service, tmp_path: Path) -> None:
    """A comment that was deleted under a reply is left out, and the reply is not without a parent."""
    folder = tmp_path / "isso"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--target", str(folder)]
    installation = subprocess.run([*pip, ISSO], capture_output=True, text=True, check=False)
    if installation.returncode:
        skip_or_fail(f"{ISSO}: {installation.stderr}")
    path = tmp_path / "comments.db"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    subprocess.run([sys.executable, "-c", _ISSO, path], env=environment, check=True, capture_output=True)
    result = run_import(service, "isso", path)
    states = {state: count for state, count in result["comments"].items() if count}
    assert states == {"published": 3, "waiting": 1, "deleted": 1}
    assert (result["stored"], result["replies"], result["orphans"]) == (3, 2, 0)
