"""What calls below /oauth send and how they are refused (RFC 6749, appendix B and section 5.2)."""

from typing import Any, Final

from starlette.responses import JSONResponse

from service.uploads import FORM

ERROR: Final = {
    "schema": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    }
}
OAUTH_ERROR: Final = {
    "description": "An error (RFC 6749); act on `error`. A problem (RFC 9457) has it as a further member.",
    "content": {"application/json": ERROR, "application/problem+json": ERROR},
}
"""For the OpenAPI document."""


def form_body(*required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """The `openapi_extra` of a route that takes a form."""
    schema = {"schema": {"type": "object", "required": list(required), "properties": properties}}
    return {"requestBody": {"required": True, "content": {FORM: schema}}}


def refused(error: str, description: str, *, status: int = 400) -> JSONResponse:
    """The answer of a route that is called by an application. 401 asks for a bearer token."""
    headers = {"cache-control": "no-store"}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse({"error": error, "error_description": description}, status, headers)
