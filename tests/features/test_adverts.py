"""Advertisements in Korean, Chinese and Japanese, beside ordinary comments on the same subjects."""

from math import isnan

import pytest

from moderation.domain.comment import Comment
from moderation.features.lexicon import word_list
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import measure, signal_codes


def advert_phrases(text: str) -> float:
    """Return the value of the signal."""
    return measure(ParsedComment(Comment(text)))[signal_codes().index("ADVERT_PHRASES")]


def test_every_phrase_of_the_list_counts() -> None:
    """Each entry is found, and with spaces between its letters too."""
    for phrase in word_list("asian_adverts"):
        assert advert_phrases(f"【{phrase}】") >= 1, phrase
        assert advert_phrases(f"좋은 글 {' '.join(phrase)}") >= 1, phrase


@pytest.mark.parametrize(
    "text",
    [
        "■■ 먹튀검증 ■■ 안전 놀이터 ☞ 첫충 30%",
        "【출 장 안 마】 24시 후불제 전지역 출장",
        "급하신 분? 당일대출 무직자 대출 상담",
        "台北外送茶 【學生妹】 歡迎茶友",
        "澳門百家樂，註冊送888",
        "当天放款，无抵押，有意者私聊",
        "【激安通販】スーパーコピー時計",
        "副業で月収100万円！簡単に稼げる",
    ],
)
def test_dressed_adverts_are_found(text: str) -> None:
    """Brackets, ornaments and spaces hide no phrase, and an advertisement has several."""
    assert advert_phrases(text) >= 2


@pytest.mark.parametrize(
    "text",
    [
        "출장 중에 마사지를 받았는데 좋았어요",
        "조건마다 다르고 대출 금리도 오르네요",
        "카지노 규제에 반대합니다",
        "我坐飞机时空姐很友好，机票也不贵",
        "贷款利率太高了，年轻人买不起房",
        "澳门的博彩业受疫情影响很大",
        "送料無料だと助かります",
        "副業を始めた友人は忙しそうです",
    ],
)
def test_talk_about_the_same_subjects_is_silent(text: str) -> None:
    """News and small talk speak of loans, casinos and massages in other words."""
    assert advert_phrases(text) == 0


def test_other_scripts_are_not_searched() -> None:
    """The list has no phrase of other languages, so its silence says nothing of them."""
    assert (
        isnan(advert_phrases("Купить дешево")) and isnan(advert_phrases("รับสร้างบ้าน")) and isnan(advert_phrases("buy"))
    )
