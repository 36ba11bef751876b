"""Telephone numbers in running text, told from dates, prices, addresses, versions and other numbers by their shape.

The shapes are those of ITU-T E.164: at most 15 digits with the country code, and a national number that begins with 0
or, in North America, with an area code. The package `phonenumbers` reads local numbers of one given country, which a
comment does not name.
"""

import re
from unicodedata import decimal

MIN_PHONE_DIGITS = 7

_MAX_PHONE_DIGITS = 15
_MIN_INTERNATIONAL_DIGITS = 8
_MIN_NATIONAL_DIGITS = 9
_MAX_NATIONAL_DIGITS = 13
_MIN_DIFFERENT_DIGITS = 3
_CUE_LENGTH = 24
PHONE_CANDIDATE = re.compile(
    r"[+(\d](?<![\w.,/:=#@+$€£¥₽%-].)[ ]?\(?\d?(?:[\s().\-–—/\u20e3]{0,3}\d){6,17}(?!\d|[.,:/-]\d|[^\W\d_])"
)
"""A run of digits with few signs between them. It begins with one character and then looks behind it, which is fast."""
_CUE = re.compile(
    r"(?:(?<![^\W\d_])(?:(?:tele)?phone|call|tel|mobile|cell|text|sms|fax|whats\W?app|viber|telegram|contact|hotline"
    r"|tél|telefon\w*|teléfono|llam\w+|ligue|appel\w*|anruf\w*|handy|rufnummer|телефон\w*|тел|звон\w+"
    r"|ватсап|вайбер|هاتف|جوال|واتساب|تلفن|טלפון|फ़ोन|फोन|tlf|gsm|wa|hp)"
    r"|电话|電話|手机|热线|微信|전화|연락처|문의|상담|โทร)"
    r"(?:[^\w+(]|[ ](?:me|us|him|her|on|at|is|via|now|number)\b){0,12}[+(]?\Z"
)
"""A word that announces a number, at the end of the text before it."""
_NATIONAL = re.compile(
    r"0[1-9]\d{7,11}|00[1-9]\d{8,12}"  # a trunk or an international prefix
    r"|1?[2-9]\d{2}[2-9]\d{6}"  # North America
    r"|[78][3-9]\d{9}|1[3-9]\d{9}"  # Russia, mobile numbers of China
)
_DATE = re.compile(
    r"\(?(?:(?:19|20)\d\d\W{1,2}[01]?\d\W{1,2}[0-3]?\d|[0-3]?\d\W{1,2}[0-3]?\d(?:\W{1,2}(?:19|20)|[./-])\d\d)(?!\d)"
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:[ .]\d{3})+")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_UNIT = re.compile(r"\s?(?:[$€£¥₽₩₹₫%°]|usd|eur|euro|rub|руб|dollar|bytes?\b|[kmg]b\b|ms\b|px\b|원|元|円|บาท)")
_GROUP = re.compile(r"\d+")


def phone_digits(match: re.Match[str]) -> str | None:
    """Return the digits of a match of `PHONE_CANDIDATE`, with a leading `+` as typed; `None` for any other number."""
    found = match[0]
    digits = "".join(str(decimal(character)) for character in found if character.isdecimal())
    if not MIN_PHONE_DIGITS <= len(digits) <= _MAX_PHONE_DIGITS or len(set(digits)) < _MIN_DIFFERENT_DIGITS:
        return None
    before, after = match.string[max(0, match.start() - _CUE_LENGTH) : match.start()], match.string[match.end() :][:8]
    if before.rstrip(" :-(").endswith("isbn") or _UNIT.match(after):
        return None
    if found.startswith("+"):
        return f"+{digits}" if len(digits) >= _MIN_INTERNATIONAL_DIGITS and digits[0] != "0" else None
    if _DATE.match(found) or _ADDRESS.fullmatch(found):
        return None
    has_cue = bool(_CUE.search(before))
    return digits if has_cue or _is_national(found, digits) else None


def _is_national(found: str, digits: str) -> bool:
    """Return whether a number without `+` is written as national numbers are."""
    if not _MIN_NATIONAL_DIGITS <= len(digits) <= _MAX_NATIONAL_DIGITS or not _NATIONAL.fullmatch(digits):
        return False
    groups = list(map(len, _GROUP.findall(found.replace("\u20e3", ""))))
    if len(groups) == 1:
        # A plain run of ten digits without a prefix may be any number, such as a time in seconds.
        return len(digits) > 10 or digits[0] == "0"
    has_short_group = min(groups[1:]) < 2
    return not has_short_group and len(groups) <= 6 and not _THOUSANDS.fullmatch(found)
