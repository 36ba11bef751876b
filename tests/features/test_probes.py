"""Random strings as a text, against short texts of many languages."""

import pytest

from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals.probes import is_nonsense, unlikelihood

NONSENSE = (
    *("asdkjfh qwkjeh", "sdlkfjsdlkf", "3f9a0c7be1d04", "aGVsbG8gd29ybGQ", "8472619", "x q j z v", "dakdakdak"),
    *("ζψξβκγφθ", "קעץשדגכ"),
)
SHORT_REPLIES = """
Thanks!|Danke|Merci|Gracias|Obrigado|Grazie|Dank je|Tack|Tak|Takk fyrir|Kiitos|Dziękuję|Děkuji|Ďakujem|Köszönöm
Mulțumesc|Hvala|Хвала|Спасибо|Дякую|Благодаря|Рахмет|Баярлалаа|Ευχαριστώ|Teşekkürler|Təşəkkür edirəm|Faleminderit
Suur tänu|Ačiū|Paldies|Eskerrik asko|Gràcies|Grazzi ħafna|Diolch yn fawr|Go raibh maith agat|Terima kasih|Cảm ơn
Salamat po|Asante sana|Ngiyabonga kakhulu|Mahadsanid|Misaotra betsaka|Dankon|شكرا جزيلا|متشکرم|شکریہ|سوپاس|תודה רבה
धन्यवाद|ধন্যবাদ|நன்றி|ధన్యవాదాలు|ಧನ್ಯವಾದ|മലയാളം|ขอบคุณ|អរគុណ|მადლობა|Շնորհակալություն|አመሰግናለሁ|谢谢|ありがとう|감사합니다
+1|10/10|42|2026|lol|lmao|wkwkwkwk|hahahahaha|jajaja|kkkkkk|ㅋㅋㅋㅋㅋ|5555555|233333|哈哈哈|hmmmm|pfffft|noooooo|👍|:)|C++|x86_64
std::vector|HTTP 404|RFC2616|NullReferenceException|PostgreSQL|kubectl|iPhone7|GNU/Linux|c o o l|McDonald's|xkcd
""".replace("\n", "|").strip("|")


@pytest.mark.parametrize("text", NONSENSE)
def test_random_strings_are_nonsense(text: str) -> None:
    """Keyboard mash, codes, long numbers, single letters and repeated syllables are no text."""
    assert is_nonsense(ParsedComment(Comment(text)))


def test_short_replies_are_not_nonsense() -> None:
    """Thanks in sixty languages, laughter, numbers and technical terms are texts."""
    assert [text for text in SHORT_REPLIES.split("|") if is_nonsense(ParsedComment(Comment(text)))] == []


def test_nonsense_is_the_whole_text() -> None:
    """A random string among words, or beside a link, is not a text of nonsense."""
    for text in ("the key is sdlkfjsdlkf", "sdlkfjsdlkf http://a.example", "", "sdlkfjsdlkf " * 9):
        assert not is_nonsense(ParsedComment(Comment(text)))


def test_words_of_other_scripts_are_not_unlikely() -> None:
    """The tables lack most languages in Cyrillic, Arabic and Devanagari letters, so nothing is said of such words."""
    words = ("გამარჯობა", "สวัสดีครับ", "你好世界你好", "አመሰግናለሁ", "цэцэгмаа", "љубиша", "کۆنەکەشدا", "माझ्याकडेही")
    assert [unlikelihood(word) for word in words] == [0.0] * len(words)
