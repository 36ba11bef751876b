"""Every page in every state: nothing is cut, covered or wider than the window, and axe-core finds no violation."""

from itertools import count
from typing import Any

import pytest

from tests.e2e.browser.chromium import NARROW, PHONE, ZOOMED, faults, photograph, space_text, violations
from tests.e2e.browser.conftest import OpenBrowser, Queue

pytestmark = pytest.mark.e2e

STATES: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "forced-colours": {"forced_colors": "active"},
    "phone": {"viewport": PHONE},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
    "narrow": {"viewport": NARROW},
    "zoomed": {"viewport": ZOOMED},
}
_NUMBERS = count()
PAGES = {
    "held": "/queue",
    "blocked": "/queue/blocked",
    "public": "/queue/public",
    "decided": "/queue/decided",
    "second-look": "/queue/second-look",
    "searched": "/queue?q=order&facets=1",
    "log": "/queue/log",
    "agreement": "/queue/agreement",
    "account": "/queue/account",
    "campaigns": "/queue/campaigns",
    "sweep": "/queue/sweep",
    "decisions": "/queue/acts",
    "sites": "/queue/sites",
    "site": "/queue/sites/1",
    "not-found": "/queue/unknown",
}


def own_pages(queue: Queue) -> dict[str, str]:
    """Return the paths of the pages of one comment and of its campaign."""
    decision, _ = queue.hold(*(f"Order {oven} ovens at https://ovens-of-{next(_NUMBERS)}.example" for oven in "ab"))
    return {"comment": f"/queue/comments/{decision}", "campaign": f"/queue/campaigns/of/{decision}"}


@pytest.mark.parametrize("state", STATES)
def test_every_page_in_every_state(queue: Queue, open_browser: OpenBrowser, state: str) -> None:
    """No violation of axe-core's rules, nothing covered, cut or wider than the window."""
    found, own = {}, own_pages(queue) | {"sign-in": "/queue/sign-in"}
    signed_in, stranger = open_browser(**STATES[state]), open_browser(**STATES[state], storage_state=None)
    for name, path in (PAGES | own).items():
        page = (stranger if name == "sign-in" else signed_in).open(path)
        photograph(page, f"{name}-{state}")
        assert "Forbidden" not in page.title() and ("Not Found" in page.title()) == (name == "not-found"), name
        found[name] = violations(page) + faults(page)
    assert not any(found.values()), found


def test_wide_spacing_cuts_nothing(queue: Queue, open_browser: OpenBrowser) -> None:
    """WCAG 1.4.12, in a window of 320 pixels."""
    person, found = open_browser(viewport=ZOOMED), {}
    for name, path in (PAGES | own_pages(queue)).items():
        page = person.open(path)
        space_text(page)
        found[name] = faults(page)
    assert not any(found.values()), found
