"""Where the files of the repository are on the site. Pages keep the links that work in the repository."""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

ROOT = Path(__file__).parents[2]

_LINK = re.compile(r"\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")


def place(path: str) -> str:
    """Return the path below the site's source for a path in the repository.

    The README is the first page, a folder is its index, and a file outside of `docs` is below `project`.
    """
    if path == "README.md":
        return "index.md"
    inside = path.removeprefix("docs/") if path.startswith("docs/") else f"project/{path}"
    return inside if PurePosixPath(path).suffix else f"{inside}/index.md"


def targets(markdown: str, source: str, root: Path = ROOT) -> list[str]:
    """Return the paths in the repository that a page links to, without links to no file."""
    found = (_resolve(source, match["target"]) for match in _LINK.finditer(markdown))
    return [path for path in found if (root / path).exists()]


def linked_files(root: Path = ROOT) -> list[str]:
    """Return the files outside of `docs` that the site needs: the README, and all that pages link to from there on."""
    waiting = ["README.md", *(path.relative_to(root).as_posix() for path in sorted(root.glob("docs/**/*.md")))]
    found: dict[str, None] = {}
    while waiting:
        path = waiting.pop()
        if path in found or not (root / path).is_file():
            continue
        found[path] = None
        if path.endswith(".md"):
            waiting += targets((root / path).read_text("utf-8"), path, root)
    return sorted(path for path in found if not path.startswith("docs/"))


def rewrite(markdown: str, source: str, root: Path = ROOT) -> str:
    """Return a page of the repository with its links as the site needs them."""

    def replace(match: re.Match[str]) -> str:
        path = _resolve(source, match["target"])
        if not (root / path).exists():
            return match[0]
        return f"]({relpath(place(path), str(PurePosixPath(place(source)).parent))}{match['anchor'] or ''})"

    return _LINK.sub(replace, markdown)


def _resolve(source: str, target: str) -> str:
    return normpath(PurePosixPath(source).parent / target)
