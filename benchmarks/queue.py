"""The heaviest pages of the queue: twenty comments of each hostile kind on a page, and each on its own page."""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from time import perf_counter
from typing import NamedTuple

from benchmarks.rows import Row, at_most
from moderation.actions.check import check_comments
from moderation.actions.moderating import act
from moderation.actions.moderators import add_moderator
from moderation.actions.review import list_comments
from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_thresholds
from moderation.actions.teamwork import write_note
from moderation.domain.comment import Comment
from moderation.domain.queue import MAX_NOTE_LENGTH, ListName, Verb
from moderation.domain.thresholds import Thresholds
from moderation.settings import Settings
from moderation.web.app import create_app
from moderation.web.queue.views import PAGE_SIZE
from moderation.wiring import prepare

MAX_PAGE_BYTES = 120_000
MAX_COMPRESSED_BYTES = 25_000
MAX_PAGE_MILLISECONDS = 300
TEXT_BYTES = (65_000, 1_000_000)
"""The second is about the largest text that the default limit of a request body admits."""

_BLOG = "https://blog.example"
_PASSWORD = "correct horse battery"
_HOLD_ALL = Thresholds(review=1e-12, spam=1.0, discard=1.0)
_REPEATS = 5
_SIMILAR = 6
HELD_AT_ONCE = PAGE_SIZE + _SIMILAR
_EMOJI = "\U0001f469\u200d\U0001f469\u200d\U0001f467\U0001f3fd\ufe0f"
_WORDS = "Cheap casino bonus, order pills and watches online now. I think you wrote a great article, thanks! "

HOSTILE_TEXTS: dict[str, Callable[[int], str]] = {
    "plain words": lambda length: _WORDS * (length // len(_WORDS)),
    "zero-width runs": lambda length: ("word" + "\u200b" * 500) * (length // 504),
    "one zero-width run": lambda length: "a" + "\u200b" * (length - 2) + "b",
    "zero-width between letters": lambda length: "c\u200b" * (length // 2),
    "different invisible characters": lambda length: "\u200b\u200c\u2060a\u00ad\ufeff\u034fb" * (length // 8),
    "bidirectional": lambda length: "\u202egnp.exe\u202c \u2066a\u2069" * (length // 13),
    "combining marks": lambda length: ("Z" + "\u0300\u0301\u0489\u0336" * 30) * (length // 121),
    "emoji sequences": lambda length: _EMOJI * (length // len(_EMOJI)),
    "one giant word": lambda length: "pneumono" * (length // 8),
    "ten thousand links": lambda length: " ".join(
        f"https://p{number}.example/x?y={number}&z='" for number in range(10_000)
    )[:length],
    "links in markup": lambda length: "".join(
        f'<a href="http://s{number}.example/?a=1&b=2">buy & "save" {number}</a>' for number in range(10_000)
    )[:length],
    "escaped characters": lambda length: "&<>\"'" * (length // 5),
    "quotes": lambda length: '"' * length,
    "markup": lambda length: '<b title="&amp;">&lt;</b>' * (length // 25),
    "control characters": lambda length: "a\x1b\x07\x00b\x08" * (length // 6),
    "line breaks": lambda length: "\r\n\t" * (length // 3),
    "Chinese": lambda length: "便宜的药品网上赌场奖金" * (length // 11),
    "astral letters": lambda length: "\U0001d401\U0001d42e\U0001d432 " * (length // 4),
}
"""Texts of about a length in code points, by the name of their kind."""

RANDOM_ALPHABETS = {
    "random letters": "abcdefghijklmnopqrstuvwxyz ",
    "random ASCII": "".join(map(chr, range(33, 127))),
    "random Chinese": "".join(map(chr, range(0x4E00, 0x9FA5))),
    "random bytes of UTF-8": "".join(map(chr, range(33, 127))) * 18 + "".join(map(chr, range(0xA1, 0x9FA5))),
    "random emoji": "".join(map(chr, range(0x1F300, 0x1F5FF))),
}
"""Letters of texts that hardly compress, by the name of their kind."""


def random_comments(alphabet: str) -> list[Comment]:
    """Return different comments with random text in each field, as many as `HostileQueue.hold_all` holds."""
    random = Random(8)

    def text(length: int) -> str:
        return "".join(random.choices(alphabet, k=length))

    names = ("author", "url", "permalink", "context")
    return [
        Comment(text(6_000), email=f"a@{text(300)}", **{name: text(500) for name in names}) for _ in range(HELD_AT_ONCE)
    ]


def hostile_comments(n_bytes: int) -> Iterator[tuple[str, Comment]]:
    """Yield a comment of each kind, with its text and then with every field of that kind."""
    for kind, text_of in HOSTILE_TEXTS.items():
        text = text_of(n_bytes).encode()[:n_bytes].decode(errors="ignore")
        yield kind, Comment(text)
        fields = dict.fromkeys(("author", "url", "permalink", "context", "type", "lang", "date"), text[:20000])
        yield f"{kind} in all fields", Comment(text, email=f"{text[:10_000]}@{text[:10_000]}", **fields)


class Weight(NamedTuple):
    """The weight of a page: its bytes, those after compression, and the milliseconds that the service took."""

    n_bytes: int
    compressed_bytes: int
    milliseconds: float


class HostileQueue:
    """A service whose one site holds every comment, and a moderator who is signed in."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        add_site(services, _BLOG, None)
        self._site = set_thresholds(services, _BLOG, _HOLD_ALL)
        self._moderator = add_moderator(services, "mara", _PASSWORD)
        self._other = add_moderator(services, "ann", _PASSWORD)
        self.client = create_app(services, settings).test_client()
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get("/queue/sign-in").text)
        fields = {"name": "mara", "password": _PASSWORD, "csrf_token": token[1] if token else ""}
        assert self.client.post("/queue/sign-in", data=fields).status_code == 303

    def hold(self, comment: Comment) -> list[str]:
        """Hold a page of copies, and label some more, so that each has similar ones. Returns the pages that show it."""
        return self.hold_all([replace(comment, text=f"{number} {comment.text}") for number in range(HELD_AT_ONCE)])

    def hold_all(self, copies: list[Comment]) -> list[str]:
        """Hold a page of comments with remarks of such text, and label the others. Returns the pages that show them."""
        check_comments(self._services, self._site, copies)
        items = list_comments(self._services, ListName.HELD, limit=len(copies)).comments
        for item in items[:PAGE_SIZE]:
            for asked in (self._moderator.name, None):
                remark = f"{item.id}: {item.decision.comment.text}"[:MAX_NOTE_LENGTH]
                write_note(self._services, item.id, remark, self._other, asked=asked)
        for number, item in enumerate(items[PAGE_SIZE:]):
            act(self._services, [item.seen], (Verb.HAM, Verb.SPAM)[number % 2], self._moderator)
        own = f"/queue/comments/{items[0].id}"
        return ["/queue", own, f"{own}?start={len(copies[0].text) // 2}"]

    def weigh(self, path: str) -> Weight:
        """Return the weight of a page, with the least of its milliseconds: the others have time of other programs."""
        milliseconds = []
        for _ in range(_REPEATS):
            start = perf_counter()
            response = self.client.get(path)
            milliseconds.append(1000 * (perf_counter() - start))
            assert response.status_code == 200, path
        packed = self.client.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip", path
        return Weight(len(response.data), len(packed.data), min(milliseconds))


def measure() -> list[Row]:
    """Measure every kind of text at each size, alone and in all fields."""
    pages: dict[str, Weight] = {}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(var=Path(folder), database_url="")
        services = prepare(settings)
        queue = HostileQueue(services, settings)
        for n_bytes in TEXT_BYTES:
            for kind, comment in hostile_comments(n_bytes):
                for path in queue.hold(comment):
                    pages[f"{kind}, {n_bytes} bytes, {path}"] = queue.weigh(path)
        for kind, alphabet in RANDOM_ALPHABETS.items():
            for path in queue.hold_all(random_comments(alphabet)):
                pages[f"{kind}, {path}"] = queue.weigh(path)
        services.engine.dispose()
    heaviest = max(pages, key=lambda name: pages[name].n_bytes)
    densest = max(pages, key=lambda name: pages[name].compressed_bytes)
    slowest = max(pages, key=lambda name: pages[name].milliseconds)
    return [
        at_most(f"heaviest page ({heaviest})", pages[heaviest].n_bytes, MAX_PAGE_BYTES, "bytes"),
        at_most(f"heaviest compressed ({densest})", pages[densest].compressed_bytes, MAX_COMPRESSED_BYTES, "bytes"),
        at_most(f"slowest page ({slowest})", pages[slowest].milliseconds, MAX_PAGE_MILLISECONDS, "ms"),
    ]
