"""The list for a second look on the page: reasons in words, a link to the near-duplicate, and the button Keep."""

import html
import re

import pytest

from moderation.actions.history_import import import_history
from moderation.actions.labelling import import_labels, label_decision, read_labelled
from moderation.actions.second_look import store_findings
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.comment import Comment
from moderation.domain.decision import Label, LabelValue
from moderation.domain.history import PastComment, PastStatus
from moderation.domain.queue import Finding
from moderation.web.queue.label_words import describe_finding
from tests.web.conftest import BLOG, Blog, Browser
from tests.web.test_effects import NOW

LIST = "/queue/second-look"
IMPORTED = r'id="c-c\d+"'
"""A comment without a decision: the id of another one may begin with the same letter."""
TEXT = "We sell garden sheds of oak for {} euros"


def audited(services: Services, blog: Blog) -> list[str]:
    """Store a contradiction of a judged comment and of one that a file brought; return the texts of both."""
    site = find_site(services, BLOG)
    decision_id = blog.score(TEXT.format(1))["id"]
    label_decision(services, site, decision_id, LabelValue.SPAM, "<b>ann</b>", "queue")
    import_labels(services, site, [(Comment(TEXT.format(2), author="<i>Bob</i>"), LabelValue.HAM)])
    pair = list(read_labelled(services, site))
    found = [
        Finding(one.comment_id, one.label_id, 0.25, other.comment_id, 1)
        for one, other in zip(pair, pair[::-1], strict=True)
    ]
    store_findings(services, site, found)
    return [one.comment.text for one in pair]


def test_the_list_says_why_and_leads_to_the_near_duplicate(mara: Browser, blog: Blog, services: Services) -> None:
    """Also to one without a decision, whose own page leads back. Names from outside stay text."""
    audited(services, blog)
    page = mara.get(LIST).text
    judged, imported = re.findall(r"<article .*?</article>", page, re.DOTALL)
    assert "A near-duplicate has the label ham." in judged and "of the site’s other labels gives it 25 % spam" in judged
    assert "A near-duplicate has the label spam." in imported and "Imported, and never judged" in imported
    assert page.count('value="keep"') == 3 and 'data-live="second-look">2<' in page
    assert "<b>ann" not in page and "&lt;b&gt;ann" in page and "<i>Bob" not in page
    (link,) = re.findall(r'href="(/queue/comments/c\d+)">The near-duplicate', judged)
    other = mara.get(link)
    assert other.status_code == 200 and TEXT.format(2) in mara.read(link) and "The near-duplicate" in other.text
    assert "its blog does with it is not known here" in html.unescape(other.text)


@pytest.mark.parametrize("place", [LIST, "comment"])
def test_keep_settles_it_and_undo_brings_it_back(mara: Browser, blog: Blog, services: Services, place: str) -> None:
    """From the list and from the comment's own page; the next press finds nothing to keep."""
    audited(services, blog)
    (seen, *_) = re.findall(r'name="id" value="(c\d+\.\d+)" form="bulk"', mara.get(LIST).text)
    back = LIST if place == LIST else f"/queue/comments/{seen.partition('.')[0]}"
    kept = mara.send("/queue/act", id=seen, verb="keep", back=back)
    assert kept.location == back
    page = mara.get(back).text
    assert "stays as it is, and nothing is learnt" in page and not re.search(IMPORTED, mara.get(LIST).text)
    mara.send("/queue/act", id=seen, verb="keep", back=LIST)
    assert "It is not on the list for a second look." in mara.get(LIST).text
    assert "1 comment: kept after a second look" in mara.get("/queue/acts").text
    (act,) = set(re.findall(r'name="act" value="(\d+)"', mara.get("/queue/acts").text))
    mara.send("/queue/undo", act=act, back=LIST)
    assert re.search(IMPORTED, mara.get(LIST).text)


def test_a_comment_of_an_import_is_decided(mara: Browser, blog: Blog, services: Services) -> None:
    """It has a reason in words, and any verb takes it from the list."""
    pills = Comment("Cheap casino pills, buy now at http://pills-casino.example", author="<u>Pills</u>")
    site = find_site(services, BLOG)
    import_history(services, site, "blog.xml", [PastComment(pills, PastStatus.PUBLISHED, "1")], complete=None)
    page = mara.get(LIST).text
    assert "Imported as published, but the model gave it 9" in page and "counts as ham until you decide" in page
    assert "<u>" not in page and "All reasons" in page
    (seen,) = re.findall(r'name="id" value="(c\d+\.\d+)" form="bulk"', page)
    mara.send("/queue/act", id=seen, verb="spam", back=LIST)
    page = html.unescape(mara.get(LIST).text)
    assert "It came with an import, so change the comment at its blog." in page and "No label is in doubt" in page
    assert [one.value for one in read_labelled(services, site)] == [LabelValue.SPAM]


@pytest.mark.parametrize("odd", ["c", "c0", "c99999999999999999999", "c2147483648", "c-1", "c１", "d1"])
def test_an_odd_number_is_no_comment(mara: Browser, blog: Blog, odd: str) -> None:
    """A made-up id is answered like an unknown one."""
    assert mara.get(f"/queue/comments/{odd}").status_code == 404
    assert mara.send("/queue/act", id=odd, verb="keep").status_code == 303


@pytest.mark.parametrize(
    ("finding", "value", "expected"),
    [
        (Finding(1, 2, None, 3, 1), LabelValue.HAM, "A near-duplicate has the label spam."),
        (Finding(1, 2, None, 3, 1200), LabelValue.SPAM, "1,200 near-duplicates have the label ham."),
        (Finding(1, 2, 0.971), LabelValue.HAM, "A model of the site’s other labels gives it 97 % spam."),
    ],
)
def test_each_reason_has_its_sentence(finding: Finding, value: LabelValue, expected: str) -> None:
    """By the near-duplicates and the model."""
    assert describe_finding(finding, Label(value, "ann", "queue", NOW)) == expected
