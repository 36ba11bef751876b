"""The way of a promoted model to all machines, if they follow the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from moderation.actions import published_models
from moderation.actions.services import Services
from moderation.cli._options import opened_services
from moderation.settings import Settings


@contextmanager
def publisher(settings: Settings) -> Iterator[Callable[[str], None] | None]:
    """Yield the function that publishes a model; `None` if each machine has its own live model.

    The live model of all machines is first made the live one here, so that a candidate is compared with it.
    """
    if settings.model_source == "folder":
        yield None
        return
    with opened_services(settings) as services:
        yield publisher_of(services)


def publisher_of(services: Services) -> Callable[[str], None] | None:
    """Return the function that publishes a model, as `publisher` does."""
    if not services.follows_models:
        return None
    former = published_models.follow(services)
    return partial(published_models.publish, services, former=former)
