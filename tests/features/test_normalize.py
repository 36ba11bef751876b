"""Normalising hostile text."""

import pytest
from hypothesis import given

from moderation.features.normalize import MAX_LENGTH, canonical_text, canonicalize
from tests.strategies import hostile_texts


@given(hostile_texts)
def test_normalising_twice_is_once(text: str) -> None:
    """What was normalised stays as it is, so that a key made from it is one key."""
    once = canonical_text(text)
    assert canonical_text(once) == once


@given(hostile_texts)
def test_every_character_knows_where_it_came_from(text: str) -> None:
    """Each character has an origin inside the original, and they are in order."""
    canonical = canonicalize(text)
    starts, ends = canonical.origins()
    assert len(canonical.text) == len(canonical.cased) == len(starts) == len(ends)
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
def test_the_same_text_in_disguise_is_the_same_text(hostile: str, plain: str) -> None:
    """Entities, tags, slashes, invisible and look-alike characters hide nothing."""
    assert canonical_text(hostile) == plain


def test_words_of_one_alphabet_keep_it() -> None:
    """Only words that mix alphabets are disguised; a Russian word is not turned into Latin letters."""
    assert canonical_text("сосна") == "сосна"


def test_words_at_home_in_their_text_stay() -> None:
    """Cherokee beside Latin letters is read as it is, and so are words that honestly join two alphabets."""
    assert canonical_text("\u13a3\u13cd\u13aa is a word") == "\uab73\uab9d\uab7a is a word"


def test_a_text_of_look_alikes_alone_is_unmasked() -> None:
    """A word wholly of look-alikes is Latin where all the rest is, and stays where its alphabet is at home."""
    assert canonical_text("shoes for \u0440\u0443\u0441\u0441") == "shoes for pycc"
    assert (
        canonical_text("shoes \u0434\u043b\u044f \u0440\u0443\u0441\u0441")
        == "shoes \u0434\u043b\u044f \u0440\u0443\u0441\u0441"
    )


def test_what_is_stored_backwards_is_read_as_it_is_shown() -> None:
    """A right-to-left override shows its letters in another order; each still knows where it came from."""
    canonical = canonicalize("buy \u202eseohs\u202c now")
    assert canonical.text == "buy shoes now"
    assert canonical.origins().stretch(4, 9) == (5, 10)


def test_an_original_stretch_holds_its_markup() -> None:
    """A word that tags split is found again, tags and all, in the text as it was sent."""
    text = "buy vi<b>ag</b>ra now"
    canonical = canonicalize(text)
    at = canonical.text.index("viagra")
    start, end = canonical.origins().stretch(at, at + 6)
    assert text[start:end] == "vi<b>ag</b>ra"


def test_of_a_long_text_both_ends_are_read() -> None:
    """A text over the limit loses its middle: neither head nor tail is a hiding place."""
    long = "head " + "x" * (2 * MAX_LENGTH) + " tail"
    canonical = canonicalize(long)
    assert len(canonical.text) <= MAX_LENGTH
    assert canonical.text.startswith("head") and canonical.text.endswith("tail")
    assert canonical.origins().stretch(len(canonical.text) - 4, len(canonical.text)) == (len(long) - 4, len(long))


def test_many_layers_of_encoding_end_somewhere() -> None:
    """Entities inside entities are opened a few times, then what is left of them goes."""
    text = "<script>"
    for _ in range(40):
        text = text.replace("&", "&#38;").replace("<", "&#60;")
    once = canonical_text(text)
    assert canonical_text(once) == once
