"""The tree of errors, and how callers see each of them."""

import pytest

from moderation.domain import errors
from moderation.domain.errors import (
    ERROR_MAPPINGS,
    MAX_MESSAGE_LENGTH,
    InvalidCorpus,
    InvalidInput,
    ModerationError,
    error_mapping,
)

MAPPINGS = {
    "InvalidInput": (422, 2, "The input cannot be used"),
    "InvalidCorpus": (422, 2, "The corpus cannot be used"),
    "IdempotencyKeyReused": (422, 2, "The Idempotency-Key is already used"),
    "PromotionRefused": (409, 3, "The model does not pass the gate"),
    "NotFound": (404, 4, "Not found"),
    "ModelUnavailable": (503, 5, "The model cannot be used"),
    "StorageUnavailable": (503, 6, "The database cannot be used"),
    "AddressInUse": (503, 7, "The address is in use"),
    "AuthenticationFailed": (401, 8, "Not signed in"),
    "AccessRefused": (403, 8, "No access for this person"),
    "ProviderUnavailable": (503, 1, "The provider of the sign-in cannot be used"),
    "Conflict": (409, 9, "Conflict with an existing object"),
    "ModerationError": (500, 1, "Internal error"),
}
"""HTTP status, exit code and title by class. Clients and scripts rely on them."""


def _tree() -> list[type[ModerationError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ModerationError)]


@pytest.mark.parametrize("error", _tree(), ids=lambda error: error.__name__)
def test_status_exit_code_and_title(error: type[ModerationError]) -> None:
    """Each error has its row, and no other."""
    assert error_mapping(error("x")) == MAPPINGS[error.__name__]
    assert len(ERROR_MAPPINGS) == len(MAPPINGS)


@pytest.mark.parametrize("error", _tree(), ids=lambda error: error.__name__)
def test_a_message_is_short_and_printable(error: type[ModerationError]) -> None:
    """It goes to headers, logs and terminals, and may quote any input."""
    message = str(error(f"There is no {'x' * 10_000}."))
    assert len(message) == MAX_MESSAGE_LENGTH and message.endswith("x…")
    assert str(error("\r\nSet-Cookie: a=b\x1b[2J")) == "[U+000D U+000A]Set-Cookie: a=b[U+001B][2J"


def test_the_parts_of_an_invalid_input_are_short_and_printable() -> None:
    """A name of a field may be that of the caller, and a sentence may quote it."""
    ((pointer, sentence),) = InvalidInput("", (("/" + "x" * 10_000, "\n" + "y" * 10_000),)).errors
    assert (len(pointer), sentence[:9], len(sentence)) == (100, "[U+000A]y", 207)


def test_the_docstring_draws_the_tree() -> None:
    """The tree at the top of the module names every class below its parent, and no other."""
    drawn = [line.strip("│├└─ ").split()[0] for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert sorted(drawn) == sorted(error.__name__ for error in _tree() if error is not ModerationError)


def test_an_error_without_a_row_has_that_of_its_parent() -> None:
    """A new kind of error is answered like its parent."""

    class Odd(InvalidCorpus):
        pass

    assert error_mapping(Odd("x")) == ERROR_MAPPINGS[InvalidCorpus]


def test_invalid_input_names_each_error() -> None:
    """The pairs of place and sentence are kept for the answer."""
    assert InvalidInput("No.", (("/text", "Missing."),)).errors == (("/text", "Missing."),)
    assert InvalidInput("No.").errors == () and str(InvalidInput("No.")) == "No."
