"""Every signal: a comment that fires it with its exact value, and a similar comment that gives the value of silence."""

from math import log, log1p, nan
from typing import NamedTuple

import pytest

from moderation.domain.comment import NO_SIGNALS, Comment, SubmissionSignals
from moderation.features.lexicon import TOPICS, count_topics, word_list
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import SIGNALS, measure, signal_codes
from moderation.features.signals.submission import RULE_SIGNALS, rule_contributions

PAGE = "https://blog.example/post"
UNLIKELY = 1.8984375
"""Of the letters `xqzvkwj`, by the tables of the character model."""
PERSON = 2.44296875
"""Of `Maria Kowalska`, by the same tables."""
RUSSIAN = "Купить очень дешево и быстро прямо сейчас, доставка по всему миру, скидки каждый день"


class Row(NamedTuple):
    """A comment that fires a signal, the value, a comment that does not, and its value."""

    code: str
    fires: Comment
    value: float
    silent: Comment
    silence: float = 0.0


def text(code: str, fires: str, value: float, silent: str, silence: float = 0.0) -> Row:
    return Row(code, Comment(fires), value, Comment(silent), silence)


def author(code: str, fires: str, value: float, silent: str, silence: float = 0.0) -> Row:
    return Row(code, Comment("hello", author=fires), value, Comment("hello", author=silent), silence)


def url(code: str, fires: str, value: float, silent: str, silence: float = 0.0) -> Row:
    return Row(code, Comment("hello", url=fires), value, Comment("hello", url=silent), silence)


def email(code: str, fires: str, value: float, silent: str, silence: float = 0.0) -> Row:
    return Row(code, Comment("hello", email=fires), value, Comment("hello", email=silent), silence)


def words(number: int) -> str:
    return " ".join(["word"] * number)


TEXT_ROWS = (
    text("LENGTH", "hello world", log1p(11) / 3, ""),
    text("SHORT", "hello", 1 / 2, words(99), 1 / 100),
    text("CAPITALS", "HELLO wor", 5 / 8, "hello wor"),
    text(
        "MIXED_CASE",
        "see the heLLo and wOrld where people agree",
        2 / 5,
        "see the Hello and WORLD in a pLan or USSR by Ivanov",
    ),
    text("EXCLAMATIONS", "wow! really!！", log1p(3), "wow. really."),
    text("QUESTIONS", "how? why? where？", log1p(3), "how. why. where."),
    text("DIGITS", "call 12345 now", 5 / 14, "call now"),
    text("PUNCTUATION", 'well, yes; (no): "so" “it” isn’t', 10 / 32, "well yes no so it is not. ok!"),
    text("OPENS_WITH_REQUEST", "Hey guys, check out this", 1.0, "ok so it broke, check the log"),
    text("LONG", words(30), log(31 / 26), words(25)),
    text("WORD_LENGTH", "abcde abcdefghij", 7.5 / 5, "", nan),
    text("WORD_VARIETY", "one two three", 1.0, "one one one one", 1 / 4),
    text("GIBBERISH", "sdfghjkl aeiouae", 2 / 3, "strengths hmmmmmmmm entsprechend rsrsrsrs"),
    text("MONEY_SUMS", "pays $ 5 or 7 euro, 만원 or 3만원", log1p(3), "pays 5 or five euro"),
    text("INVISIBLE_CHARACTERS", "che\u200bap sh\u00adoes", log1p(2), "\U0001f469\u200d\U0001f4bb café"),
    text("STYLED_LETTERS", "ＡＢ shoes", log1p(2), "café"),
    text("LOOKALIKES", "che\u0430p \u0455hoes sho\u0435s", log1p(2), "iPhoneы, а не Windows"),
    text("EMOJI", "great 👍", 1.0, "great :)"),
    text("SPACED_LETTERS", "b u y n o w", 1.0, "a b c is easy"),
    text("LEETSPEAK", "fr33stuff v1agra", log1p(2), "the 33 of 1 h1 and b2"),
    text(
        "CODE",
        "x = f()\nif (a) {\n  p->q; a::b `code` foo.bar() => z\n$ ls",
        log1p(8),
        "sh<!-- -->oes; run it (now): see",
    ),
    text("QUOTES", "> you said so\nI did not", 1.0, "a > b, I did not"),
    text("HEADLINE", "<strong>Ten great shoes</strong>\nOur shop has them", 1.0, "<strong>Ten</strong> great shoes"),
    text("EXCERPT", "[...] as it says here", 1.0, "... as it says here"),
    text("COMMAS", "one, two, three four five six seven", 10 / 12, "one two three"),
    text("OWN_SITE", "nice read, visit my little blog", 1.0, "nice read, visit the blog"),
    text("OWN_LINK", "http://a.example is my blog", 1.0, "it is my blog"),
    text("GOODS", "louis vuitton handbags", 20 / 13, "louis and the bag"),
    text("PILLS", "weight loss pills", 20 / 13, "loss of weight"),
    text("GAMBLING", "casinos and poker", 20 / 13, "cards and dice"),
    text("FINANCE", "who recovered my money with a payday loan", 30 / 18, "who took it from them"),
    text("SERVICES", "seo and plumbers", 20 / 13, "water and pipes"),
    text("ADULT", "porn and webcams", 20 / 13, "films and cameras"),
    text("BARGAIN", "buy cheap", 20 / 12, "make dear"),
    text("CALL_TO_ACTION", "click here", 20 / 12, "here we are"),
    text("PRAISE", "great post", 10 / 12, "bad post"),
    text("SPINNING", "hey there anyway", 20 / 13, "there there"),
    text("CONVERSATION", "i think so", 10 / 13, "thinking aloud"),
    text("TECHNICAL", "a compiler bug", 20 / 13, "a garden flower"),
    text("PRAISE_ALONE", "great post and nice site", (2 / 3) / (1 + 5 / 30), "bad post"),
    text("ADVERT_PHRASES", "【대리】 출장 마사지, 안전 놀이터", 2.0, "출장 중에 마사지를 받았어요"),
)
PROBE_ROWS = (
    text("UNLIKELY_WORD", "see xqzvkwj now", UNLIKELY, "see strengthen now, hahahaha"),
    text("UNLIKELY_WORDS", "see xqzvkwj", UNLIKELY, "see strengthen, hahahaha"),
)
CONTACT_ROWS = (
    text("PHONE", "call +1 555 123 4567 or (020) 55 66 77 88", log1p(2), "all of 3 in 4, at 10.20"),
    text("EMAIL_IN_TEXT", "write to me@mail.example", 1.0, "see you @ noon"),
    text("EMAIL_IN_TEXT_FREE", "write to me@gmail.com", 1.0, "write to me@mail.example"),
    text("EMAIL_DISGUISED", "write to me (at) mail (dot) com", 1.0, "write to me@mail.example"),
    text("MESSENGER_HANDLE", "write @jane_doe", 1.0, "@jane_doe is right"),
    text("WALLET", "to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", 1.0, "to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
    text("CONTACT_KINDS", "me@gmail.com, +1 555 123 4567, +1 555 123 4568", log1p(2), "nothing"),
    text("CONTACT_LAST", words(20) + " +1 555 123 4567", 1.0, "+1 555 123 4567 " + words(20)),
    text("MENTION_LINK", "see @[Jane](https://a.example)", 1.0, "see [Jane](https://a.example)"),
    text("ORNAMENTS", "【shoes】 ★ cheap", log1p(3), "(shoes) cheap"),
    text("EMOJI_MANY", "👍 👍👍👍", log1p(2), "👍👍"),
    text("LINK_CARELESS", "<a href=http://a.example>x</a>", 1.0, '<a href="http://a.example">x</a>'),
    text("IMAGE", '<img src="http://a.example/x.png">', 1.0, "<image>"),
    text("LINK_ENCODED", "http://a.example/%6c%61%6D%70", 1.0, "http://a.example/%EC%B9%B4%20%2F"),
    text("LINE_REPEATED", "Red lamps for sale\nSee Red lamps for sale", 1.0, "Hello Ann\n\nHello Bob"),
)
LINK_ROWS = (
    text("LINKS", "http://a.example http://b.example/x", log1p(2), "a link"),
    text("LINK_ANY", "see http://a.example", 1.0, "see a"),
    text("LINKS_PER_WORD", "see http://a.example now", 5 / 7, "see now"),
    text("LINK_FIRST", "see http://a.example", 1.0, "see, http://a.example"),
    text("LINK_DOMAINS", "http://a.example http://x.a.example http://b.example", log1p(2), "nothing"),
    text("LINK_REPEATS", "http://a.example/1 http://x.a.example/2", log1p(1), "http://a.example http://b.example"),
    text("LINK_FORMS", "[url=http://a.example]a[/url] http://b.example", 1.0, "http://a.example b.com"),
    text("LINK_BBCODE", "[URL=http://a.example/ - bags[/URL - here", 1.0, "cache[url], see http://a.example/"),
    text("LINK_NAKED", "go to shoes.com", 1.0, "go to http://shoes.com"),
    text("LINK_DISGUISED", "go to shoes (dot) com", 1.0, "go to shoes.com"),
    text(
        "ANCHOR_WORDS", '<a href="http://a.example">cheap shoes</a>', 2 / 3, '<a href="http://a.example">a.example</a>'
    ),
    text(
        "ANCHOR_LAST", 'x <a href="http://a.example">shoes</a>!', 1.0, '<a href="http://a.example">shoes</a> are here'
    ),
    text(
        "ANCHOR_OFF_TOPIC",
        'a garden <a href="http://a.example">cheap shoes</a>, a <a href="http://b.example">garden</a>',
        1 / 2,
        'garden <a href="http://a.example">garden</a>',
    ),
    text("ANCHOR_PHRASE", '<a href="http://a.example">cheap shoes</a>', 1.0, '<a href="http://a.example">Shoes</a>'),
    text("LINK_PARAGRAPH", "It works.\n\nsee http://a.example/", 1.0, "It works. see http://a.example/"),
    text(
        "LINK_COMMERCE", "http://bestpaydayloans.example http://b.example", 1 / 2, "http://en.wikipedia.org/payday_loan"
    ),
    text("LINK_UNINTRODUCED", "It works.\n\nhttp://a.example/", 1.0, "It works, see:\n\nhttp://a.example/"),
    text("LINK_CHEAP_TLD", "http://a.xyz http://a.example", 1 / 2, "http://xyz.example"),
    text("LINK_FREE_HOSTING", "http://me.blogspot.com http://a.example", 1 / 2, "http://a.example/blogspot"),
    text("LINK_SHORTENED", "http://bit.ly/x http://a.example", 1 / 2, "http://bit.example/x"),
    text("LINK_FORUM_PROFILE", "http://a.example/member/3 http://a.example", 1 / 2, "http://member.example"),
    text("LINK_HYPHENS", "http://a-b.example http://a.example", 1 / 2, "http://ab.example/a-b"),
    text("LINK_RANDOM", "http://x7kq.example http://a.example", log1p(1) / 2, "http://kiwi7.example"),
    text("LINK_DIGITS", "http://a1.example http://a.example", 1 / 2, "http://a.example/1"),
    text("LINK_HOME_PAGE", "http://a.example/ http://a.example/x", 1 / 2, "http://a.example/x"),
    Row(
        "LINK_INTERNAL",
        Comment("see https://blog.example/other", permalink=PAGE),
        1.0,
        Comment("see https://a.example", permalink=PAGE),
    ),
    text("LINK_TRADE", "http://cerrajeros.example http://b.example", 1 / 2, "http://a.example/wiki/plumber"),
    text(
        "ANCHOR_TRADE",
        '<a href="http://a.example">Вскрытие замков</a>',
        1.0,
        '<a href="http://a.example">Anna Bishop</a> plumber',
    ),
)
TITLE_ROWS = (
    Row(
        "ON_TOPIC",
        Comment("I have some lamps", context="Lamps and shoes"),
        1 / 2,
        Comment("I have some", context="Lamps and shoes"),
    ),
    Row(
        "TITLE_ECHO",
        Comment("lamps and shoes " + words(12), context="Lamps and shoes"),
        1.0,
        Comment(words(12) + " lamps and shoes", context="Lamps and shoes"),
    ),
)
NAME_ROWS = (
    author("NAME_WORDS", "Ann Mary Lee", log1p(3) - 0.69, "", nan),
    author("NAME_LENGTH", "Ann", log1p(3) / 2, "", nan),
    author("NAME_COMMERCE", "cheap casino", log1p(2), "Ann"),
    author("NAME_DICTIONARY_WORDS", "Bedroom Lights by Ann", 3 / 4, "Ann Lee"),
    author("NAME_PHRASE", "bedroom lamps for sale", 1.0, "jan van dijk"),
    author("NAME_CASE", "ANNALEE", 1.0, "Annalee"),
    author("NAME_LOWER", "ann", 1.0, "Ann"),
    author("NAME_DIGITS", "ann7", 1.0, "ann"),
    author("NAME_GIBBERISH", "xkcdqr", 1.0, "Schwartz"),
    author("NAME_ADDRESS", "shoes.example.com", 1.0, "Ann Lee"),
    author("NAME_LINK", '<a href="http://a.example">Lamps</a>', 1.0, "lamps.example.com"),
    Row(
        "NAME_IN_ANCHOR",
        Comment('<a href="http://a.example">cheap lamps</a>', author="Lamps"),
        1.0,
        Comment('lamps <a href="http://a.example">here</a>', author="Lamps"),
    ),
    Row(
        "NAME_IS_ANCHOR",
        Comment('<a href="http://a.example">lamps</a>', author="Lamps"),
        1.0,
        Comment('<a href="http://a.example">cheap lamps</a>', author="Lamps"),
    ),
    Row(
        "NAME_IN_TEXT",
        Comment("thanks\n- Shoe Palace has them", author="Shoe Palace"),
        1.0,
        Comment("thanks, Shoe Palace has them", author="Shoe Palace"),
    ),
)
NAME_KIND_ROWS = (
    author("NAME_PERSON", "Maria Kowalska", PERSON, "田中", nan),
    author("NAME_UNLIKELY", "xqzvkwj", UNLIKELY, "Maria"),
    author("NAME_TRADE", "Cerrajeros Madrid", 1.0, "Anna Bishop"),
    Row("NAME_OTHER_SCRIPT", Comment("hello", author="카지노"), 1.0, Comment("안녕", author="카지노")),
    author("NAME_LETTERED", "Henrybouth", 1.0, "Peterson"),
    Row(
        "NAME_IN_LINK",
        Comment('<a href="http://red-lamps.example">x</a>', author="Red Lamps"),
        1.0,
        Comment('<a href="http://red-lamps.example">x</a>', author="Ann Lee"),
    ),
)
URL_ROWS = (
    url("NOTHING_PROMOTED", "", 1.0, "http://a.example"),
    url("URL_PATH", "http://a.example/x", 1.0, "http://a.example/"),
    url("URL_PATH_LENGTH", "http://a.example/abc", log1p(4) / 3, "http://a.example"),
    url("URL_CHEAP_TLD", "http://a.xyz", 1.0, "http://xyz.example"),
    url("URL_COMMERCE", "http://bestpaydayloans.example", 1.0, "http://seoul-wheels.example"),
    url("URL_FREE_HOSTING", "http://me.weebly.com", 1.0, "http://me.example"),
    url("URL_SHORTENED", "http://tinyurl.com/x", 1.0, "http://a.example/x"),
    url("URL_WELL_KNOWN_SITE", "https://github.com/ann", 1.0, "https://ann.example"),
    url("URL_KEYWORD_PATH", "http://a.example/buy-cheap-red-shoes", 1.0, "http://a.example/buy-cheap-shoes"),
    url("URL_FORUM_PROFILE", "http://a.example/showthread.php", 1.0, "http://a.example/about"),
    url("URL_RANDOM", "http://x7kq-bcdfgh.example", log1p(2), "http://kiwi.example"),
    url("URL_HYPHENS", "http://a-b-c.example", log1p(2), "http://abc.example/a-b"),
    url("URL_DIGITS", "http://a1.example", 1.0, "http://a.example/1"),
    url("URL_QUERY", "http://a.example/?p=1", 1.0, "http://a.example/p"),
    Row(
        "URL_IN_LINKS",
        Comment("see http://x.a.example", url="http://a.example"),
        1.0,
        Comment("see http://b.example", url="http://a.example"),
    ),
    Row(
        "URL_NAME_IN_HOST",
        Comment("hello", author="Anna Lamps Lee", url="http://my-lamps.example"),
        1 / 2,
        Comment("hello", author="Anna Lamps Lee", url="http://my.example"),
    ),
)
URL_KIND_ROWS = (
    url("URL_TRADE", "http://madrid.example/cerrajeros", 1.0, "http://bishop.example"),
    Row(
        "URL_OTHER_SCRIPT",
        Comment("hello", url="http://a.example/%EC%B9%B4"),
        1.0,
        Comment("안녕", url="http://a.example/%EC%B9%B4"),
    ),
    Row(
        "URL_NAME_PHRASE",
        Comment("hello", author="Cheap Cleaning Services", url="http://cheap-cleaning-services.example"),
        2.0,
        Comment("hello", author="Maria Kowalska", url="http://mariakowalska.example"),
    ),
    url("URL_UNLIKELY", "http://xqzvkwj.example", UNLIKELY, "http://strengthen.example"),
)
EMAIL_ROWS = (
    email("EMAIL_FREE", "ann@GMail.com", 1.0, "ann@a.example"),
    email("EMAIL_DISPOSABLE", "ann@mailinator.com", 1.0, "ann@a.example"),
    email("EMAIL_CHEAP_TLD", "ann@a.xyz", 1.0, "ann@xyz.example"),
    Row(
        "EMAIL_OWN_DOMAIN",
        Comment("hello", email="ann@mail.a.example", url="http://www.a.example"),
        1.0,
        Comment("hello", email="ann@b.example", url="http://a.example"),
    ),
)
ROWS = (
    *TEXT_ROWS,
    *PROBE_ROWS,
    *CONTACT_ROWS,
    *LINK_ROWS,
    *TITLE_ROWS,
    *NAME_ROWS,
    *NAME_KIND_ROWS,
    *URL_ROWS,
    *URL_KIND_ROWS,
    *EMAIL_ROWS,
)


def value_of(comment: Comment, code: str) -> float:
    return measure(ParsedComment(comment))[signal_codes().index(code)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_signal_values(row: Row) -> None:
    """A signal has the exact value for a comment that fires it, and the value of silence for one that does not."""
    assert value_of(row.fires, row.code) == pytest.approx(row.value, abs=1e-9)
    assert value_of(row.silent, row.code) == pytest.approx(row.silence, abs=1e-9, nan_ok=True)


def test_every_signal_has_a_row() -> None:
    """The table has one row for each signal, in their order."""
    assert [row.code for row in ROWS] == [signal.code for signal in SIGNALS]


def linked(anchor: str, before: str = "", after: str = "") -> Comment:
    return Comment(f'{before}<a href="http://a.example">{anchor}</a>{after}')


EDGES = (
    ("CAPITALS", Comment("ÄÖ ab"), 2 / 4),
    ("MIXED_CASE", Comment("heLLo"), 1 / 3),
    ("MIXED_CASE", Comment("heLo"), 0.0),
    ("QUESTIONS", Comment("?" * 10), 2.0),
    ("DIGITS", Comment("1"), 1 / 10),
    ("PUNCTUATION", Comment(","), 1 / 10),
    ("OPENS_WITH_REQUEST", Comment("hey " * 5 + "check"), 1.0),
    ("OPENS_WITH_REQUEST", Comment("hey " * 6 + "check"), 0.0),
    ("WORD_LENGTH", Comment("a" * 20), 3.0),
    ("WORD_VARIETY", Comment("word"), nan),
    ("WORD_VARIETY", Comment(words(201)), 1 / 200),
    ("GIBBERISH", Comment("sdfghjkl " * 3), 1.0),
    ("GIBBERISH", Comment("sdfghjkl " + words(19)), 1 / 4),
    ("SPACED_LETTERS", Comment("b_u_y_n_o"), 1.0),
    ("SPACED_LETTERS", Comment("b u y n o"), 1.0),
    ("SPACED_LETTERS", Comment("b u y n"), 0.0),
    ("ADULT", Comment("porn " * 50), 3.0),
    ("PRAISE_ALONE", Comment("great post " * 4), 1 / (1 + 8 / 30)),
    ("CODE", Comment("x" * 1_998 + "->"), log1p(1)),
    ("CODE", Comment("x" * 1_999 + "->"), 0.0),
    ("COMMAS", Comment("a," * 5), 1.0),
    ("OWN_SITE", Comment("my blog " + "x" * 112), 1.0),
    ("OWN_SITE", Comment("my blog " + "x" * 113), 0.0),
    ("LINKS_PER_WORD", Comment("http://a.example " * 5), 2.0),
    ("ANCHOR_WORDS", linked(words(10)), 2.0),
    ("ANCHOR_LAST", linked("shoes", after=" ab!"), 1.0),
    ("ANCHOR_LAST", linked("shoes", after=" abc"), 0.0),
    ("ANCHOR_OFF_TOPIC", linked("nice shoes"), 1.0),
    ("ANCHOR_OFF_TOPIC", linked("nice shoes", before="nice or not: "), 0.0),
    ("LINK_PARAGRAPH", Comment("Yes.\n\n" + "x" * 50 + " http://a.example/"), 0.0),
    ("LINK_PARAGRAPH", Comment("Yes.\n\n" + "x" * 49 + " http://a.example/"), 1.0),
    ("LINK_PARAGRAPH", Comment("Yes.\n\nhttp://a.example/ ab"), 1.0),
    ("LINK_PARAGRAPH", Comment("Yes.\n\nhttp://a.example/ abc"), 0.0),
    ("LINK_UNINTRODUCED", Comment("Yes." + "\n" * 49 + "http://a.example/"), 1.0),
    ("LINK_UNINTRODUCED", Comment("Yes." + "\n" * 50 + "http://a.example/"), 0.0),
    ("LINK_RANDOM", Comment("http://a.example/x7kq-bcdfgh"), 0.0),
    ("NAME_WORDS", Comment("", author="Ann"), log(2) - 0.69),
    ("NAME_DICTIONARY_WORDS", Comment("", author="Ads X"), 0.0),
    ("NAME_DICTIONARY_WORDS", Comment("", author="Cars X"), 1.0),
    ("NAME_PHRASE", Comment("", author="bedroom lamps sale"), 1.0),
    ("NAME_PHRASE", Comment("", author="bedroom lamps"), 0.0),
    ("NAME_CASE", Comment("", author="ANNA"), 0.0),
    ("NAME_CASE", Comment("", author="annaB"), 1.0),
    ("NAME_GIBBERISH", Comment("", author="Aeioua"), 1.0),
    ("NAME_GIBBERISH", Comment("", author="Aeio"), 0.0),
    ("NAME_ADDRESS", Comment("", author="www shoes"), 0.0),
    ("NAME_ADDRESS", Comment("", author="http:shoes"), 1.0),
    ("NAME_ADDRESS", Comment("", author="J.R.R. Smith"), 0.0),
    ("NAME_ADDRESS", Comment("", author="M.K.Smith"), 0.0),
    ("NAME_ADDRESS", Comment("", author="at news.a.example now"), 1.0),
    ("NAME_IN_ANCHOR", Comment(linked("cheap lamp").text, author="Lamp"), 1.0),
    ("NAME_IN_ANCHOR", Comment(linked("cheap ann").text, author="Ann"), 0.0),
    ("NAME_IN_TEXT", Comment("Al Bund here", author="Al Bund"), 1.0),
    ("NAME_IN_TEXT", Comment("Al Bun here", author="Al Bun"), 0.0),
    ("NOTHING_PROMOTED", Comment("mail me@a.example", url=""), 0.0),
    ("NOTHING_PROMOTED", Comment("see http://a.example", url=""), 0.0),
    ("NOTHING_PROMOTED", Comment("call +1 555 123 4567", url=""), 0.0),
    ("NOTHING_PROMOTED", Comment("@joe thank you", url=""), 1.0),
    ("NOTHING_PROMOTED", Comment("hello", author="www.a.example", url=""), 0.0),
    ("URL_NAME_IN_HOST", Comment("", author="Anna Lee", url="http://anna-lee.example"), 1.0),
    ("URL_NAME_IN_HOST", Comment("", author="Ann Lee", url="http://ann-lee.example"), 0.0),
    ("EMAIL_FREE", Comment("", email="not an address"), nan),
    ("ON_TOPIC", Comment("the and"), nan),
)


@pytest.mark.parametrize(("code", "comment", "value"), EDGES, ids=[f"{code}-{i}" for i, (code, *_) in enumerate(EDGES)])
def test_edges_of_signals(code: str, comment: Comment, value: float) -> None:
    """Values at the limits of lengths and counts are exact too."""
    assert value_of(comment, code) == pytest.approx(value, abs=1e-9, nan_ok=True)


SCRIPTS = (
    ("CAPITALS", Comment("شكرا جزيلا على هذا المقال"), nan),
    ("CAPITALS", Comment("iPhoneを使っています。とても便利です"), nan),
    ("CAPITALS", Comment("Я живу в Риме"), 2 / 10),
    ("MIXED_CASE", Comment("شكرا جزيلا على المقالات الرائعة"), 0.0),
    ("MIXED_CASE", Comment("გმადლობთ საინტერესო სტატიისთვის"), 0.0),
    ("QUESTIONS", Comment("متى ينشر الجزء الثاني؟"), log1p(1)),
    ("PUNCTUATION", Comment("「はい」、そうです"), 3 / (9 + 2 * 6)),
    ("PUNCTUATION", Comment("ขอบคุณมากครับ"), nan),
    ("COMMAS", Comment("ขอบคุณมากครับ"), nan),
    ("COMMAS", Comment("نعم، شكرا"), 5 / 7),
    ("SHORT", Comment("谢谢你的文章"), 1 / 4),
    ("LENGTH", Comment("谢谢你"), log1p(9) / 3),
    ("LONG", Comment("谢谢" * 30), log(31 / 26)),
    ("LONG", Comment("สวัสดี" * 25), log(31 / 26)),
    ("WORD_LENGTH", Comment("Grüße aus dem Schwarzwald"), nan),
    ("WORD_VARIETY", Comment("谢谢 谢谢"), nan),
    ("GIBBERISH", Comment("nejnezdevětadevadesáteronásobitelnější zmrzlina"), 0.0),
    ("INVISIBLE_CHARACTERS", Comment("می\u200cخواهم"), 0.0),
    ("INVISIBLE_CHARACTERS", Comment("क्\u200dष और क्\u200cष"), 0.0),
    ("INVISIBLE_CHARACTERS", Comment("សួស្តី\u200bអ្នក"), 0.0),
    ("INVISIBLE_CHARACTERS", Comment("加\u200b我"), log1p(1)),
    ("INVISIBLE_CHARACTERS", Comment("vi\u200cag\u200dra"), log1p(2)),
    ("INVISIBLE_CHARACTERS", Comment("\u200fשלום\u200f"), 0.0),
    ("INVISIBLE_CHARACTERS", Comment("hi\u200f"), log1p(1)),
    ("INVISIBLE_CHARACTERS", Comment("hi\ufeff"), 0.0),
    ("INVISIBLE_CHARACTERS", Comment("h\ufeffi"), log1p(1)),
    ("INVISIBLE_CHARACTERS", Comment("Donau\u00addampf\u00adschiff"), 0.0),
    ("INVISIBLE_CHARACTERS", Comment("Haus\u00adtür"), 0.0),
    ("INVISIBLE_CHARACTERS", Comment("cas\u00adino d\u00ad\u00adonaudampfschiff"), log1p(3)),
    (
        "INVISIBLE_CHARACTERS",
        Comment("👨\u200d👩\u200d👧 ❤\ufe0f 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 🇩🇪"),
        0.0,
    ),
    ("STYLED_LETTERS", Comment("ＡＢＣの本"), 0.0),
    ("STYLED_LETTERS", Comment("\U0001f170\ufe0f \u24c2\ufe0f"), 0.0),
    ("SPACED_LETTERS", Comment("1 2 3 4 5 6"), 0.0),
    ("SPACED_LETTERS", Comment("ㅋ ㅋ ㅋ ㅋ ㅋ ㅋ"), 0.0),
    ("CODE", Comment("Πότε γίνεται αυτό;"), 0.0),
    ("CODE", Comment("a &quot;word&quot;"), 0.0),
    ("ANCHOR_OFF_TOPIC", linked("便宜的鞋子在这里"), 0.0),
    ("LINK_PARAGRAPH", Comment("是的。\n\n" + "我们都很喜欢这个地方" * 2 + " http://a.example/"), 0.0),
    ("LINK_HYPHENS", Comment("http://xn--mnchen-3ya.example/"), 0.0),
    ("LINK_RANDOM", Comment("http://xn--80ak6aa92e.example/"), 0.0),
    ("LINK_DIGITS", Comment("http://xn--80ak6aa92e.example/"), 0.0),
    ("ON_TOPIC", Comment("好的", context="今天的天气怎么样"), nan),
    ("NAME_WORDS", Comment("", author="김철수"), nan),
    ("NAME_LENGTH", Comment("", author="王小明"), nan),
    ("NAME_CASE", Comment("", author="عبدالرحمن"), nan),
    ("NAME_LOWER", Comment("", author="محمد"), nan),
    ("NAME_LOWER", Comment("", author="გიორგი"), nan),
    ("NAME_PHRASE", Comment("", author="გიორგი მაია ნინო"), nan),
    ("NAME_GIBBERISH", Comment("", author="Mkrtchyan Goldschmidt"), 0.0),
    ("URL_HYPHENS", Comment("", url="http://xn--mnchen-3ya.example/"), 0.0),
    ("URL_DIGITS", Comment("", url="http://xn--mnchen-3ya.example/"), 0.0),
    ("URL_PATH_LENGTH", Comment("", url="http://a.example/"), 0.0),
    ("URL_NAME_IN_HOST", Comment("", author="محمد العلي", url="http://m.example/"), nan),
)


@pytest.mark.parametrize(
    ("code", "comment", "value"), SCRIPTS, ids=[f"{code}-{i}" for i, (code, *_) in enumerate(SCRIPTS)]
)
def test_a_signal_fires_only_where_its_script_gives_it_a_meaning(code: str, comment: Comment, value: float) -> None:
    """A signal is NaN or silent where a script spells so, and keeps its value where it does not."""
    assert value_of(comment, code) == pytest.approx(value, abs=1e-9, nan_ok=True)


class RuleRow(NamedTuple):
    """A comment and its submission that fire a rule signal, the exact contribution, and a submission that does not.

    `silent_text` is the text that goes with the latter, the same text if it is empty.
    """

    code: str
    comment: Comment
    fires: SubmissionSignals
    contribution: float
    silent: SubmissionSignals
    silent_text: str = ""


LONG = Comment("x" * 61)
RULE_ROWS = (
    RuleRow("HONEYPOT", LONG, SubmissionSignals(honeypot_filled=True), 5.0, SubmissionSignals(honeypot_filled=False)),
    RuleRow("NO_SCRIPT", LONG, SubmissionSignals(script_ran=False), 1.5, SubmissionSignals(script_ran=True)),
    RuleRow("TOO_FAST", LONG, SubmissionSignals(seconds_to_submit=2.9), 1.0, SubmissionSignals(seconds_to_submit=3.0)),
    RuleRow("FEW_KEYSTROKES", LONG, SubmissionSignals(keystrokes=6), 0.5, SubmissionSignals(keystrokes=7)),
    RuleRow(
        "PAGE_TAG_IN_TEXT",
        Comment("My gardening book says so"),
        SubmissionSignals(page_tags=("cars", "Garden")),
        -0.5,
        SubmissionSignals(page_tags=("cars", "a", "say")),
    ),
    RuleRow("OLD_PAGE", LONG, SubmissionSignals(page_age_days=365.0), 0.25, SubmissionSignals(page_age_days=182.0)),
    RuleRow("FOREIGN_SCRIPT", Comment(RUSSIAN, lang="en_US"), NO_SIGNALS, 1.0, NO_SIGNALS),
    RuleRow("NONSENSE", Comment("xqzvkwj"), NO_SIGNALS, 4.5, NO_SIGNALS, "strengthen"),
    RuleRow("SALES_PITCH", Comment("We offer SEO for your shop.", type="contact-form"), NO_SIGNALS, 6.0, NO_SIGNALS),
    RuleRow("INQUIRY", Comment("Do you sell bread?", type="message"), NO_SIGNALS, -1.0, NO_SIGNALS),
)


@pytest.mark.parametrize("row", RULE_ROWS, ids=lambda row: row.code)
def test_rule_signal_contributions(row: RuleRow) -> None:
    """A rule signal adds exactly its contribution, and no other signal fires."""
    assert rule_contributions(ParsedComment(row.comment), row.fires) == {row.code: pytest.approx(row.contribution)}
    silent = Comment(row.silent_text or row.comment.text, lang="en, ru_RU")
    assert rule_contributions(ParsedComment(silent), row.silent) == {}


def test_every_rule_signal_has_a_row() -> None:
    """The table has one row for each rule signal, in their order."""
    assert [row.code for row in RULE_ROWS] == [signal.code for signal in RULE_SIGNALS]


def test_each_entry_of_a_word_list_counts_for_its_topic() -> None:
    """An entry counts for its topic, a stem with any ending too."""
    for topic in TOPICS:
        for entry in word_list(f"topic_{topic}"):
            stem = entry.removesuffix("*")
            for form in (stem, stem + stem[-1]) if stem != entry else (entry,):
                assert count_topics(form.split()).get(topic), form
