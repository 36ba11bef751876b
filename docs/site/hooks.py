"""What mkdocs calls: adds the pages that are generated and the files outside of `docs`, and places the links."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from benchmarks.__main__ import BENCHMARKS
from benchmarks.rows import BUILD
from docs.site.figures import figures_page
from docs.site.links import ROOT, linked_files, place, rewrite
from docs.site.reference import api_page, commands_page, empty_service, metrics_page, routes_page


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the files of the repository that pages link to."""
    for path in linked_files():
        files.append(File.generated(config, place(path), abs_src_path=str(ROOT / path)))
    for uri, content in _generated_pages().items():
        files.append(File.generated(config, uri, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001  # mkdocs passes all
    """Return the page with links that lead to the same file on the site."""
    source = page.file.abs_src_path
    return markdown if source is None else rewrite(markdown, Path(source).relative_to(ROOT).as_posix())


def _generated_pages() -> dict[str, str]:
    with empty_service() as app:
        served = {"reference/routes.md": routes_page(app), "reference/metrics.md": metrics_page(app)}
    return served | {
        "reference/commands.md": commands_page(),
        "reference/api.md": api_page(),
        "figures.md": figures_page(BUILD, BENCHMARKS),
        "decisions/index.md": _decisions_page(ROOT / "docs" / "decisions"),
    }


def _decisions_page(folder: Path) -> str:
    titles = {path.name: path.read_text("utf-8").partition("\n")[0] for path in sorted(folder.glob("*.md"))}
    numbered = {name: re.sub(r"^# 0*(\d+)\.?", r"\1:", title) for name, title in titles.items()}
    items = (f"- [{title}]({name})" for name, title in numbered.items())
    return "# Decisions\n\nEach has its context, the choice, and what would change it.\n\n" + "\n".join(items) + "\n"
