"""The tree of errors."""

from moderation.domain import errors
from moderation.domain.errors import OUTCOMES, CorpusRefused, InputRefused, ModerationError, outcome


def _tree() -> list[type[ModerationError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ModerationError)]


def test_every_error_has_an_outcome() -> None:
    """No error leaves the house without a status and an exit code."""
    assert set(_tree()) == set(OUTCOMES)
    assert all(400 <= row.status < 600 and 0 < row.exit_code < 64 for row in OUTCOMES.values())


def test_every_error_is_drawn() -> None:
    """The tree at the top of the module names every class."""
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in _tree())


def test_an_error_without_a_row_takes_its_parents() -> None:
    """A new kind of refusal is answered like the refusal it is."""

    class Odd(CorpusRefused):
        pass

    assert outcome(Odd("x")) == OUTCOMES[CorpusRefused]
    assert outcome(InputRefused("x")).status == 422
