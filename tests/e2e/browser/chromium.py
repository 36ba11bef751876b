"""Debian's Chromium, driven by Playwright, as moderators use it: what each page must be in every state of it.

Nothing but the service is asked for anything, no script fails, and no policy is broken: `Browsing` watches that.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.e2e.browser.large_queue import MODERATORS, PASSWORD
from tests.e2e.prerequisites import require_tools, skip_or_fail
from tests.e2e.service import ROOT

AXE = ROOT / "build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = ROOT / "build" / "screens"
TIMEOUT_MILLISECONDS = 30_000
"""A busy machine is not a failure."""

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
# WCAG 1.4.10: a window 320 pixels wide, and a window of 1280 pixels at 400 %.
NARROW, ZOOMED = {"width": 320, "height": 740}, {"width": 320, "height": 256}

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# WCAG 1.4.12, as a style sheet that the page's policy does not refuse.
_SPACING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
    p { margin-bottom: 2em !important }`);
  document.adoptedStyleSheets = [sheet];
}"""
_COVERED = """() => [...(document.querySelector('dialog:modal') ?? document).querySelectorAll(
  'button, a[href], summary, input, textarea, select'
)].filter(control => {
  if (!control.checkVisibility({visibilityProperty: true}) || control.matches('.skip')) return false;
  control.scrollIntoView({block: 'center', behavior: 'instant'});
  const box = control.getClientRects()[0];
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return !(top && (control.contains(top) || top.contains(control) && top.matches('label, summary')));
}).map(control => control.outerHTML.slice(0, 200))"""
_CUT = """() => [...document.querySelectorAll('button, .button, h1, h2, label, summary')].filter(part =>
  part.checkVisibility() && (part.scrollWidth > part.clientWidth + 1 && part.clientWidth)
).map(part => part.outerHTML.slice(0, 200))"""


@dataclass
class Browsing:
    """A browser of one person, with the requests that left for elsewhere and the errors of its pages."""

    address: str
    context: BrowserContext
    page: Page
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to a path of the service."""
        self.page.goto(f"{self.address}{path}")
        return self.page

    def sign_in(self, name: str = MODERATORS[0]) -> Page:
        """Sign in on the page that a moderator without a session meets."""
        self.open("/queue/sign-in")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("button", name="Sign out", exact=True).wait_for()
        return self.page

    def watch(self) -> None:
        """Note every request for another address, and every error."""
        self.context.on("request", self._note_request)
        self.context.on("console", self._note_console)
        self.context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:", "about:")):
            self.foreign.append(request.url)

    def _note_console(self, message: ConsoleMessage) -> None:
        # A refusal that the page explains, such as a conflict, is in the console too.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.errors.append(message.text)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium with an empty profile. Without one the test is skipped, under CI it fails."""
    require_tools(chromium="chromium")
    expect.set_options(timeout=TIMEOUT_MILLISECONDS)
    with sync_playwright() as playwright:
        executable = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def browsing(browser: Browser, address: str, **options: Any) -> Iterator[Browsing]:
    """Open a browser of one person; fail if a request left for elsewhere or a script had an error."""
    context = browser.new_context(**({"viewport": WIDE} | options))
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    opened = Browsing(address, context, context.new_page())
    opened.watch()
    try:
        yield opened
        assert opened.foreign == [] and opened.errors == []
    finally:
        context.close()


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page, in its own words."""
    if not AXE.exists():
        skip_or_fail(f"axe-core: npm install --prefix {AXE.parents[2].relative_to(ROOT)} axe-core")
    # The page's policy refuses scripts of others; the debugger's own are exempt.
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("tags => axe.run({runOnly: tags})", _TAGS)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def faults(page: Page) -> list[str]:
    """Return what hinders a person: a page wider than its window, covered controls, and cut labels."""
    width = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    wide = [f"{width[0]} pixels wide in a window of {width[1]}"] if width[0] > width[1] else []
    return [*wide, *page.evaluate(_COVERED), *page.evaluate(_CUT)]


def space_text(page: Page) -> None:
    """Set the text spacing of WCAG 1.4.12."""
    page.evaluate(_SPACING)


def photograph(page: Page, name: str) -> None:
    """Save the page as `build/screens/NAME.png`, whole unless it is very long."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    height = page.evaluate("() => document.documentElement.scrollHeight")
    page.screenshot(path=SCREENS / f"{name}.png", full_page=height < 20_000, animations="disabled")
