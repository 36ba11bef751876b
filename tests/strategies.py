"""Hypothesis strategies for comments: ordinary characters and hostile fragments."""

from hypothesis import strategies as st

from moderation.domain.comment import Comment

FRAGMENTS = (
    "&",
    "&amp;",
    "&lt;",
    "&#60;",
    "&#x26;",
    "&#38;#38;",
    "amp;",
    "lt;",
    "<",
    ">",
    "<b>",
    "</b>",
    "<a href=",
    "</a>",
    "<br>",
    "[url=",
    "[/url]",
    "]",
    "\\",
    "\\'",
    '"',
    "'",
    "\u200b",
    "\u202e",
    "\ufeff",
    "\u00ad",
    "\ud800",
    "\x00",
    "\x1f",
    "\u0301",
    "\u0308",
    "İ",
    "ı",
    "\u01a6",
    "\ua7ae",
    "R",
    "\u0436",
    "\u04e7",
    "\u1d1b",
    "\u1d28",
    "\u13df",
    "\U0001f152",
    "\u0336",
    "IC;",
    "ß",
    "ﬁ",
    "а",
    "о",
    "p",
    "Ａ",
    "𝐁",
    "é",
    "e\u0301",
    "ſ",
    "K",
    "\u3000",
    "\u2028",
    "\t",
    "\r\n",
    " ",
    "http://",
    "www.",
    "a.b",
    ".com",
    "/x-y-z",
    "(",
    ")",
    "![",
    "](",
    "@",
    "Привет",
    "中文",
    "عربي",
    "हिन्दी",
    "👍🏽",
    "\U0001f469\u200d\U0001f4bb",
    "1",
    "0",
    "a",
    "Z",
    "the",
    "cheap",
    "shoes",
)

hostile_texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(st.characters(codec=None), max_size=4)), max_size=10).map(
        "".join
    ),
)
"""Any string, lone surrogates included, often with much markup."""

_fields = st.none() | hostile_texts

comments = st.builds(
    Comment, text=hostile_texts, author=_fields, url=_fields, email=_fields, permalink=_fields, context=_fields
)

MAX_REPETITIVE_LENGTH = 64_000
_pieces = st.lists(st.sampled_from((*FRAGMENTS, "[url=", '<a href="', "a@", "+1 (23) ", "my site ")), max_size=4).map(
    "".join
)
repetitive_texts = st.builds(
    lambda start, piece, count, end: (start + piece * count)[:MAX_REPETITIVE_LENGTH] + end,
    _pieces,
    _pieces,
    st.sampled_from([3, 200, 5_000, MAX_REPETITIVE_LENGTH]),
    _pieces,
)
"""A few fragments, repeated."""

_repetitive_fields = st.none() | repetitive_texts

repetitive_comments = st.builds(
    Comment,
    text=repetitive_texts,
    author=_repetitive_fields,
    url=_repetitive_fields,
    email=_repetitive_fields,
    permalink=_repetitive_fields,
    context=_repetitive_fields,
    lang=_repetitive_fields,
)
