"""Pages and static files are compressed, and static files are kept by browsers for a year."""

import gzip
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from moderation.actions.services import Services
from moderation.settings import Settings
from moderation.web.app import create_app
from tests.web.conftest import HOLD_ALL, Blog, Browser, style_sheet

GZIP = {"Accept-Encoding": "br, gzip"}


@pytest.mark.parametrize("site", [None, "same-origin", "none"])
def test_a_page_is_compressed(mara: Browser, blog: Blog, site: str | None) -> None:
    """The compressed page is the page, and has a sixth of its bytes."""
    blog.set_thresholds(HOLD_ALL)
    for number in range(5):
        blog.score(f"comment number {number}")
    headers = GZIP | ({"Sec-Fetch-Site": site} if site else {})
    plain, packed = mara.get("/queue"), mara.client.get("/queue", headers=headers)
    assert packed.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in packed.headers["Vary"]
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 4
    pages = (plain.text, gzip.decompress(packed.data).decode())
    without_token = [re.sub('(value|data-token)="[^"]*"', "", page) for page in pages]
    assert without_token[0] == without_token[1]
    assert "Content-Encoding" not in plain.headers and "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_another_site_learns_no_sizes(mara: Browser, client: FlaskClient, site: str) -> None:
    """A page that another site made a browser load is not compressed; a static file, which holds no secret, is."""
    headers = {**GZIP, "Sec-Fetch-Site": site}
    assert "Content-Encoding" not in mara.client.get("/queue", headers=headers).headers
    with client.get(style_sheet(client), headers=headers) as response:
        assert response.headers["Content-Encoding"] == "gzip"


def test_the_contents_of_a_token_are_no_token(mara: Browser, app: Flask) -> None:
    """All that stays the same in the tokens of a session does not make one: each has a signature with its time."""
    token = mara.token()
    payload, _, signature = token.split(".")
    (raw,) = [re.sub('"', "", str(URLSafeTimedSerializer(b"", salt="").load_payload(payload.encode())))]
    guesses = (payload, raw, f"{payload}.{signature}", token[:-1], URLSafeTimedSerializer(b"guess").dumps(raw))
    for guess in guesses:
        assert mara.client.post("/queue/sign-out", data={"csrf_token": guess}).status_code == 400, guess
    assert mara.client.post("/queue/sign-out", data={"csrf_token": token}).status_code == 303


def test_answers_to_keys_are_not_compressed(blog: Blog) -> None:
    """Nor those to a browser that refuses it, nor a short page."""
    assert "Content-Encoding" not in blog.call("GET", "/openapi.json", headers=GZIP).headers
    for accepted in ("", "identity", "gzip;q=0", "br"):
        with blog.client.get(style_sheet(blog.client), headers={"Accept-Encoding": accepted}) as response:
            assert "Content-Encoding" not in response.headers
    assert "Content-Encoding" not in blog.client.get("/", headers=GZIP).headers


@pytest.mark.parametrize("headers", [{}, GZIP])
def test_static_files_are_kept_for_a_year(client: FlaskClient, headers: dict[str, str]) -> None:
    """Their path has a digest of their contents; a browser that asks again gets 304, also for a part."""
    with client.get(style_sheet(client), headers=headers) as response:
        tag, kept = response.headers["ETag"], response.headers["Cache-Control"]
    assert {"public", "immutable", "max-age=31536000"} == set(kept.split(", "))
    with client.get(style_sheet(client), headers={**headers, "If-None-Match": tag}) as response:
        assert response.status_code == 304 and response.headers["Cache-Control"] == kept
    with client.get(style_sheet(client), headers={**headers, "Range": "bytes=0-9"}) as response:
        assert response.status_code == 206 and len(response.data) == 10 and "Content-Encoding" not in response.headers


def test_an_unknown_static_file_is_not_kept(client: FlaskClient) -> None:
    """Neither one under the digest nor one of another version."""
    for path in (style_sheet(client) + "x", "/static/style.css", "/static/0123456789abcdef/style.css"):
        response = client.get(path)
        assert response.status_code == 404 and response.headers["Cache-Control"] == "no-store"


def test_two_processes_name_the_same_digest(services: Services, settings: Settings, client: FlaskClient) -> None:
    """Each worker serves the files that a page of another one names."""
    assert style_sheet(create_app(services, settings).test_client()) == style_sheet(client)
