"""Normalization of hostile text."""

import pytest
from hypothesis import given

from moderation.features.normalize import MAX_FIELD_LENGTH, normalize, normalized
from tests.strategies import hostile_texts


@given(hostile_texts)
def test_normalization_is_idempotent(text: str) -> None:
    """A normalized text stays unchanged, so that a hash of it is unique."""
    once = normalized(text)
    assert normalized(once) == once


@given(hostile_texts)
def test_each_character_has_an_origin(text: str) -> None:
    """Each character has an origin inside the original, in ascending order."""
    normalized = normalize(text)
    starts, ends = normalized.offset_map()
    assert len(normalized.text) == len(normalized.cased) == len(starts) == len(ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(starts, ends, strict=True))
    assert list(starts) == sorted(starts) and list(ends) == sorted(ends)


@pytest.mark.parametrize(
    ("hostile", "plain"),
    [
        ('It\\\'s \\"fine\\"', 'it\'s "fine"'),
        ("C:\\\\dir", "c:\\dir"),
        ("fish &amp; chips", "fish & chips"),
        ("&amp;amp;lt;b&amp;gt;", ""),
        ("vi<b></b>ag<i>ra</i>", "viagra"),
        ("one<br/>two<p>three", "one two three"),
        ("vi\u200bag\u00adra", "viagra"),
        ("\u202eolleh\u202c, it is", "hello, it is"),
        ("vi\u0430gr\u0430", "viagra"),
        ("A\u041f", "an"),
        ("T\u0308", "\u1e97"),
        ("\U0001d41b\U0001d428\U0001d425\U0001d41d", "bold"),
        ("ＦＲＥＥ", "free"),
        ("[url=http://a.example]here[/url]", "here"),
        ("  a \r\n\t b  ", "a b"),
        ("İstanbul", "istanbul"),
        ("z\u0301\u0302\u0303\u0304a", "za"),
        ("Привет", "привет"),
        ("Пpивет, зapaбoтoк oт 220", "привет, заработок от 220"),
        ("нaбuрaю кoмaндy", "набираю команду"),
        ("Пᴏддᴇᴧьнᴀя ʙᴀᴧюᴛᴀ", "поддельная валюта"),
        ("ᴄʜᴇᴀᴘ sʜᴏᴇs", "cheap shoes"),
        ("\u13df\u13bb\u13ac\u13aa\u13e2 shoes", "cheap shoes"),
        ("\U0001f172\U0001f177\U0001f174\U0001f170\U0001f17f \U0001f162hoes", "cheap shoes"),
        ("c\u0336h\u0336e\u0336a\u0336p\u0336 \u0336s\u0332h\u20ddo\u0338e\u0362s", "cheap shoes"),
        ("a \u2260 b, 1\ufe0f\u20e3", "a \u2260 b, 1\u20e3"),
        ("лучшее \u0441asino для вас", "лучшее casino для вас"),
        ("iPhoneы для Windows", "iphoneы для windows"),
        ("Chromeы и Pythonы, GPS", "chromeы и pythonы, gps"),
        ("Youtub\u0435 и M\u0430c, M\u0430\u0441ы", "youtube и mac, масы"),
        ("che\u0430p x\u0430nax bu\u0443, а это длинное предложение", "cheap xanax buy, а это длинное предложение"),
        ("c\u0430sin\u04e7, cas\u0438no", "casin\u04e7, cas\u0438no"),
        ("кaзiнo, пiсля, paбoтa", "казіно, після, работа"),
        ("KУПNТЬ", "купить"),
        ("\u01a6\ua7ae", "ri"),
        ("\u0451\ua7ae", "\u0451i"),
        ("&IN;", "\u2208"),
        ("aT\u0308\u03c9\u03b1", "a\u1e97\u03c9a"),
        ("c\u0336a\u0336s\u0336.\u0336c\u0336o\u0336m", "cas.com"),
        ("a < b and b > c", "a < b and b > c"),
        ("\ud800", "\ufffd"),
        ("", ""),
    ],
)
def test_disguised_text_is_normalized(hostile: str, plain: str) -> None:
    """Entities, tags, slashes, invisible characters and homoglyphs hide nothing."""
    assert normalized(hostile) == plain


def test_words_of_one_script_stay() -> None:
    """Only words that mix scripts are disguised; a Russian word is not turned into Latin letters."""
    assert normalized("сосна") == "сосна"


def test_other_scripts_beside_latin_stay() -> None:
    """Cherokee words beside Latin ones stay Cherokee."""
    assert normalized("\u13a3\u13cd\u13aa is a word") == "\uab73\uab9d\uab7a is a word"


def test_a_word_of_homoglyphs_alone_follows_its_text() -> None:
    """A word of look-alikes alone becomes Latin in a Latin text, and stays in a text with other Cyrillic letters."""
    assert normalized("shoes for \u0440\u0443\u0441\u0441") == "shoes for pycc"
    assert (
        normalized("shoes \u0434\u043b\u044f \u0440\u0443\u0441\u0441")
        == "shoes \u0434\u043b\u044f \u0440\u0443\u0441\u0441"
    )


def test_right_to_left_override_is_read_as_displayed() -> None:
    """Letters under an override are reversed, and originate in the whole run."""
    normalized = normalize("buy \u202eseohs\u202c now")
    assert normalized.text == "buy shoes now"
    assert normalized.offset_map().original_span(4, 9) == (5, 10)


def test_an_original_span_includes_markup() -> None:
    """The span of a word that tags split includes the tags."""
    text = "buy vi<b>ag</b>ra now"
    normalized = normalize(text)
    begin = normalized.text.index("viagra")
    start, end = normalized.offset_map().original_span(begin, begin + 6)
    assert text[start:end] == "vi<b>ag</b>ra"


def test_both_ends_of_a_long_text_are_read() -> None:
    """A text over the limit loses its middle, so spam can hide neither at the beginning nor at the end."""
    long = "head " + "x" * (2 * MAX_FIELD_LENGTH) + " tail"
    normalized = normalize(long)
    assert len(normalized.text) <= MAX_FIELD_LENGTH
    assert normalized.text.startswith("head") and normalized.text.endswith("tail")
    assert normalized.offset_map().original_span(len(normalized.text) - 4, len(normalized.text)) == (
        len(long) - 4,
        len(long),
    )


def test_nested_entities_are_decoded_to_a_limit() -> None:
    """Entities inside entities are decoded a few times, then their syntax is removed."""
    text = "<script>"
    for _ in range(40):
        text = text.replace("&", "&#38;").replace("<", "&#60;")
    once = normalized(text)
    assert normalized(once) == once
