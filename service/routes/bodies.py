"""What requests look like, for the OpenAPI document: bodies are read by `service.uploads`, not by the framework."""

from typing import Any

PROBLEM = {
    "description": "A problem (RFC 9457); act on `code`.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "code", "advice"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "code": {"type": "string"},
                    "advice": {"type": "string"},
                    "request_id": {"type": "string"},
                },
            }
        }
    },
}


def image_body(*, several: bool, **fields: dict[str, Any]) -> dict[str, Any]:
    """The `openapi_extra` of a route that takes pictures, as multipart/form-data or as base64 in JSON."""
    return _pictures(["image"], several, fields)


def shown_body(**fields: dict[str, Any]) -> dict[str, Any]:
    """The same for pictures, or a challenge in their place."""
    return _pictures([], True, fields | CHALLENGE)


def _pictures(required: list[str], several: bool, fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    file = {"type": "string", "format": "binary"}
    text = {"type": "string", "format": "byte", "description": "base64"}

    def schema(picture: dict[str, Any]) -> dict[str, Any]:
        images: dict[str, Any] = {"image": {"type": "array", "items": picture}} if several else {"image": picture}
        return {"schema": {"type": "object", "required": required, "properties": images | fields}}

    return {
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": schema(file), "application/json": schema(text)},
        }
    }


def plain_body(*required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """The `openapi_extra` of a route that takes simple fields only."""
    schema = {"schema": {"type": "object", "required": list(required), "properties": properties}}
    return {"requestBody": {"required": True, "content": {"application/json": schema, "multipart/form-data": schema}}}


def fields(**each: str) -> dict[str, dict[str, Any]]:
    """Simple text fields and what they mean."""
    return {name: {"type": "string", "description": meaning} for name, meaning in each.items()}


CHALLENGE = fields(challenge_id="A challenge that was passed, in the place of pictures.", nonce="Of that challenge.")
