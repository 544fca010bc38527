"""The one error that calls of the service raise."""

from collections.abc import Mapping
from typing import Any, Final

UNREACHABLE: Final = "unreachable"
"""Code of our own: no answer came."""
UNEXPECTED: Final = "unexpected_answer"
"""Code of our own: an answer came that is not the service's, from a proxy for example."""


class FacewardenError(Exception):
    """What the service refused. Act on `code` (docs/errors.md), show people `title` and `advice`.

    `status`: of HTTP, 0 where no answer came. `field`, `reasons`, `retry_after` (seconds), `detail`, `request_id`: None
    (`reasons`: empty) where the answer has none.
    """

    def __init__(self, code: str, status: int, title: str, told: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {title}")
        told = told or {}
        self.code = code
        self.status = status
        self.title = title
        self.advice: str | None = told.get("advice")
        self.detail: str | None = told.get("detail")
        self.field: str | None = told.get("field")
        self.reasons: tuple[str, ...] = tuple(told.get("reasons") or ())
        self.retry_after: int | None = told.get("retry_after")
        self.request_id: str | None = told.get("request_id")

    @classmethod
    def of(cls, status: int, told: object) -> "FacewardenError":
        """From a problem body (RFC 9457); another answer becomes `unexpected_answer`."""
        if isinstance(told, dict) and isinstance(told.get("code"), str) and isinstance(told.get("title"), str):
            return cls(told["code"], status, told["title"], told)
        return cls(UNEXPECTED, status, "The answer is not the service's")
