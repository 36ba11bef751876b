"""What a probability means at a site, by the share of spam that the site gets."""

from moderation.actions.chances import chances_here
from moderation.actions.check import check_comment
from moderation.actions.desk import Desk
from moderation.domain.comment import Comment
from moderation.domain.judgement import Decision
from moderation.domain.prior import FEWEST
from moderation.domain.site import Site

GOOD = "I do not agree: number {} was repaired by my brother, and it still runs."
BAD = "Buy cheap pills and replica watches number {} at http://pills.example/shop now"
IN_DOUBT = Comment("nice site")


def check_many(desk: Desk, site: Site, text: str, number: int = FEWEST) -> Decision:
    return [check_comment(desk, site, Comment(text.format(one))) for one in range(number)][-1]


def test_where_spam_is_rare_it_is_less_likely(desk: Desk, site: Site, teammate_site: Site) -> None:
    """The same comment is judged alike everywhere, and means less where people are kind; each site has its share."""
    check_many(desk, site, GOOD)
    check_many(desk, teammate_site, BAD)
    kind, unkind = (check_comment(desk, where, IN_DOUBT) for where in (site, teammate_site))
    assert kind.score.probability == unkind.score.probability
    here, there = chances_here(desk, [kind, unkind])
    assert here is not None and there is not None
    assert here < kind.score.probability < there


def test_of_a_few_comments_nothing_can_be_said(desk: Desk, site: Site) -> None:
    """A share is worth stating from `FEWEST` comments on."""
    last = check_many(desk, site, GOOD, FEWEST - 1)
    assert chances_here(desk, [last]) == [None]
    assert chances_here(desk, [check_many(desk, site, BAD, 1)]) != [None]


def test_no_model_no_chance(modelless_desk: Desk, site: Site) -> None:
    """What no model could judge has no chance at its site either."""
    last = check_many(modelless_desk, site, GOOD)
    assert last.degraded and chances_here(modelless_desk, [last]) == [None]
