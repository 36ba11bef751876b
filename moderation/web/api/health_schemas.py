"""Responses of the health checks, in the API and the OpenAPI document."""

from moderation.web.api.guarantee_schemas import ResponseModel


class LivenessResponse(ResponseModel):
    """The process answers."""

    alive: bool


class VersionResponse(ResponseModel):
    """A model by its id and the SHA-256 of its card, or a schema by its revision."""

    id: str
    sha256: str | None


class HealthCheckResponse(ResponseModel):
    """One requirement of the service, with the version in use and the version that should be."""

    ready: bool
    detail: str | None
    has: VersionResponse | None
    should_have: VersionResponse | None


class ReadinessResponse(ResponseModel):
    """Whether comments can be judged and stored, with each check by its name."""

    ready: bool
    checks: dict[str, HealthCheckResponse]
