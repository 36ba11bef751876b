"""A site on which people whose comments have marks comment among others, for the tests of their erasure."""

from collections.abc import Callable, Iterable
from pathlib import Path

import httpx

from tests.e2e.service import Service
from tests.models import small_model_registry

KEY = "0123456789ab"
SITE = "https://busy.example"


def add_site(service: Service) -> Service:
    """Create the database with a small live model and the site."""
    small_model_registry(service.folder / "models")
    service.moderation("init")
    service.moderation("site", "add", SITE, "--key", KEY)
    return service


def client_of(port: int) -> httpx.Client:
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60, trust_env=False)


def marked_comment(mark: str, number: int) -> dict[str, str]:
    """Return a comment of the person with this mark: each field has it, in letters of some case."""
    text = f"{number} loaves are baked by {mark} " + ("with much patience " * (number % 300))
    mail = f"{mark}@ovens.example" if number % 2 else f"{mark.upper()}@ovens.example"
    return {"text": text, "author": f"{mark} Baker {number}", "email": mail, "url": f"http://{mark}.example/{number}"}


def others_comment(number: int) -> dict[str, str]:
    return {"text": f"The soup of {number} was good, thanks", "author": f"Ada {number}", "email": "ada@mill.example"}


def fill(client: httpx.Client, mark: str, numbers: range, batch: int) -> None:
    """Store a comment of the person and one of others for each number, in requests of `batch` comments."""
    step = batch // 2
    for start in range(0, len(numbers), step):
        chosen = numbers[start : start + step]
        mixed = [each for number in chosen for each in (marked_comment(mark, number), others_comment(number))]
        answer = client.post("/v1/score/batch", json={"comments": mixed})
        assert answer.status_code == 200, answer.text


def label_each(client: httpx.Client, labelled: Iterable[tuple[dict[str, str], str]]) -> None:
    """Store comments and label them, with a reason that quotes their authors."""
    for comment, label in labelled:
        decision = client.post("/v1/score", json=comment).json()["id"]
        body = {"label": label, "reason": f"Looks like {comment['author']}"}
        assert client.put(f"/v1/decisions/{decision}/label", json=body).status_code == 200


def files_with(is_marked: Callable[[bytes], bool], *places: Path) -> list[Path]:
    """Return the marked ones among some files and all files of some folders."""
    files = (file for place in places for file in (place.rglob("*") if place.is_dir() else [place]))
    return sorted(file for file in files if file.is_file() and is_marked(file.read_bytes()))
