"""docs/wordpress.md, followed word for word: its commands, its lines of PHP and its names, behind deploy/nginx.conf."""

import re
import shlex
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.blog import PUBLISHED, SPAM, Blog
from tests.e2e.clients import (
    HOST,
    ClientSandbox,
    entering,
    free_loopback_address,
    hosts_file,
    require_mount_namespace,
)
from tests.e2e.deployment import MUST_USE_PLUGIN
from tests.e2e.prerequisites import require_tools, skip_or_fail
from tests.e2e.proxy import ProxyConfig, running_proxy
from tests.e2e.service import Service, served
from tests.e2e.wordpress import code_blocks, installed, missing_requirements

REST = "rest.example.org"
QUEUE = "moderation.example.org"
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
THANKS = "We tried the rye loaf at the weekend, and it needed ten more minutes in our old oven."

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class BlogMachine:
    """A blog that reaches its service by the names of nginx alone. `sandbox` runs a command on the blog's machine."""

    blog: Blog
    service: Service
    sandbox: ClientSandbox
    key: str

    def checked(self, text: str, author: str) -> str | None:
        """Comment on the blog. Return the comment's state there; fail unless the service has judged it."""
        posted = self.blog.comment(text, author)
        with closing(sqlite3.connect(self.service.folder / "var" / "moderation.db")) as db:
            judged = db.execute("SELECT count(*) FROM comments WHERE author = ?", [author]).fetchone()
        assert judged == (1,)
        return posted.state if posted else None


@pytest.fixture(scope="module")
def machine() -> Iterator[BlogMachine]:
    """Run the blog in a mount namespace: nginx answers under the names of the page, and under Akismet's own."""
    require_mount_namespace()
    require_tools(nginx="nginx-light", openssl="openssl", curl="curl")
    if missing := missing_requirements():
        skip_or_fail(f"{missing}, for a real WordPress")
    with ExitStack() as stack:
        # A socket's path may have a hundred characters at most, and pytest's folders exceed them.
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wp"))) for _ in range(4)]
        service = Service(folders[0])
        service.prepare()
        (add,) = (command for command in commands() if command[:2] == ["site", "add"])
        (key,) = re.findall(r"\b[0-9a-f]{12}\b", service.moderation(*add))
        port = stack.enter_context(served(service)).port
        lines, trusted = "", ""
        for folder, name, queue in ((folders[1], REST, QUEUE), (folders[2], HOST, "queue.example.org")):
            config = ProxyConfig(free_loopback_address(), 80, 443, akismet=name, queue=queue)
            trusted += stack.enter_context(running_proxy(port, config, folder)).read_text("utf-8")
            lines += hosts_file(config.address, [name, f"{key}.{name}", queue], folder).read_text("utf-8")
        hosts, authorities = folders[3] / "all-hosts", folders[3] / "authorities.pem"
        hosts.write_text(lines, "utf-8")
        authorities.write_text(trusted, "utf-8")
        files = stack.enter_context(installed(folders[3], entering({"/etc/hosts": hosts, TRUSTED: authorities})))
        blog = Blog(files)
        stack.callback(blog.close)
        blog.activate()
        yield BlogMachine(blog, service, ClientSandbox(hosts, authorities), key)


def commands() -> list[list[str]]:
    """Return the arguments of each `moderation` command of the page, in order."""
    lines = [shlex.split(line, comments=True) for block in code_blocks("sh") for line in block.splitlines()]
    assert all(line[0] == "moderation" for line in lines)
    return [line[1:] for line in lines]


def test_the_page_is_followed_word_for_word(machine: BlogMachine, tmp_path: Path) -> None:
    """Its three steps connect the blog, its other commands and addresses work, and its undo leaves no trace."""
    blog, files = machine.blog, machine.blog.installed
    (setting,) = (block for block in code_blocks("php") if "MODERATION_URL" in block)
    plugin = Path(shutil.copy(MUST_USE_PLUGIN, files.site / "wp-content" / "mu-plugins"))
    # The blog of this test blocks other hosts, so the page wants the server among the accessible ones.
    files.configure(setting, f"define( 'WP_ACCESSIBLE_HOSTS', '{REST}' );")
    blog.enter_key(machine.key)
    shown = blog.settings()
    assert "Subscription Type Self-hosted" in shown and "Status Active" in shown
    assert machine.checked(THANKS, "Martha Lind") == PUBLISHED
    guaranteed = blog.comment("Anything at all", "viagra-test-123")
    assert guaranteed and guaranteed.state == SPAM

    for command in commands():
        if command[:2] == ["site", "akismet"]:
            if "blog.home" in command[2]:
                machine.service.moderation("site", "add", command[2])
            machine.service.moderation(*command)
    page = (MUST_USE_PLUGIN.parents[1] / "wordpress.md").read_text("utf-8")
    (curl,) = re.findall(r"`(curl [^`]+)` should say `connected`", page)
    assert machine.sandbox.run(*shlex.split(curl), folder=tmp_path).stdout == "connected"
    (queue,) = re.findall(r"waits at `([^`]+)`", page)
    signing_in = machine.sandbox.run("curl", "--location", "--silent", queue, folder=tmp_path).stdout
    assert 'name="password"' in signing_in

    plugin.unlink()
    files.configure()
    assert "MODERATION_URL" not in blog.admin.get("/wp-admin/").text


def test_a_hosts_entry_works_without_our_plugin(machine: BlogMachine) -> None:
    """The plugin's own names lead to the proxy, whose authority WordPress finds in the store of the system."""
    machine.blog.installed.configure(f"define( 'WP_ACCESSIBLE_HOSTS', '{HOST},*.{HOST}' );")
    assert "Status Active" in machine.blog.enter_key(machine.key)
    assert machine.checked("Half rye and half spelt is what we like best at home.", "Spelt Reader") == PUBLISHED
    assert "Status Active" in machine.blog.settings()
