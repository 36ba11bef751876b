"""The keyboard without single keys: Tab goes through a page as it is read, and the focus is seen in every colour."""

from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.browser.conftest import OpenBrowser, Queue

pytestmark = pytest.mark.e2e

COLOURS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}
MIN_CONTRAST = 3.0
"""WCAG 1.4.11, for the mark of the focus against its surroundings."""
ROW_PIXELS = 8
"""Controls of one row of a page may differ so much in height."""

_CONTROLS = """() => [...document.querySelectorAll(
  'a[href], button, input, summary, select, textarea, .comment[tabindex]'
)].filter(control => control.type !== 'hidden' && !control.disabled
  && control.checkVisibility({visibilityProperty: true})).length"""
# Places are those on the page, not in the window: Tab scrolls. The bar of a card sticks to the upper edge of the
# window, so a control of it counts as one at the upper edge of the card.
_FOCUSED = """() => {
  const control = document.activeElement;
  if (control === document.body) return null;
  const bar = control.closest('.card > .actions');
  const {top, height} = (bar ? bar.parentElement : control).getClientRects()[0];
  const {outlineStyle, outlineWidth, outlineColor} = getComputedStyle(control);
  const isClear = part => /^rgba\\(.*, 0\\)$/.test(getComputedStyle(part).backgroundColor);
  let ground = control.parentElement;
  while (ground.parentElement && isClear(ground)) ground = ground.parentElement;
  const colours = [outlineColor, getComputedStyle(ground).backgroundColor];
  return {
    words: control.outerHTML.slice(0, 120), isSkip: control.matches('.skip'),
    card: control.closest('.card')?.getAttribute('id') ?? '', left: control.getClientRects()[0].left,
    top: top + scrollY, bottom: top + scrollY + (bar ? 1 : height), outline: outlineStyle,
    width: parseFloat(outlineWidth), colours: colours.map(colour => colour.match(/[\\d.]+/g).map(Number)),
  };
}"""


def stops(page: Page) -> Iterator[dict[str, Any]]:
    """Press Tab until it leaves the page, or begins again at its top. Yields what has the focus each time."""
    for number in range(page.evaluate(_CONTROLS) + 20):
        page.keyboard.press("Tab")
        stop = page.evaluate(_FOCUSED)
        if stop is None or (number and stop["isSkip"]):
            return
        yield stop
    raise AssertionError("Tab does not leave the page")


def contrast(first: list[float], second: list[float]) -> float:
    """Return the contrast ratio of two colours by WCAG 2's formula."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[float]) -> float:
    """Return the relative luminance of a colour in sRGB by WCAG 2's formula."""
    parts = (value / 255 for value in colour[:3])
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colours", COLOURS)
def test_tab_follows_the_page_and_is_seen(queue: Queue, open_browser: OpenBrowser, colours: str) -> None:
    """Every control is reached, none comes before the one above or left of it, and each has a visible outline."""
    (decision,) = queue.hold_some(1)
    person = open_browser(**COLOURS[colours])
    for path in (f"/queue/comments/{decision}", "/queue/campaigns", "/queue/sweep", "/queue/sites", "/queue/log"):
        page = person.open(path)
        reached = list(stops(page))
        assert len(reached) >= page.evaluate(_CONTROLS), path
        backwards = [
            (before["words"], after["words"])
            for before, after in pairwise(stop for stop in reached if not stop["isSkip"])
            if after["bottom"] < before["top"] - ROW_PIXELS
            or (abs(after["top"] - before["top"]) <= ROW_PIXELS and after["left"] < before["left"])
        ]
        assert backwards == [], path
        unseen = [
            stop["words"]
            for stop in reached
            if stop["outline"] in ("none", "auto") or stop["width"] < 2 or contrast(*stop["colours"]) < MIN_CONTRAST
        ]
        assert unseen == [], path


def test_tab_leaves_a_list(queue: Queue, open_browser: OpenBrowser) -> None:
    """Twenty cards are no trap: their controls are reached one card after the other, and then the window is left."""
    queue.hold_some(1)
    page = open_browser().open("/queue")
    assert page.locator("article.card").count() == 20
    reached = list(stops(page))
    assert len(reached) >= page.evaluate(_CONTROLS)
    cards = [card for card, _ in groupby(stop["card"] for stop in reached) if card.startswith("c-")]
    assert cards == [card.get_attribute("id") for card in page.locator("article.card").all()]
