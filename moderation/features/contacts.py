"""Contacts in the text of a comment: telephone numbers, mailboxes, messenger handles, wallets and disguised hosts.

They are what an advertisement without a link asks its reader to use. Each is replaced by the token of its kind.
"""

import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import NamedTuple

from moderation.features.lexicon import word_list
from moderation.features.links import MAX_LINKS, PLAIN_URL, TRAILING_PUNCTUATION, Link, parse_url
from moderation.features.ngrams import CONTACT_TOKENS, URL_TOKEN
from moderation.features.normalize import DIGITS, MAX_FIELD_LENGTH, NormalizedText, TrackedText, count_ascii
from moderation.features.phone_numbers import MIN_PHONE_DIGITS, PHONE_CANDIDATE, phone_digits

PHONE, MAILBOX, FREE_MAILBOX, DISGUISED_MAILBOX, HANDLE, WALLET = tuple(CONTACT_TOKENS)

_FREE_DOMAINS = frozenset(word_list("free_email_domains"))
_PROVIDERS = "gmail|yahoo|hotmail|outlook|protonmail|rocketmail|ymail|yandex|aol|icloud"
_TLD = "com|net|org|info|biz|ru|co|in|de|fr|it|es|uk|ua|shop|site|online|store|club|xyz|top|cn|kr|vip|cc"
_AT = r"(?:\s{0,2}[\[({]\s?(?:at|@|a|arroba|собака)\s?[\])}]\s{0,2}|\s{1,2}@\s{0,2}|@\s{1,2})"
_BRACKETED_DOT = r"\s{0,2}[\[({]\s?(?:dot|\.|punkt|punto|point|точка)\s?[\])}]\s{0,2}"
_DOT = rf"(?:{_BRACKETED_DOT}|\sdot\s)"
_LABEL = "[a-z0-9-]{2,63}"
_MAILBOX = re.compile(r"[\w.+-]{1,64}@(?P<host>[\w-]+\.[\w.-]*\w)")
_DISGUISED_MAILBOX = re.compile(
    rf"""
    [\w.+-]{{2,64}} (?:
        {_AT} {_LABEL} (?:(?:{_DOT}|\s?\.\s?){_LABEL})?? (?:{_DOT}|\s?\.\s?) (?:{_TLD})
      | \sat\s {_LABEL} (?:\sdot\s{_LABEL})?? \sdot\s (?:{_TLD})
      | @{_LABEL} (?:\s\.\s?|\.\s|{_DOT}) (?:com|net|org|ru)
      | \s?@\s?(?:{_PROVIDERS})(?:\s?com)?
    ) (?![\w@-])
    """,
    re.VERBOSE,
)
_DISGUISED_HOST = re.compile(
    rf"""
    [a-z0-9](?<![\w@.-].)[a-z0-9-]{{1,62}} (?:{_DOT}{_LABEL})?? (?:
        {_BRACKETED_DOT} (?:{_TLD})
      | (?<=[a-z0-9-]{{4}})\sdot\s (?:com|org|info|ru|xyz)
      | 。\s? (?:com|net|org|info|cn|kr|jp|tw|cc|vip|top|xyz|club|shop)
      | \s\.\s (?:com|org|info|ru|club|xyz) | \s\. (?:info|ru|club|xyz)
    ) (?![\w@-])
    """,
    re.VERBOSE,
)
_ANY_DOT = re.compile(rf"{_DOT}|\s?[.。]\s?")
_ANY_AT = re.compile(rf"{_AT}|\sat\s")
_MAILBOX_HINTS = (" dot", "(at", "[at", "{at", "собак", "arroba")
_HOST_HINTS = (" .", " dot", "(dot", "[dot", "{dot", "точка", "(.", "[.", "{.", "。")
_ASIAN_MESSENGER = (
    r"(?:카카오톡|카톡|텔레그램|텔레|라인|위챗|微信|薇信|威信|加微|电报|飞机|賴|扣扣|ไลน์|line\s?id"
    r"|(?<=[\u3040-\u9fff])(?:line(?=\s?:)|vx|v信)|kakao(?:\s?talk)?|we\s?chat)"
)
_MESSENGER = (
    r"(?:whats\s?-?app|telegram|viber|skype|icq|qq|zalo|snapchat|discord"
    r"|телеграмм?|телега|вайбер|ва[тц]с?ап|скайп|واتساب|واتس|تلگرام|تيليجرام)(?![^\W\d_])"
)
_ID_WORD = r"(?:id|user(?:name)?|number|no|아이디|账号|帳號|号|號|номер|логин|ник|ไอดี)"
_INVITATION = (
    r"(?<![^\W\d_])(?:write|contact|dm|pm|add|follow|ig|insta(?:gram)?|tg|hubungi|cek|kepoin|escribe|schreib\w*"
    r"|пиш\w{1,4}|писать|обращ\w{1,8}|канал|лс|админ\w*)(?:\s(?:to|me|us|at|via|в|на|ig|di|an|a))?"
)
"""Words before an `@name` that tell it from a reply to that name."""
_HANDLE = re.compile(
    rf"""
    (?:{_MESSENGER}|{_ASIAN_MESSENGER}) \W{{0,3}} (?:{_ID_WORD}\W{{1,3}})? (?:(?:is|at|on|me|us)\s{{1,2}})?
        (?P<handle> {PHONE} | @\w{{3,32}} | (?=[a-z.]{{1,31}}[\d_])[a-z][a-z0-9_.]{{3,31}} )
    | {_ASIAN_MESSENGER} \W{{0,3}} (?:{_ID_WORD}\W{{0,3}})? (?P<id> [a-z][a-z0-9_.-]{{3,31}} )
    | {_INVITATION} \W{{1,3}} @(?P<name> [a-z][\w.]{{3,31}} )
    """,
    re.VERBOSE,
)
_MESSENGER_WORDS = frozenset(
    "whats whatsapp app telegram viber skype icq qq zalo snapchat discord kakao kakaotalk wechat chat line lineid"
    " телеграм телеграмм телега вайбер ватсап вацап скайп واتساب واتس تلگرام تيليجرام".split()
)
_ASIAN_HINT = re.compile(
    "[카텔라위微薇威加电飞賴扣ไ]|[\u3040-\u9fff\uac00-\ud7a3](?:line|vx|v信|we ?chat|whats|telegram|kakao|skype|qq)"
)
"""Every text with a handle has a word of `_MESSENGER_WORDS`, one of these, or an `@`.

Without spaces, a messenger in Latin letters is part of the word before it.
"""
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_VALUES = {character: value for value, character in enumerate(_BASE58)}
_WALLET = re.compile(r"(?<!\w)(?:bc1[ac-hj-np-z02-9]{11,71}|0x[0-9a-f]{40}|[13tlxdr][1-9a-z]{25,34})(?!\w)")
_MIN_WALLET_DIGITS = 3
"""A wallet with fewer digits is one in a few hundred."""
_ADDRESS_BYTES = 25
"""Length of a decoded base58 address: a version, a hash of 20 bytes and a checksum of 4."""


class Contact(NamedTuple):
    """A contact. `kind` is its token; `value` is its digits, its address or its name, in one canonical form."""

    kind: str
    value: str


def mask_contacts(body: NormalizedText, tokens: Sequence[str], cased: str) -> tuple[NormalizedText, Sequence[Contact]]:
    """Return a canonical text with a token for each contact and each disguised host, and the contacts.

    Parameters
    ----------
    body : NormalizedText
        The text, its URLs already replaced.
    tokens : sequence of str
        The words of `body`.
    cased : str
        The whole text as typed: the checksum of a wallet depends on the case.
    """
    text = body.text
    is_ascii, has_at_sign = text.isascii(), "@" in text
    digit_count = count_ascii(DIGITS, text)
    has_messenger = not _MESSENGER_WORDS.isdisjoint(tokens) or (not is_ascii and bool(_ASIAN_HINT.search(text)))
    contacts: list[Contact] = []
    tracked = TrackedText.from_normalized(body)

    def replace(pattern: re.Pattern[str], contact_of: Callable[[re.Match[str]], Contact | None]) -> None:
        def token(match: re.Match[str]) -> str:
            contact = contact_of(match)
            if contact is None:
                return match[0]
            contacts.append(contact)
            return f" {contact.kind} "

        tracked.replace(pattern, token)

    if has_at_sign:
        replace(_MAILBOX, _mailbox)
    if has_at_sign or any(map(text.__contains__, _MAILBOX_HINTS)):
        replace(_DISGUISED_MAILBOX, _disguised_mailbox)
    if _may_have_host(text):
        tracked.replace(_DISGUISED_HOST, f" {URL_TOKEN} ")
    if digit_count >= _MIN_WALLET_DIGITS:
        replace(_WALLET, lambda match: _wallet(match[0], cased))
    if digit_count >= MIN_PHONE_DIGITS or not is_ascii:
        replace(PHONE_CANDIDATE, _phone)
    if has_messenger or has_at_sign:
        replace(_HANDLE, _handle)
    return (tracked.to_normalized() if tracked.text != text else body), contacts


def find_disguised_links(sent: str, normalized: NormalizedText, links: Sequence[Link]) -> list[Link]:
    """Return the links that only the canonical text shows: written with spaces, brackets or unusual characters.

    `links` are those of the text as sent. A text or a list that was cut has none: they may be in the other part.
    """
    text = normalized.text
    if normalized.length > MAX_FIELD_LENGTH or len(links) >= MAX_LINKS:
        return []
    known = {link.domain for link in links}
    found = [(match.span(), match[0].rstrip(TRAILING_PUNCTUATION)) for match in PLAIN_URL.finditer(text)]
    if _may_have_host(text):
        without_mailboxes = _DISGUISED_MAILBOX.sub(lambda mailbox: "@" * len(mailbox[0]), text)
        hosts = _DISGUISED_HOST.finditer(without_mailboxes)
        found += [(match.span(), _ANY_DOT.sub(".", match[0])) for match in hosts]
    parsed = [(span, parse_url(url)) for span, url in found]
    hidden = [(span, link) for span, link in parsed if link is not None and link.domain not in known]
    if not hidden:
        return []
    offsets = normalized.offset_map()
    disguised = []
    for span, link in hidden:
        start, end = offsets.original_span(*span)
        as_sent = sent[start:end].lower()
        if "://" not in as_sent and link.host not in as_sent:
            disguised.append(link._replace(form="disguised", start=start, end=end))
    return disguised


def _may_have_host(text: str) -> bool:
    return any(map(text.__contains__, _HOST_HINTS))


def _mailbox(match: re.Match[str]) -> Contact:
    return Contact(FREE_MAILBOX if match["host"] in _FREE_DOMAINS else MAILBOX, match[0])


def _disguised_mailbox(match: re.Match[str]) -> Contact:
    address = _ANY_AT.sub("@", _ANY_DOT.sub(".", match[0]), 1)
    return Contact(DISGUISED_MAILBOX, address.replace(" ", ""))


def _phone(match: re.Match[str]) -> Contact | None:
    digits = phone_digits(match)
    return Contact(PHONE, digits) if digits else None


def _handle(match: re.Match[str]) -> Contact:
    name = match["handle"] or match["id"] or match["name"]
    return Contact(HANDLE, "" if name == PHONE else name.lstrip("@"))


def _wallet(found: str, cased: str) -> Contact | None:
    """Return the wallet that a run of lower-case letters and digits is, `None` for any other run."""
    if found.startswith(("bc1", "0x")):
        return Contact(WALLET, found)
    start = cased.lower().find(found)
    address = cased[start : start + len(found)]
    return Contact(WALLET, address) if start >= 0 and _has_base58_checksum(address) else None


def _has_base58_checksum(address: str) -> bool:
    """Return whether the last four bytes are the checksum of the others, as in addresses of Bitcoin and TRON.

    The encoding is Base58Check: the first four bytes of SHA-256 applied twice.
    """
    if not set(address) <= _BASE58_VALUES.keys():
        return False
    number = 0
    for character in address:
        number = 58 * number + _BASE58_VALUES[character]
    if number.bit_length() > 8 * _ADDRESS_BYTES:
        return False
    data = number.to_bytes(_ADDRESS_BYTES, "big")
    return sha256(sha256(data[:-4]).digest()).digest()[:4] == data[-4:]
