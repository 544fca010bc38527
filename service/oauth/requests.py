"""Requests and answers between the routes and Authlib, of no web framework."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Payload, OAuth2Request

Pairs = Sequence[tuple[str, str]]
QUOTED: Final = ("client_id", "redirect_uri", "response_type", "grant_type")
"""What Authlib puts into the text of an error."""
QUOTABLE: Final = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]*")
"""RFC 6749, section 5.2; Authlib raises ValueError for other characters."""


@dataclass(slots=True)
class Answer:
    """`body`: of JSON, or empty."""

    status: int
    body: object
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def location(self) -> str | None:
        """Where the browser goes on; None where it does not."""
        return self.headers.get("Location")

    @location.setter
    def location(self, value: str) -> None:
        self.headers["Location"] = value


class Payload(OAuth2Payload):
    """The parameters, from the address or from a form."""

    def __init__(self, pairs: Pairs) -> None:
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            if value:  # without a value: as if left out (RFC 6749, section 3.1)
                self._lists[name].append(value)
        self._data = {name: values[0] for name, values in self._lists.items()}

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists

    def require_plain(self) -> None:
        """Raises InvalidRequestError where a parameter comes twice (section 3.1) or cannot be quoted."""
        if any(len(values) > 1 for values in self._lists.values()):
            raise InvalidRequestError("A parameter is given twice.")
        if not all(QUOTABLE.fullmatch(self._data.get(name, "")) for name in QUOTED):
            raise InvalidRequestError("A parameter holds characters that are not allowed.")


class Request(OAuth2Request):
    """Made to look like one over TLS: whether it was is for the settings to see to, and a proxy in front may know."""

    def __init__(self, method: str, pairs: Pairs, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(method, "https://localhost", headers=headers or {})
        self.payload: Payload = Payload(pairs)

    @property
    def args(self) -> dict[str, str]:
        return self.payload.data

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data
