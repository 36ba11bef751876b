"""What browsers and caches are told on every reply."""

from flask import Flask, Response, request

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No script at all, no style but our own file: comment text that slips out of its box still cannot act."""


def install(app: Flask) -> None:
    """Adds the headers to every reply of the application."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        # `no-referrer` would starve the CSRF check, which wants a same-origin referrer over HTTPS.
        response.headers["Referrer-Policy"] = "same-origin"
    return response
