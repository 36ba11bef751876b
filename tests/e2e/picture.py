"""Draw docs/queue.png again: `python -m tests.e2e.picture`. Needs Chromium.

A demo blog sends comments that were written for this picture. Chromium draws the queue from a saved page, without a
session, and with the style sheet of the running service.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from tests.e2e.service import ROOT, Service, served

PICTURE = ROOT / "docs" / "queue.png"
SIZE = (820, 1060)
BLOG = "https://bakery.example"
PASSWORD = "correct horse battery"
LABELLED = {
    "text": "Nice post. I sell the same flour in my shop, see my offers: http://tom-bakes.example/rye",
    "author": "Tom",
    "url": "http://tom-bakes.example",
}
HELD = (
    {
        "text": "Your crust looks wonderful. My brother repairs deck ovens, cheap and fast: https://oven-doctor.example",
        "author": "Oven Doctor",
    },
    {
        "text": "Nice article. I sell the same flour in my shop, see my offers: http://tom-bakes.example/flour",
        "author": "Tom",
        "url": "http://tom-bakes.example",
    },
)


def main() -> None:
    """Fill a database, serve it, and draw its queue."""
    chromium = shutil.which("chromium") or sys.exit("chromium is missing: apt-get install chromium")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = Service(folder)
        service.prepare()
        key = re.findall(r"\b[0-9a-f]{12}\b", service.moderation("site", "add", BLOG))[0]
        (folder / "password").write_text(PASSWORD, "utf-8")
        service.moderation("moderator", "add", "mara", "--password-file", str(folder / "password"))
        with served(service) as server:
            address = f"http://127.0.0.1:{server.port}"
            send_comments(address, key)
            page = queue_page(address).replace("<head>", f'<head><base href="{address}/">', 1)
            (folder / "queue.html").write_text(page, "utf-8")
            draw(chromium, folder / "queue.html")


def send_comments(address: str, key: str) -> None:
    """Label one comment as spam, then send those that are held."""
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}) as blog:
        labelled = blog.post("/v1/score", json=LABELLED).json()
        blog.put(f"/v1/decisions/{labelled['id']}/label", json={"label": "spam"}).raise_for_status()
        for comment in HELD:
            decision = blog.post("/v1/score", json=comment).json()
            sys.stdout.write(f"{decision['verdict']} {decision['probability']:.3f} {comment['author']}\n")


def queue_page(address: str) -> str:
    """Sign in and return the page of the queue."""
    with httpx.Client(base_url=address, follow_redirects=True) as browser:
        (token,) = re.findall(r'name="csrf_token" value="([^"]+)"', browser.get("/queue").text)
        form = {"csrf_token": token, "name": "mara", "password": PASSWORD}
        return browser.post("/queue/sign-in", data=form).text


def draw(chromium: str, page: Path) -> None:
    """Take a screenshot of a page."""
    size = f"--window-size={SIZE[0]},{SIZE[1]}"
    options = ("--headless", "--no-sandbox", "--hide-scrollbars", "--force-device-scale-factor=1", size)
    subprocess.run([chromium, *options, f"--screenshot={PICTURE}", page.as_uri()], check=True, capture_output=True)
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} kB\n")


if __name__ == "__main__":
    main()
