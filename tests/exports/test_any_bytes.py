"""Any bytes as an export are read, or refused with an `InvalidInput`."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInput
from moderation.domain.history import PastComment
from moderation.exports.formats import FORMATS, open_export
from tests.exports import samples
from tests.exports.samples import SITE

_MARKS = (b"<", b"</", b"]]>", b"&", b"'", b"\\", b"(", b");\n", b"NULL", b'"', b"{", b"[]", b"null", b"1e999", b"\xff")
_PIECES = st.sampled_from((b"", b"\0", *_MARKS)) | st.binary(max_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def contents(folder: Path) -> dict[str, bytes]:
    """The samples of all formats, those that are compressed as they are."""
    return {
        **{kind: samples.sample(kind, folder).read_bytes() for kind in FORMATS},
        "dump": samples.WORDPRESS_DUMP,
        "xml": samples.DISQUS,
        "backup": samples.remark42(),
    }


@given(st.data())
def test_any_bytes_are_read_or_refused(folder: Path, contents: dict[str, bytes], data: st.DataObject) -> None:
    """A part of a sample is replaced by other bytes, and read in its own format or in another one."""
    content = contents[data.draw(st.sampled_from(sorted(contents)))]
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 50)))
    path = folder / "any"
    path.write_bytes(content[:start] + data.draw(_PIECES) + content[end:])
    with open_export(data.draw(st.sampled_from(sorted(FORMATS))), path, SITE) as export:
        try:
            comments = list(export.comments)
        except InvalidInput as error:
            comments, message = [], str(error)
        else:
            message = path.name
    assert path.name in message and all(isinstance(comment, PastComment) for comment in comments)
