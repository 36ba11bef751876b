"""Labelled comments composed from the files of `data/composed`, as spam and ham that resemble each other.

A comment is a template whose placeholders are filled with one trade, one topic, one city and invented people, all in
its language. Half of the comments are spam. A trade that was met least comes next, so that a corpus of some hundred
comments meets every trade. Domains have an invented word or the ending `.example`, and belong to no business.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

import numpy as np

from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidCorpus
from moderation.training.composed_files import (
    ALTERNATIVES,
    PLACEHOLDER,
    UNKNOWN,
    City,
    ComposedFiles,
    Person,
    Template,
    Topic,
    Trade,
)
from moderation.training.corpus import Corpus, SourceFile

SOURCE = "composed"

_QUOTES_SPAM = "about_spam"
"""The form of ham that may name any trade."""

_LANGUAGE_WEIGHTS = {"en": 30, "ru": 9, "es": 9, "de": 9, "fr": 8, "pt": 7, "zh": 7, "ko": 7, "id": 6}
_OTHER_LANGUAGE_WEIGHT = 3
_FAMILY_FIRST = {"ja": "", "ko": "", "vi": " ", "zh": ""}
"""Languages that put the family name first, and the space behind it."""
_WHOLE_NAMES = frozenset({"pl", "ru", "vi"})
"""Languages whose family names or middle names have a gender: a given name keeps its family name."""
_OWN_CASE = frozenset({"tr"})
"""Languages whose letters `str.lower` changes in another way."""
_LETTERS_WITHOUT_ACCENT = str.maketrans("đłıøß", "dlios")
_MAX_DRAWS = 40
_CARELESS_RATE = 0.1
_TRADE_PLACEHOLDERS = frozenset({"phrase", "offer", "host", "site", "link", "mail", "handle"})

_SYLLABLES = "ba be bo da do fe fi ga go ka ki lo lu ma mi mo na ne no pa ra ri ro sa so ta te ti va ve vi zo".split()
_CONSONANTS = "lmnrstvx"
_SPAM_ENDINGS = "com com com net org info xyz shop online site top click pro store live".split()
_HAM_ENDINGS = "com com com net org info me blog dev page".split()
_COUNTRY_ENDINGS = {
    "en": "co.uk",
    "zh": "cn",
    "ko": "kr",
    "ja": "jp",
    "fa": "ir",
    "vi": "vn",
    "pt": "com.br",
    "hi": "in",
    "ar": "ae",
}
_BLOG_WORDS = "notes diary kitchen garden pages corner letters attic workshop log home words".split()
_PATHS = ("", "", "", "/", "/", "/blog", "/{city}", "/services", "/contact", "/about-us/", "/index.php?id={number}")
_MAILBOXES = ("info", "contact", "office", "help")
_PRICES = "45 60 75 90 120 150 180 250 320 390 500".split()
_PHONES: Mapping[str, Sequence[str]] = {
    "en": ("+1 202 555 01##", "+1 (312) 555-01##", "020 7946 0###", "+1-212-555-01##", "+2348005550###"),
    "de": ("030 23125 ###", "+49 171 39200##", "069 90009 ###"),
    "fr": ("01 99 00 ## ##", "06 39 98 ## ##", "+33 1 99 00 ## ##"),
    "es": ("+34 600 000 ###", "910 000 ###", "+52 55 5550 0###"),
    "pt": ("+55 11 95555-0###", "(21) 5550-0###", "+351 910 000 ###"),
    "ru": ("+7 (900) 000-##-##", "8 900 000 ## ##", "+7 495 000-##-##"),
    "zh": ("138-0000-0###", "微信:vx000##88", "400-000-0###"),
    "ko": ("010-0000-0###", "02-000-0###", "1500-0###"),
    "id": ("0812-0000-0###", "+62 811 0000 0###"),
}
_OTHER_PHONES = ("+000 555 01##", "0000 555 0###")
"""Formats of numbers that are assigned to no subscriber; each # is a digit."""

COMPOSED_COUNT = 20_000
"""Composed comments that the training of a reader draws from."""

_SPARE_SPACES = re.compile(r" +(?= |[.,](?:\s|$))")
"""Spaces that an empty alternative leaves before another space or a stop."""

T = TypeVar("T", Trade, Person, City, Topic, Template)


def compose(folder: Path, seed: int, count: int) -> Corpus:
    """Return `count` composed comments of the source `composed`, every second one spam.

    Deterministic: the same files, seed and count give the same comments.
    Raises `InvalidCorpus` for files that cannot be used.
    """
    composer = _Composer(ComposedFiles.read(folder), Random(seed))
    labels = [LabelValue.HAM if number % 2 else LabelValue.SPAM for number in range(count)]
    comments = [composer.compose(label) for label in labels]
    spam = np.array([label is LabelValue.SPAM for label in labels], dtype=bool)
    source = SourceFile(SOURCE, composer.files.digest, int(spam.sum()), int(count - spam.sum()))
    return Corpus(
        comments,
        [f"{SOURCE}-{number:06d}" for number in range(1, count + 1)],
        spam,
        np.zeros(count, dtype=np.int64),
        [source],
        np.full(count, -1, dtype=np.int64),
    )


def fill(template: str, values: Mapping[str, str], rng: Random) -> str:
    """Return a template with one of each alternatives and with the values of its placeholders."""
    chosen = ALTERNATIVES.sub(lambda match: rng.choice(match[1].split("|")), template)
    filled = PLACEHOLDER.sub(lambda match: values[match[1]], chosen)
    return _SPARE_SPACES.sub("", filled).strip(" ")


class _Composer:
    """Draws comments. Remembers the texts so far, and how often each trade was met."""

    def __init__(self, files: ComposedFiles, rng: Random) -> None:
        self.files = files
        self._rng = rng
        self._trades = _by_language(files.trades)
        self._people = _by_language(files.people)
        self._cities = _by_language(files.cities)
        self._topics = _by_language(files.topics)
        self._forms = _forms(files.forms)
        self._met: dict[LabelValue, Counter[str]] = {label: Counter() for label in LabelValue}
        self._texts: set[str] = set()

    def compose(self, label: LabelValue) -> Comment:
        """Return a comment with a new text; after many draws, one with an old text."""
        forms_by_language = self._forms[label]
        if not forms_by_language:
            raise InvalidCorpus(f"forms.tsv has no template with the label {label.value}. Add some.")
        languages = list(forms_by_language)
        weights = [_LANGUAGE_WEIGHTS.get(language, _OTHER_LANGUAGE_WEIGHT) for language in languages]
        language = self._rng.choices(languages, weights)[0]
        for _ in range(_MAX_DRAWS):
            forms = forms_by_language[language]
            template = self._rng.choice(forms[self._rng.choice(list(forms))])
            trade = self._draw_trade(template)
            comment = self._fill(template, trade)
            if comment.text not in self._texts:
                break
        self._texts.add(comment.text)
        self._met[label].update([trade.trade] if _uses_trade(template) else [])
        return comment

    def _draw_trade(self, template: Template) -> Trade:
        """Return one of the trades that comments of this label met least."""
        met = self._met[template.label]
        trades = [
            trade
            for trade in self._trades[template.language]
            if (trade.trade in template.trades if template.trades else _suits(trade, template))
        ]
        if not trades:
            raise InvalidCorpus(f"trades.tsv has no reputable trade in the language {template.language}. Add some.")
        least = min(met[trade.trade] for trade in trades)
        return self._rng.choice([trade for trade in trades if met[trade.trade] == least])

    def _draw_people(self, language: str) -> list[Person]:
        """Return three different people."""
        people = self._rng.sample(self._people[language], 3)
        if language in _WHOLE_NAMES:
            return people
        return [person._replace(family=self._rng.choice(self._people[language]).family) for person in people]

    def _fill(self, template: Template, trade: Trade) -> Comment:
        values = self._values(template, trade)
        text = fill(template.text, values, self._rng)
        if template.text.startswith("{topic}"):
            text = text[:1].upper() + text[1:]
        author, url = (
            None if cell == UNKNOWN else fill(cell, values, self._rng) for cell in (template.author, template.url)
        )
        if author and "{phrase}" in template.author and template.language not in _OWN_CASE:
            author = _change_case(author, self._rng)
        return Comment(_careless(text, template.language, self._rng), author=author, url=url, lang=template.language)

    def _values(self, template: Template, trade: Trade) -> dict[str, str]:
        """Return a value for every placeholder."""
        rng, language = self._rng, template.language
        city, topic = rng.choice(self._cities[language]), rng.choice(self._topics[language])
        host = trade.host.replace("{city}", city.ascii)
        endings = _SPAM_ENDINGS if template.label is LabelValue.SPAM else _HAM_ENDINGS
        site = _site(host, language, endings, rng)
        number = str(rng.randint(2, 40))
        path = rng.choice(_PATHS).format(city=city.ascii, number=number)
        return {
            "phrase": trade.phrase.replace("{city}", city.native),
            "offer": trade.offer.replace("{city}", city.native),
            "host": host,
            "site": site,
            "link": _address(site, rng) + path,
            "city": city.native,
            "topic": topic.topic,
            "statement": topic.statement,
            "question": topic.question,
            "phone": _phone(language, rng),
            "mail": f"{rng.choice(_MAILBOXES)}@{site}",
            "handle": host.replace("-", "_")[:20].strip("_") + number,
            "number": number,
            "price": rng.choice(_PRICES),
            **_personal_values(self._draw_people(language), rng),
        }


def _by_language(rows: Sequence[T]) -> dict[str, list[T]]:
    grouped: dict[str, list[T]] = defaultdict(list)
    for row in rows:
        grouped[row.language].append(row)
    return grouped


def _forms(templates: Sequence[Template]) -> dict[LabelValue, dict[str, dict[str, list[Template]]]]:
    """Return the templates by label, language and form."""
    forms: dict[LabelValue, dict[str, dict[str, list[Template]]]] = {label: {} for label in LabelValue}
    for template in templates:
        by_form = forms[template.label].setdefault(template.language, {})
        by_form.setdefault(template.form, []).append(template)
    return forms


def _suits(trade: Trade, template: Template) -> bool:
    return trade.reputable or template.label is LabelValue.SPAM or template.form == _QUOTES_SPAM


def _uses_trade(template: Template) -> bool:
    cells = f"{template.author}{template.url}{template.text}"
    return not _TRADE_PLACEHOLDERS.isdisjoint(PLACEHOLDER.findall(cells))


def _full_name(person: Person) -> str:
    if person.language in _FAMILY_FIRST:
        return person.family + _FAMILY_FIRST[person.language] + person.given
    return f"{person.given} {person.family}"


def _signature(person: Person, rng: Random) -> str:
    """Return a name as people sign: in full, the given name alone, or with an initial."""
    kind = rng.random()
    if kind < 0.3:
        return person.given
    if kind < 0.4 and person.language not in _FAMILY_FIRST:
        return f"{person.given} {person.family[0]}."
    return _full_name(person)


def _personal_values(people: Sequence[Person], rng: Random) -> dict[str, str]:
    """Return the names of three people, and the domain of the first."""
    first, second, third = people
    blog = _site(_blog_host(first, rng), first.language, _HAM_ENDINGS, rng)
    return {
        "name": _signature(first, rng),
        "given": first.given,
        "family": first.family,
        "name2": _full_name(second),
        "given2": second.given,
        "name3": _full_name(third),
        "given3": third.given,
        "blog": blog,
        "blog_link": _address(blog, rng),
    }


def _blog_host(person: Person, rng: Random) -> str:
    """Return the host of a person's domain: the name without accents, or words where it has other letters."""
    given, family = (
        re.sub("[^a-z]", "", unicodedata.normalize("NFKD", part.lower().translate(_LETTERS_WITHOUT_ACCENT)))
        for part in (person.given, person.family)
    )
    if min(len(given), len(family)) < 2:
        return "-".join(rng.sample(_BLOG_WORDS, 2))
    return rng.choice((f"{given}{family}", f"{given}-{family}", family, f"{given}s-{rng.choice(_BLOG_WORDS)}"))


def _site(host: str, language: str, endings: Sequence[str], rng: Random) -> str:
    """Return a domain of these words with an invented word, or with the ending that no registry assigns."""
    if rng.random() < 0.3:
        return f"{host}.example"
    word = "".join(rng.choices(_SYLLABLES, k=3)) + rng.choice(_CONSONANTS)
    ending = rng.choice([*endings, *2 * [_COUNTRY_ENDINGS.get(language, language)]])
    return f"{rng.choice((f'{host}-{word}', f'{word}-{host}', word))}.{ending}"


def _address(site: str, rng: Random) -> str:
    return rng.choice(("https://", "https://", "http://", "https://www.", "http://www.")) + site


def _phone(language: str, rng: Random) -> str:
    return re.sub("#", lambda _: str(rng.randint(0, 9)), rng.choice(_PHONES.get(language, _OTHER_PHONES)))


def _change_case(author: str, rng: Random) -> str:
    change: Callable[[str], str] = rng.choice((str, str, str, str.lower, str.title, str.upper))
    return change(author)


def _careless(text: str, language: str, rng: Random) -> str:
    """Return a text, some of the time without its last stop, without capitals, or with two letters exchanged."""
    if rng.random() < _CARELESS_RATE:
        text = text.rstrip(".。")
    if rng.random() < _CARELESS_RATE / 2 and "://" not in text and language not in _OWN_CASE:
        text = text.lower()
    words = [match for match in re.finditer(r"(?<!\S)[^\W\d_]{5,}(?!\S)", text) if match[0].isascii()]
    if words and rng.random() < _CARELESS_RATE:
        at = rng.choice(words).start() + rng.randint(1, 2)
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text
