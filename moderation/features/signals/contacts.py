"""Signals that read the contacts of the text, and the ornaments that dress an advertisement."""

import re
from math import log1p

from moderation.features.contacts import DISGUISED_MAILBOX, FREE_MAILBOX, HANDLE, MAILBOX, PHONE, WALLET
from moderation.features.lexicon import word_list
from moderation.features.ngrams import CONTACT_TOKENS
from moderation.features.parsed_comment import EMOJI, ParsedComment
from moderation.features.signals.signal import Measurement, presence

_MESSENGER_HOSTS = frozenset(word_list("messenger_hosts"))
_CONTACT = re.compile(f"[{CONTACT_TOKENS}]")
_END_LENGTH = 60
_MENTION = re.compile(r"@\[[^\[\]]{1,100}\]\(")
_ORNAMENT = re.compile("[【】〖〗〔〕《》★☆♥♡◆◇■□▶►▷●◎※➤➡✔☎☏✆◀◁▲△▼▽♠♣❖✪✦✧⭐\u2460-\u2473\u2550-\u257f]")


def _contacts(parsed: ParsedComment) -> tuple[float, ...]:
    kinds = [contact.kind for contact in parsed.contacts]
    handles = HANDLE in kinds or any(link.host in _MESSENGER_HOSTS for link in parsed.external_links)
    return (
        log1p(kinds.count(PHONE)),
        float(any(kind in kinds for kind in (MAILBOX, FREE_MAILBOX, DISGUISED_MAILBOX))),
        float(FREE_MAILBOX in kinds),
        float(DISGUISED_MAILBOX in kinds),
        float(handles),
        float(WALLET in kinds),
        log1p(len(set(kinds))),
        float(bool(_CONTACT.search(parsed.body.text[-_END_LENGTH:]))),
    )


def _dress(parsed: ParsedComment) -> tuple[float, ...]:
    text = parsed.normalized.text
    return (
        float("@[" in text and bool(_MENTION.search(text))),
        0.0 if text.isascii() else log1p(len(_ORNAMENT.findall(text))),
        0.0 if text.isascii() else log1p(max(0, len(EMOJI.findall(text)) - 2)),
    )


CONTACT_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "PHONE": presence("a telephone number", "no telephone number"),
            "EMAIL_IN_TEXT": presence("an e-mail address in the text", "no e-mail address in the text"),
            "EMAIL_IN_TEXT_FREE": presence("a free mailbox in the text", "no free mailbox in the text"),
            "EMAIL_DISGUISED": presence(
                "an e-mail address that programs are meant to miss", "no disguised e-mail address"
            ),
            "MESSENGER_HANDLE": presence("a messenger contact", "no messenger contact"),
            "WALLET": presence("a wallet of a cryptocurrency", "no wallet of a cryptocurrency"),
            "CONTACT_KINDS": presence("kinds of contacts in the text", "no contact in the text"),
            "CONTACT_LAST": presence("a contact at the end of the text", "no contact at the end of the text"),
        },
        _contacts,
    ),
)

DRESS_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "MENTION_LINK": presence("a mention with an address, an @ before a link", "no mention with an address"),
            "ORNAMENTS": presence("ornaments as in an advertisement", "no ornaments"),
            "EMOJI_MANY": presence("three emoji or more", "fewer than three emoji"),
        },
        _dress,
    ),
)
