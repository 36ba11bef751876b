"""Take the pictures of the docs again: `python -m tests.e2e.picture`. Needs Chromium.

A demo blog sends comments that were written for these pictures. Chromium opens the queue of the running service.
"""

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser

from tests.e2e.browser.chromium import browsing, chromium
from tests.e2e.browser.large_queue import PASSWORD
from tests.e2e.service import ROOT, Service, served

PICTURES: dict[str, dict[str, Any]] = {
    "queue": {"viewport": {"width": 900, "height": 1000}},
    "comment": {"viewport": {"width": 900, "height": 1150}},
    "queue-phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "device_scale_factor": 2},
}
BLOG = "https://bakery.example"
LABELLED = {
    "text": "Nice post. I sell the same flour in my shop, see my offers: http://tom-bakes.example/rye",
    "author": "Tom",
    "url": "http://tom-bakes.example",
}
HELD = (
    {
        "text": "This helped me with my rye. For the summer, my mother sews linen bags: https://linen-bags.example",
        "author": "Ida",
    },
    {
        "text": "Your crust looks wonderful. My brother repairs deck ovens, write to him if yours burns on one side: "
        "https://oven-doctor.example",
        "author": "Nora",
        "permalink": "https://bakery.example/2026/rye-bread",
        "context": "Rye bread without a tin",
    },
)


def main() -> None:
    """Fill a database, serve it, and take the pictures."""
    with tempfile.TemporaryDirectory() as name:
        service = Service(Path(name))
        service.prepare()
        key = re.findall(r"\b[0-9a-f]{12}\b", service.moderation("site", "add", BLOG))[0]
        (Path(name) / "password").write_text(PASSWORD, "utf-8")
        service.moderation("moderator", "add", "mara", "--password-file", str(Path(name) / "password"))
        with served(service) as server, chromium() as browser:
            address = f"http://127.0.0.1:{server.port}"
            send_comments(address, key)
            for picture, options in PICTURES.items():
                take(browser, address, picture, options)


def send_comments(address: str, key: str) -> None:
    """Label one comment as spam, then send those that are held."""
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}) as blog:
        labelled = blog.post("/v1/score", json=LABELLED).json()
        blog.put(f"/v1/decisions/{labelled['id']}/label", json={"label": "spam"}).raise_for_status()
        for comment in HELD:
            decision = blog.post("/v1/score", json=comment).json()
            sys.stdout.write(f"{decision['verdict']} {decision['probability']:.3f} {comment['author']}\n")


def take(browser: Browser, address: str, picture: str, options: dict[str, Any]) -> None:
    """Sign in and save a picture of the queue, or of the first comment's page."""
    path = ROOT / "docs" / f"{picture}.png"
    with browsing(browser, address, **options) as person:
        page = person.sign_in("mara")
        person.open("/queue")
        if picture == "comment":
            page.locator("article a[href*='/queue/comments/']").first.click()
            page.wait_for_url("**/queue/comments/*")
        page.screenshot(path=path, animations="disabled")
    sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB\n")


if __name__ == "__main__":
    main()
