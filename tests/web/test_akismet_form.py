"""Parameters, parsed from raw bytes."""

from contextlib import suppress

import pytest
from flask import Request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.test import EnvironBuilder

from moderation.web.akismet.form import MAX_FIELDS, Form, comment_from_form, read_form


def form(body: bytes = b"", query: str = "", kind: str | None = None) -> Form:
    builder = EnvironBuilder(method="POST", query_string=query, data=body, content_type=kind)
    return read_form(Request(builder.get_environ()))


def test_all_three_forms_of_arrays_are_one_name() -> None:
    """`name`, `name[]`, `name[0]` and `name[0][x]`: `get` returns the last value."""
    for body in (b"c=a&c=b", b"c[]=a&c[]=b", b"c%5B0%5D=a&c%5B1%5D=b", b"c[0][x]=a&c[0][y]=b"):
        read = form(body)
        assert read.fields == {b"c": [b"a", b"b"]} and read.get("c") == "b"


def test_all_parts_of_an_array_are_its_text() -> None:
    """Spam in the first part of `comment_content[]` must not go unjudged. Of a repeated plain name the last counts."""
    assert form(b"c[]=a&c[]=b").get_text("c") == "a\nb"
    assert form(b"c=a&c=b").get_text("c") == "b"
    comment = comment_from_form(form(b"comment_content[]=buy&comment_content[1]=pills&comment_author[x]=Ann"))
    assert (comment.text, comment.author) == ("buy\npills", "Ann")


MULTIPART = "multipart/form-data; boundary=edge"


def multipart(*parts: tuple[str, bytes], end: bytes = b"--edge--\r\n") -> bytes:
    return (
        b"".join(
            b"--edge\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (disposition.encode(), value)
            for disposition, value in parts
        )
        + end
    )


def test_a_multipart_body_is_read() -> None:
    """PHP's curl sends nothing else for an array of fields. Bytes, arrays, charset and parts with file names count."""
    body = multipart(
        ('name="comment_content[]"', b"caf\xe9 & more%20=+"),
        ('name="comment_content[]"; filename="blob"', b"line\r\n--edge is no end\r\n"),
        ('name="blog_charset"', b"ISO-8859-1"),
        ("", b"a part without a name"),
    )
    read = form(body, "comment_author=Ann", MULTIPART)
    assert comment_from_form(read).text == "café & more%20=+\nline\r\n--edge is no end\r\n"
    assert read.get("comment_author") == "Ann" and set(read.fields) == {
        b"comment_author",
        b"comment_content",
        b"blog_charset",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"a=1",
        multipart(('name="a"', b"1"), end=b""),
        multipart(('name="a"', b"1"), end=b"--edge"),
        b'--edge\r\nContent-Disposition: form-data; name="a"',
        b"--edge\r\nNo: disposition\r\n\r\n1\r\n--edge--",
        b'--edge\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n--edge--',
    ],
)
def test_a_broken_multipart_body_is_refused(body: bytes) -> None:
    """It may have been cut off, and half a comment must not be judged."""
    with pytest.raises(BadRequest):
        form(body, kind=MULTIPART)


def test_too_many_parts_are_refused() -> None:
    """With 413, as a body that is too long."""
    body = multipart(*[('name="a"', b"1")] * (MAX_FIELDS + 1))
    with pytest.raises(RequestEntityTooLarge):
        form(body, kind=MULTIPART)


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


@given(st.binary(), st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40))
def test_any_multipart_is_read_or_refused(body: bytes, boundary: str) -> None:
    """Any bytes as a part, as the whole body and as the boundary."""
    kind = f"multipart/form-data; boundary={boundary}"
    for sent in (body, multipart(('name="a"', body)), multipart((body.decode("latin-1"), b"1"))):
        for content_type in (kind, MULTIPART):
            with suppress(BadRequest):
                form(sent, kind=content_type)


@given(st.binary(), st.binary(max_size=40))
def test_any_bytes_are_readable(body: bytes, charset: bytes) -> None:
    """No body and no charset makes parsing fail."""
    read = form(body + b"&blog_charset=" + charset)
    for name in read.fields:
        read.get(name.decode("latin-1"))
        read.get_flag(name.decode("latin-1"))
