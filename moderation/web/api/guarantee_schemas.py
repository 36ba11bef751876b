"""Responses under `/v1` on how much ham may be lost: budgets, guarantees and calibrations."""

from pydantic import BaseModel, ConfigDict, Field

from moderation.domain.budget import RolloutStage
from moderation.domain.thresholds import Verdict


class ResponseModel(BaseModel):
    """A view of a domain object."""

    model_config = ConfigDict(
        from_attributes=True,
        # An error is logged, and a comment must not be.
        hide_input_in_errors=True,
        # A field with a default is always sent.
        json_schema_serialization_defaults_required=True,
    )


class GuaranteeResponse(ResponseModel):
    """What a site's own ham proves about a threshold."""

    threshold: float
    max_rate: float | None = Field(description="The rate of ham at or above the threshold that the budget allows.")
    n: int = Field(description="Ham comments counted.")
    errors: int = Field(description="How many of them are at or above the threshold.")
    bound: float = Field(description="Upper bound of their rate, with the confidence.")
    confidence: float
    digest: str = Field(description="SHA-256 over the ids and probabilities counted.")


class GeneralGuaranteeResponse(ResponseModel):
    """The proportion of new sites on which a threshold of the model keeps a rate."""

    threshold: float
    max_rate: float
    coverage: float = Field(description="The proportion of new sites with at most `max_rate` of their ham there.")
    sites: int = Field(description="Sites, or pools of small ones, that it was counted on.")
    within: int = Field(description="How many of these keep the rate.")
    worst_rate: float
    min_ham: int = Field(description="Ham comments of the smallest site or pool.")


class GeneralGuaranteesResponse(ResponseModel):
    """Those of a model's three thresholds."""

    review: GeneralGuaranteeResponse
    spam: GeneralGuaranteeResponse
    discard: GeneralGuaranteeResponse


class CalibrationResponse(ResponseModel):
    """The rollout stage of a site and the guarantees of its thresholds."""

    stage: RolloutStage
    review: GuaranteeResponse | None
    spam: GuaranteeResponse | None
    review_lowering: float = Field(
        description="How far the site's comments lower a review threshold with a guarantee, in logits."
    )


class DecisionCalibrationResponse(CalibrationResponse):
    """The calibration behind a decision."""

    general: GeneralGuaranteesResponse | None = Field(description="The model's, where they stand for a missing one.")
    protection: str = Field(description="What protects the site's ham and how sure that is, in a sentence for people.")
    would_be: Verdict | None = Field(description="The verdict by the thresholds at the stage `log`, else null.")


class BudgetResponse(ResponseModel):
    """How much ham may be lost or held, the confidence to prove it with, and the coverage of new sites until then."""

    lost: float
    held: float
    confidence: float
    coverage: float
