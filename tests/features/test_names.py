"""Names that sell in many languages, names of people, and addresses in their own script."""

from statistics import fmean

import pytest

from moderation.domain.comment import Comment
from moderation.features.links import parse_url
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import measure, signal_codes
from moderation.features.signals.names import address_words, count_trades, person_likeness

SELLERS = """
Locksmith Madrid 24h|Cerrajeros Madrid 24h|Serrurier Paris 15|Schlüsseldienst Köln|Fabbro Roma|Chaveiro 24 horas
Slotenmaker Utrecht|Låssmed Malmö|Ślusarz Warszawa|Zámečník Praha|Çilingir Ankara|Вскрытие замков Москва|מנעולן בתל אביב
شركة تنظيف بالرياض|خرید بلیط|강남 출장안마|카지노사이트|网上博彩
鍵屋 東京|คาสิโนออนไลน์|Jasa SEO|Dịch vụ: sửa nhà, nội thất
Essay Papers Online|Takipçi Satın Al|Promokod 2021|Вывоз мусора|Incontri Milano|홈타이 추천|发票代开
Nettoyage Lyon|Umzug Berlin|Mudanzas Sevilla|Ремонт квартир|Best Roofing Austin|houston-plumbing|escortbayan
""".replace("\n", "|").strip("|")
PEOPLE = """
Anna Bishop|Dylan Sloan|Marta Kowalska|Jürgen Schneider|Lakatos Imre|Giulia Rossi|João da Silva|Иван Петров
Олена Шевченко|김민수|田中 太郎|王小明|محمد الخطيب|יעל כהן
Nguyễn Văn An|Somchai Pornthip|Ayşe Yılmaz|Priya Sharma|Jan de Vries|Zoltán Nagy
""".replace("\n", "|").strip("|")


def parsed(author: str, url: str | None = None, text: str = "thank you") -> ParsedComment:
    return ParsedComment(Comment(text, author=author, url=url))


def test_a_name_that_sells_is_known_in_many_languages() -> None:
    """The trade decides, not the language that it is named in; a surname is no trade."""
    assert [name for name in SELLERS.split("|") if not count_trades(parsed(name).author)] == []
    assert [name for name in PEOPLE.split("|") if count_trades(parsed(name).author)] == []


def test_a_link_that_sells_is_known_in_many_languages() -> None:
    """The link text and the address are read as a name is; a link to a person or an article sells nothing."""
    trade, anchor = signal_codes().index("LINK_TRADE"), signal_codes().index("ANCHOR_TRADE")
    for name in SELLERS.split("|"):
        assert measure(parsed("Ann", text=f'<a href="https://a.example">{name}</a>'))[anchor] > 0, name
    for name in PEOPLE.split("|"):
        assert measure(parsed("Ann", text=f'<a href="https://a.example">{name}</a>'))[anchor] == 0, name
    assert measure(parsed("Ann", text="siehe https://schluesseldienst-berlin.example/a"))[trade] > 0
    assert measure(parsed("Ann", text="see https://paper.example/online-casino-ban"))[trade] == 0


@pytest.mark.parametrize("subject", ["Security manual", "service pack 2", "ein Magazin", "constructive mathematics"])
def test_a_subject_of_manuals_and_magazines_sells_nothing_in_a_link(subject: str) -> None:
    """Words that are a trade as a name are a subject as a link text."""
    anchor = signal_codes().index("ANCHOR_TRADE")
    assert measure(parsed("Ann", text=f'<a href="https://a.example">{subject}</a>'))[anchor] == 0


def test_names_of_people_are_like_names_of_people() -> None:
    """In scripts with spaces, names of people are far more like names than trades are."""
    names = ("Marta Kowalska", "Giulia Rossi", "Иван Петров", "Zoltán Nagy")
    people = [person_likeness(parsed(name)) for name in names]
    trades = [person_likeness(parsed(name)) for name in ("cleaning services", "ремонт квартир", "Schlüsseldienst")]
    assert fmean(people) > 2 > 1.5 > fmean(trades)


def test_a_phrase_in_the_address_is_not_a_persons_own_domain() -> None:
    """The words of a phrase in the host count, whatever its language; a person's name in the host does not."""
    phrase = signal_codes().index("URL_NAME_PHRASE")
    assert measure(parsed("Cerrajeros Madrid", "https://cerrajeros-madrid.example"))[phrase] > 0.5
    assert measure(parsed("Giulia Rossi", "https://giulia-rossi.example"))[phrase] == 0.0


@pytest.mark.parametrize("name", ['<a href="https://lamps.example">Lamps</a>', "[url=http://lamps.example]Лампы[/url]"])
def test_a_name_inside_a_link_is_an_address(name: str) -> None:
    """Markup in a name hides no address, though the canonical name has no markup."""
    values = dict(zip(signal_codes(), measure(parsed(name, "")), strict=True))
    assert (values["NAME_ADDRESS"], values["NAME_LINK"], values["NOTHING_PROMOTED"]) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://shop.example.com/Red%20Lamps", "shop.example /red lamps"),
        ("https://xn--mller-kva.example/", "müller /"),
        ("https://xn--999999999.example/", "xn--999999999 /"),
        ("https://a.example/%ff", "a /\ufffd"),
    ],
)
def test_addresses_are_read_in_their_own_script(url: str, words: str) -> None:
    """Hosts and paths are decoded; a label that is not valid Punycode stays as it is."""
    link = parse_url(url)
    assert link is not None
    assert address_words(link) == words
