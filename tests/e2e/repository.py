"""A repository to clone, with the files that a commit of the work tree would have."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@blog.example")


def commit_work_tree(folder: Path) -> Path:
    """Create a repository with one commit, and return its folder."""
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    git = ["git", *AUTHOR, "--work-tree", str(ROOT), "--git-dir", str(folder / ".git")]
    subprocess.run([*git, "add", "--all", "."], cwd=ROOT, check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "The work tree"], cwd=ROOT, check=True)
    return folder
