"""What hypothesis draws comments from: ordinary characters, and all that hostile text is made of."""

from hypothesis import strategies as st

from moderation.domain.comment import Comment

_FRAGMENTS = (
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
    st.lists(st.sampled_from(_FRAGMENTS), max_size=14).map("".join),
    st.lists(st.one_of(st.sampled_from(_FRAGMENTS), st.text(st.characters(codec=None), max_size=4)), max_size=10).map(
        "".join
    ),
)
"""Any string, lone surrogates included, often rich in syntax."""

_fields = st.none() | hostile_texts

comments = st.builds(
    Comment, text=hostile_texts, author=_fields, url=_fields, email=_fields, permalink=_fields, context=_fields
)
"""Any comment."""
