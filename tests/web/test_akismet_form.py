"""Parameters, parsed from raw bytes."""

from flask import Request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from moderation.web.akismet.form import Form, read_form


def form(body: bytes = b"", query: str = "", kind: str | None = None) -> Form:
    builder = EnvironBuilder(method="POST", query_string=query, data=body, content_type=kind)
    return read_form(Request(builder.get_environ()))


def test_all_three_forms_of_arrays_are_one_name() -> None:
    """`name`, `name[]` and `name[0]`: `get` returns the last value."""
    for body in (b"c=a&c=b", b"c[]=a&c[]=b", b"c%5B0%5D=a&c%5B1%5D=b"):
        read = form(body)
        assert read.fields == {b"c": [b"a", b"b"]} and read.get("c") == "b"


def test_a_name_without_an_equals_sign_is_empty() -> None:
    """WordPress sends its honeypot that way."""
    assert form(b"POST_ak_hp_textarea&a=1").get("POST_ak_hp_textarea") == ""


def test_the_body_overrides_the_query() -> None:
    """Both are parsed; the body's value is the last."""
    read = form(b"a=body", "a=query&b=query")
    assert (read.get("a"), read.get("b")) == ("body", "query")


def test_plus_and_percent_are_decoded_once() -> None:
    """`%2B` stays a plus sign, `+` is a space."""
    assert form(b"a=1+%2B+1%2526").get("a") == "1 + 1%26"


@given(st.dictionaries(st.text("abc_", min_size=1), st.text(st.characters(codec="utf-8"))))
def test_encoded_fields_round_trip(fields: dict[str, str]) -> None:
    """Parsing is the inverse of a real library's encoding."""
    encoded = EnvironBuilder(method="POST", data=fields)
    read = read_form(Request(encoded.get_environ()))
    assert {name: read.get(name) for name in fields} == fields


@given(st.binary(), st.binary(max_size=40))
def test_any_bytes_are_readable(body: bytes, charset: bytes) -> None:
    """No body and no charset makes parsing fail."""
    read = form(body + b"&blog_charset=" + charset)
    for name in read.fields:
        read.get(name.decode("latin-1"))
        read.get_flag(name.decode("latin-1"))
