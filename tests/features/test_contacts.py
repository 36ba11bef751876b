"""Contacts in the text: in many notations and scripts, and told from other numbers and words."""

import pytest
from hypothesis import given

from moderation.domain.comment import Comment
from moderation.features.contacts import DISGUISED_MAILBOX, FREE_MAILBOX, HANDLE, MAILBOX, PHONE, WALLET
from moderation.features.ngrams import PLACEHOLDER_TOKENS, URL_TOKEN
from moderation.features.parsed_comment import ParsedComment
from tests.strategies import comments

PHONES = {
    "Call +1 (555) 123-4567 now": "+15551234567",
    "whatsapp: +2347051705853": "+2347051705853",
    "WhatsApp +62 895-6033-36982": "+62895603336982",
    "06 12 34 56 78 appelez": "0612345678",
    "0221-123456, Herr Lang": "0221123456",
    "8 (916) 123-45-67 звоните": "89161234567",
    "(415) 555-2671 is the shop": "4155552671",
    "call me on 9876543210 for help": "9876543210",
    "phone: 555-1234": "5551234",
    "전화 010-1234-5678 문의": "01012345678",
    "手机 13812345678": "13812345678",
    "هاتف ٠١٠ ١٢٣٤ ٥٦٧٨": "01012345678",
    "फोन ९८७६५४३२१०": "9876543210",
    "０２０－７９４６－０９５８": "02079460958",
    "".join(f"{digit}\ufe0f\u20e3" for digit in "02079460958"): "02079460958",
}
NO_PHONES = (
    "on 2019-04-21 13:05:01.019, 24.11.2020, 04-08-2019 and 18. 01. 2019",
    "ISBN 978-0-13-235088-4, ISBN 0132350882",
    "from 192.168.86.21:55130, version 20.10.12 instead of 19.03.13",
    "it cost 1 000 000 or 50.000.000, 40-60 000 euro, 0208123456 EUR",
    "error 0x80070005, -2147467259, exit code 2147467259, KB4012212",
    "1422321000 seconds, 0100111101010, 30 00 10 00 00, 12.7745 12.7489",
    "555555555555 haha",
    "between 1914 1918 and 1939 1945",
    "order AB-0208-1234567-X and https://shop.example/02081234567",
)
MAILBOXES = {
    "me@mail.example": (MAILBOX, "me@mail.example"),
    "Jim@Yahoo.com": (FREE_MAILBOX, "jim@yahoo.com"),
    "jim@gmail. com": (DISGUISED_MAILBOX, "jim@gmail.com"),
    "jim @ gmail . com": (DISGUISED_MAILBOX, "jim@gmail.com"),
    "jim@gmailcom": (DISGUISED_MAILBOX, "jim@gmailcom"),
    "joe (at) host (dot) com": (DISGUISED_MAILBOX, "joe@host.com"),
    "joe [at] host [dot] net": (DISGUISED_MAILBOX, "joe@host.net"),
    "joe at host dot com": (DISGUISED_MAILBOX, "joe@host.com"),
    "joe(собака)host(точка)ru": (DISGUISED_MAILBOX, "joe@host.ru"),
}
HANDLES = {
    "telegram: @seller_1": "seller_1",
    "Telegram seller99": "seller99",
    "skype shop77": "shop77",
    "телега @prodavec": "prodavec",
    "пишите в лс @prodavec": "prodavec",
    "카톡 abc123 문의": "abc123",
    "카카오톡: shopking": "shopking",
    "微信号 abcdef": "abcdef",
    "詳しくはLINE ID: abc999 まで": "abc999",
    "問い合わせはLINE：shop_77": "shop_77",
    "台北賴：abc5566": "abc5566",
    "有意者加VX：abc123": "abc123",
    "请加telegram @shop_88": "shop_88",
    "微信：vx8888": "vx8888",
    "line id: shop99": "shop99",
    "ＬＩＮＥ ＩＤ：shop99": "shop99",
    "write @jane_doe": "jane_doe",
}
NO_HANDLES = (
    "@john_2 I agree",
    "as @jane_doe said",
    "on line 20 foo_bar",
    "telegram is a great app",
    "Signal, Skype and Viber work",
    "라인 좋아요",
    "賴清德說了什麼",
    "这条line: 很长 foo_1",
    "@media screen",
)
WALLETS = (
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae",
)
DISGUISED_HOSTS = {
    "visit example . com now": "example . com",
    "example (dot) com": "example (dot) com",
    "shop[.]net": "shop[.]net",
    "구글에 example。com 검색": "example。com",
    "ｅｘａｍｐｌｅ．ｃｏｍ": "ｅｘａｍｐｌｅ．ｃｏｍ",
    "【ⓔⓧⓐⓜⓟⓛⓔ.ⓒⓞⓜ】": "ⓔⓧⓐⓜⓟⓛⓔ.ⓒⓞⓜ",
}
NO_HOSTS = (
    "it runs in .net 3.5 and asp . net",
    "a great .com bubble",
    "the end. Net works",
    "好的。in the end",
    "write to jim @ gmail . com",
    '<a href="http://a.example">http://a.example/x</a>',
    '<a href="http://a.example">b.com</a>',
    '<a href="/page">https://a.example/page</a>',
    "the dot com years of our dot net project",
)


def contacts(text: str, *kinds: str) -> list[str]:
    """Return the values of the contacts of some kinds."""
    return [contact.value for contact in ParsedComment(Comment(text)).contacts if contact.kind in kinds]


@pytest.mark.parametrize("text", PHONES)
def test_telephone_numbers_of_many_countries(text: str) -> None:
    """A number is found in the notations of many countries and in any script's digits."""
    assert contacts(text, PHONE) == [PHONES[text]]


@pytest.mark.parametrize("text", NO_PHONES)
def test_other_numbers_are_no_telephone_numbers(text: str) -> None:
    """Dates, sums, addresses, versions, error codes and book numbers are none."""
    assert contacts(text, PHONE) == []


@pytest.mark.parametrize("text", MAILBOXES)
def test_mailboxes_plain_and_disguised(text: str) -> None:
    """A mailbox has one canonical form in every notation."""
    kind, value = MAILBOXES[text]
    assert contacts(text, MAILBOX, FREE_MAILBOX, DISGUISED_MAILBOX) == [value] == contacts(text, kind)


@pytest.mark.parametrize("text", ["see you @ noon", "meet me at the dot", "look at dot com prices", "a @ b", "@joe hi"])
def test_an_at_alone_is_no_mailbox(text: str) -> None:
    """A mailbox needs a host."""
    assert contacts(text, MAILBOX, FREE_MAILBOX, DISGUISED_MAILBOX) == []


@pytest.mark.parametrize("text", HANDLES)
def test_messenger_handles(text: str) -> None:
    """A name after a messenger or an invitation is a handle."""
    assert contacts(text, HANDLE) == [HANDLES[text]]


@pytest.mark.parametrize("text", NO_HANDLES)
def test_replies_and_talk_about_messengers_are_no_handles(text: str) -> None:
    """People answer `@name`, and write about messengers."""
    assert contacts(text, HANDLE) == []


@pytest.mark.parametrize("address", WALLETS)
def test_wallets(address: str) -> None:
    """A wallet is told by its shape, and by its checksum where that is cheap."""
    assert contacts(f"send it to {address}.", WALLET) == [address]
    if not address.startswith(("bc1", "0x")):
        assert contacts(f"send it to {address[:-1]}Z.", WALLET) == []


@pytest.mark.parametrize("text", DISGUISED_HOSTS)
def test_disguised_hosts_are_links(text: str) -> None:
    """A host that only people can read is a link like any other, at its place in the comment as sent."""
    (link,) = ParsedComment(Comment(text)).external_links
    assert (link.form, text[link.start : link.end]) == ("disguised", DISGUISED_HOSTS[text])
    assert URL_TOKEN in ParsedComment(Comment(text)).tokens


@pytest.mark.parametrize("text", NO_HOSTS)
def test_ordinary_text_has_no_disguised_host(text: str) -> None:
    """Names of software, ends of sentences and the anchors of links are none."""
    assert [link for link in ParsedComment(Comment(text)).external_links if link.form == "disguised"] == []


def test_unseen_contacts_share_their_words() -> None:
    """Two numbers nobody has seen are one token, so neither is a rare word."""
    first, second = (ParsedComment(Comment(f"call {number}")) for number in ("+1 555 123 4567", "+44 20 7946 0958"))
    assert first.tokens == second.tokens == ["call", PHONE]
    assert first.words == ["call"]


@given(comments)
def test_words_have_no_placeholder(comment: Comment) -> None:
    """Signals that read words never read a token."""
    parsed = ParsedComment(comment)
    assert PLACEHOLDER_TOKENS.isdisjoint(parsed.words)
