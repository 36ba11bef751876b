"""The documentation site: it builds without a warning, reads like the repository's pages, and asks no other host."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from markdown_it import MarkdownIt

from docs.site.links import linked_files, place
from tests.e2e.browser.chromium import chromium

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("docs/**/*.md"), *(ROOT / path for path in linked_files() if path.endswith(".md"))]
COMPARED = ("h2", "h3", "li", "ol", "ul", "table", "tr", "td", "pre", "img", "strong")

pytestmark = pytest.mark.e2e


def build(folder: Path, config: Path = ROOT / "mkdocs.yml") -> subprocess.CompletedProcess[str]:
    """Build the site into a folder as `make docs` does."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", config, "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    result = build(folder)
    assert result.returncode == 0 and "WARNING" not in result.stderr, result.stderr
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the site on a free port of this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def article(site: Path, path: Path) -> str:
    """Return the text of a page on the site as HTML."""
    uri = re.sub(r"(^|/)README\.md$", r"\1index.md", place(path.relative_to(ROOT).as_posix()))
    html = (site / uri).with_suffix(".html").read_text("utf-8")
    return html.partition("<article")[2].partition("</article>")[0]


def count_elements(html: str) -> Counter[str]:
    return Counter(name for name in re.findall(r"<(\w+)[ >/]", html) if name in COMPARED)


def test_pages_read_as_in_the_repository(site: Path) -> None:
    """A list, table or block that one Markdown parser knows and the other does not would be a heap of marks."""
    parser = MarkdownIt("commonmark").enable("table")
    expected = {path.name: count_elements(parser.render(path.read_text("utf-8"))) for path in PAGES}
    found = {path.name: count_elements(article(site, path)) for path in PAGES}
    assert {name: found[name] for name in found if found[name] != expected[name]} == {}


def test_no_page_loads_from_another_host(site: Path) -> None:
    """No script, style sheet, picture or font of a third party learns who reads the pages."""
    elsewhere = r"[\"']?(?:https?:)?//"
    loads = rf"<(?:script|img|iframe|source)[^>]*?\ssrc={elsewhere}|<link[^>]*?href={elsewhere}|url\({elsewhere}"
    pages = [path for kind in ("*.html", "*.css") for path in site.rglob(kind)]
    assert pages and [path.name for path in pages if re.search(loads, path.read_text("utf-8"))] == []


def test_the_search_finds_a_page(address: str) -> None:
    """In a browser, without a request to any other host."""
    with chromium() as browser:
        page = browser.new_page()
        asked: set[str] = set()
        page.on("request", lambda request: asked.add("/".join(request.url.split("/")[:3])))
        page.goto(f"{address}/index.html")
        page.locator("[data-md-component=search-query]").click()
        page.keyboard.type("recovery codes")
        page.locator(".md-search-result__item a[href*='people.html']").first.wait_for()
        page.goto(f"{address}/figures.html")
        page.get_by_role("heading", name="Figures").wait_for()
        assert asked <= {address, "data:", "blob:"}, asked


@pytest.mark.parametrize(
    "link", ["[Gone](gone.md)", "[Gone](queue.md#gone)", "[Gone](/queue.md)"], ids=["page", "anchor", "absolute"]
)
def test_a_broken_link_ends_the_build(tmp_path: Path, link: str) -> None:
    """Of a page, an anchor or the wrong kind."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# Start\n\n{link}\n", "utf-8")
    (tmp_path / "docs" / "queue.md").write_text("# Queue\n", "utf-8")
    written = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[0]
    (tmp_path / "mkdocs.yml").write_text(written.replace("hooks: [docs/site/hooks.py]\n", ""), "utf-8")
    result = build(tmp_path / "site", tmp_path / "mkdocs.yml")
    assert result.returncode != 0 and result.stderr.count("WARNING") == 1, result.stderr
