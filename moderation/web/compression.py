"""Compression of pages and static files by gzip.

Granian compresses nothing that the application answers, and not every installation has a proxy that does. Answers to
keys stay as they are: they are small, and their callers wait.

A page holds text of strangers beside its CSRF token. Who can make a browser load it again and again, and measure it,
could guess the token by the sizes (BREACH). Three facts stand against that. A page is not compressed for a request that
another site caused. A token is signed with its time, so the same characters are not there to guess a second later. And
a part of a token without its signature is refused.
"""

import gzip

from flask import Response, request

MIN_BYTES = 1_000
"""Size of a response from which compression saves a packet."""

_TYPES = frozenset(("text/html", "text/css", "text/javascript", "image/svg+xml"))
_LEVEL = 6
_OWN_REQUESTS = (None, "same-origin", "none")
"""Values of `Sec-Fetch-Site` of a request that no other site caused. A browser of before 2023 sends none."""


def compress(response: Response) -> Response:
    """Compress a page, a script or a style sheet for a browser that accepts it."""
    if response.mimetype not in _TYPES:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code in (206, 304) or not _may_compress():
        return response
    # A file is passed on without being read, unless it is asked for.
    response.direct_passthrough = False
    content = response.get_data()
    if len(content) < MIN_BYTES:
        return response
    response.set_data(gzip.compress(content, _LEVEL, mtime=0))
    response.content_encoding = "gzip"
    response.accept_ranges = "none"
    tag, _ = response.get_etag()
    if tag:
        # Two encodings of one file have the same meaning and different bytes.
        response.set_etag(tag, weak=True)
    return response


def _may_compress() -> bool:
    is_own = request.endpoint == "static" or request.headers.get("Sec-Fetch-Site") in _OWN_REQUESTS
    return is_own and request.accept_encodings["gzip"] > 0
