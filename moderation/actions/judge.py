"""Judging without a trace: nothing is stored, and no database is needed."""

from dataclasses import dataclass

from moderation.domain.budget import Budget, Standing
from moderation.domain.comment import Comment
from moderation.domain.judgement import Score
from moderation.domain.policy import Policy, Verdict, decide
from moderation.domain.site import Site
from moderation.registry.live import LiveModel
from moderation.registry.shelf import Shelf
from moderation.scoring.model import Model, score


@dataclass(frozen=True, slots=True)
class Judge:
    """A model, and the site whose lines are drawn; without one, the model's own are.

    `budget` is that of the sites without one of their own.
    """

    model: Model
    site: Site | None
    budget: Budget

    def standing_for(self, comment: Comment) -> Standing | None:
        """Where the site stands with the model; `None` without a site, and where that has its own lines."""
        return self.site.standing_for(comment.type, self.model.id, self.budget) if self.site else None

    def policy_for(self, comment: Comment) -> Policy:
        """The lines in force for the comment."""
        if self.site is None:
            return self.model.lines
        return self.site.policy_for(comment.type, self.model.lines, self.standing_for(comment))

    def judge(self, comment: Comment) -> tuple[Score, Verdict]:
        """What the model makes of the comment, and what follows from the lines."""
        found = score(self.model, comment)
        return found, decide(found.probability, self.policy_for(comment))


def appoint(shelf: Shelf, budget: Budget, model_id: str | None = None, site: Site | None = None) -> Judge:
    """A judge by the model of that id, else by the live one, with the weights and lines of the site, else of the model.

    Raises `NotFound` for an unknown model, `ModelRefused` for one that cannot be loaded or when none is live.
    """
    model = LiveModel(shelf).current() if model_id is None else shelf.load(model_id)
    return Judge(model.at(site.url) if site else model, site, budget)
