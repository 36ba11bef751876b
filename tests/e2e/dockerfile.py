"""Run a Dockerfile without Docker: each stage is this machine's root folder with an overlay above it.

This machine stands in for the base image, so neither the image's size nor the packages of its base are tested.
Layers, their cache and EXPOSE have no effect here, and only files and users are isolated.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.clients import require_mount_namespace

_STEP_TIMEOUT_SECONDS = 900
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BASE_PYTHON = Path("/usr/bin/python3")
_ENTER = """
folder=$1 access=$2 volume=$3 directory=$4 user=$5; shift 5
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/files,workdir=$folder/work" "$folder/root"
mount --rbind /dev "$folder/root/dev"
mount --rbind /proc "$folder/root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$folder/root/tmp"
if [ "$access" = ro ]; then
    mount --bind "$folder/root$volume" "$folder/root$volume"
    mount -o remount,bind,ro "$folder/root"
fi
exec chroot --userspec="$user" "$folder/root" sh -c 'cd "$0" && exec "$@"' "$directory" "$@"
"""
"""Mount the stage in a private namespace and run a command in it. The last process replaces every one before it."""


@dataclass
class Stage:
    """A stage of the build: the folder of its overlay, and the configuration that its instructions set."""

    folder: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH, "HOME": "/root"})
    directory: str = "/"
    user: str = "root"
    volume: str = "/"
    port: str = ""
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)

    @property
    def files(self) -> Path:
        """The files that the stage adds to this machine's."""
        return self.folder / "files"

    def arguments(self, *command: str, read_only: bool = False) -> list[str]:
        """Return the arguments of a process in the stage; if `read_only`, it can write to the volume and /tmp alone."""
        access = "ro" if read_only else "rw"
        place = [str(self.folder), access, self.volume, self.directory, self.user]
        return ["unshare", "--mount", "sh", "-ec", _ENTER, "sh", *place, *command]

    def run(self, *command: str, read_only: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command in the stage to its end."""
        return subprocess.run(
            self.arguments(*command, read_only=read_only),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_STEP_TIMEOUT_SECONDS,
            check=False,
        )

    def path(self, name: str) -> Path:
        """Return the place of a file of the stage, relative to its working directory."""
        return self.files / str(Path(self.directory) / name).lstrip("/")


def require_overlay(folder: Path) -> None:
    """Skip the test, with the reason, where a Dockerfile cannot be run in this way."""
    require_mount_namespace()
    check = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"
    if subprocess.run([_BASE_PYTHON, "-c", check], capture_output=True, check=False).returncode:
        pytest.skip(f"The base image needs {_BASE_PYTHON} of version 3.11 or newer, with its venv module.")
    entered = _new_stage(folder).run("true")
    if entered.returncode:
        pytest.skip(f"This machine allows no overlay: {entered.stderr.strip()}")


def build(context: Path, folder: Path) -> Stage:
    """Run the Dockerfile of a context; return its last stage. Raises `ValueError` for an instruction unknown here."""
    stages: dict[str, Stage] = {}
    filtered = _filtered_context(context, folder / "context")
    stage = Stage(folder)
    for name, arguments in instructions((context / "Dockerfile").read_text("utf-8")):
        if name == "FROM":
            _, *alias = re.split(r"\s+AS\s+", arguments)
            stage = stages[alias[0] if alias else ""] = _new_stage(folder / f"stage-{len(stages)}")
        elif name == "COPY":
            _copy(stage, shlex.split(arguments), filtered, stages)
        else:
            _apply(stage, name, arguments)
    return stage


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the arguments of each instruction, without comments, continued lines joined."""
    code = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    for line in code.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, arguments = line.strip().partition(" ")
            yield name, arguments.strip()


def _apply(stage: Stage, name: str, arguments: str) -> None:
    if name == "RUN":
        result = stage.run("sh", "-c", arguments)
        assert result.returncode == 0, f"RUN {arguments}\n{result.stdout}{result.stderr}"
    elif name == "ENV":
        pairs = (word.partition("=") for word in shlex.split(arguments))
        known = dict(stage.environment)
        stage.environment |= {key: re.sub(r"\$\{?(\w+)\}?", lambda m: known[m[1]], value) for key, _, value in pairs}
    elif name == "WORKDIR":
        stage.directory = arguments
        stage.path("").mkdir(parents=True, exist_ok=True)
    elif name == "HEALTHCHECK":
        stage.healthcheck = json.loads(arguments.partition("CMD ")[2])
    elif name == "CMD":
        stage.command = json.loads(arguments)
    elif name in {"USER", "VOLUME", "EXPOSE"}:
        setattr(stage, {"USER": "user", "VOLUME": "volume", "EXPOSE": "port"}[name], arguments)
    else:
        raise ValueError(f"{name} {arguments}")


def _new_stage(folder: Path) -> Stage:
    stage = Stage(folder)
    for name in ("files/usr/bin", "work", "root"):
        (folder / name).mkdir(parents=True)
    # Python's images call it python; Debian does not.
    (stage.files / "usr" / "bin" / "python").symlink_to(_BASE_PYTHON)
    return stage


def _copy(stage: Stage, words: list[str], context: Path, stages: dict[str, Stage]) -> None:
    flags = dict(word.removeprefix("--").split("=") for word in words if word.startswith("--"))
    *sources, destination = (word for word in words if not word.startswith("--"))
    root = stages[flags["from"]].files if "from" in flags else context
    for source in sources:
        origin, target = root / source.lstrip("/"), stage.path(destination)
        if origin.is_dir():
            shutil.copytree(origin, target, symlinks=True, dirs_exist_ok=True)
        else:
            target = target / origin.name if destination.endswith("/") or target.is_dir() else target
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, target)


def _filtered_context(context: Path, folder: Path) -> Path:
    """Copy to a folder what .dockerignore leaves of a context."""
    lines = (context / ".dockerignore").read_text("utf-8").splitlines()
    rules = [(line.startswith("!"), _pattern(line.removeprefix("!"))) for line in lines if line and line[0] != "#"]
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(listing, cwd=context, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if _is_kept(name, rules) and (context / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(context / name, folder / name)
    return folder


def _pattern(line: str) -> re.Pattern[str]:
    """Compile a line of .dockerignore: `*` stays within a folder, `**/` stands for any folders."""
    parts = re.split(r"(\*\*/|\*)", line.strip("/"))
    wild = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts))


def _is_kept(name: str, rules: list[tuple[bool, re.Pattern[str]]]) -> bool:
    """Return whether the last rule that matches a path or a folder above it is an exception."""
    paths = [name, *(str(parent) for parent in Path(name).parents)]
    matching = [kept for kept, pattern in rules if any(pattern.fullmatch(path) for path in paths)]
    return matching[-1] if matching else True
