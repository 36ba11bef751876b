"""Each answer has a status, content type and body that the OpenAPI document names. schemathesis sends the requests."""

from typing import Any

import pytest
import schemathesis
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from moderation.web.api.openapi import document
from tests.fuzz.examples import FEW
from tests.fuzz.served import KEY, FuzzedService

pytestmark = pytest.mark.fuzz

KEYED = {"Authorization": f"Bearer {KEY}"}

CHECKS_WITHOUT_NAMES: list[Any] = [positive_data_acceptance, ignored_auth]
"""Checks that a request with an `Idempotency-Key` cannot pass.

Examples repeat each other's with another body, which the document cannot forbid. And schemathesis takes the site's key
for an invented one where it invents another header.
"""

api = schemathesis.openapi.from_dict(document())
api_with_key = schemathesis.openapi.from_dict(document())
api_with_key.config.update(headers=KEYED)


@api_with_key.parametrize()
@FEW
def test_a_site_gets_documented_answers(case: schemathesis.Case[Any], service: FuzzedService) -> None:
    """With a valid key, for valid and for invalid requests to each operation."""
    named = "Idempotency-Key" in (case.headers or {})
    case.call_and_validate(base_url=service.address, excluded_checks=CHECKS_WITHOUT_NAMES if named else None)


@api.parametrize()
@FEW
def test_a_stranger_gets_documented_answers(case: schemathesis.Case[Any], service: FuzzedService) -> None:
    """Without a key."""
    case.call_and_validate(base_url=service.address)


@api_with_key.include(path_regex="decision_id").parametrize()
@FEW
def test_a_decision_that_exists_gets_documented_answers(
    case: schemathesis.Case[Any], service: FuzzedService, decision_id: str
) -> None:
    """Reading it, labelling it with any body, and withdrawing its label."""
    case.path_parameters["decision_id"] = decision_id
    # The valid id stands in place of an invalid one, which would have been refused.
    case.call_and_validate(base_url=service.address, excluded_checks=[negative_data_rejection])
