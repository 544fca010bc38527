"""A client for facewarden's HTTP API.

    with Client("https://face.example.org", api_key=key) as client:
        session = client.login([frame])

Needs httpx (`pip install facewarden[client]`) and nothing of the service. Every call raises FacewardenError for what
the service refuses, and where it cannot be reached.
"""

import json
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx

from facewarden.errors import UNEXPECTED, UNREACHABLE, FacewardenError
from facewarden.results import Analysis, ConsentText, Enrolled, Erasure, Me, Overlay, Photos, Recovered, Session

Picture = bytes | Path
"""An encoded JPEG, PNG or WebP, or the file it is in."""
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

R = TypeVar("R")


class Client:
    """May be shared between threads; a context manager. `api_key`: of the role that the calls ask for
    (docs/access.md: no role includes another); `verify`: an SSL context that trusts an authority of
    your own; `timeout`: seconds.

    Raises ValueError for an `http:` address of another machine, unless `without_tls`: pictures and keys would go there
    in clear.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        verify: ssl.SSLContext | bool = True,
        timeout: float = 30.0,
        without_tls: bool = False,
    ) -> None:
        address = httpx.URL(url)
        if address.scheme != "https" and address.host not in LOOPBACK and not without_tls:
            raise ValueError(f"{url} is another machine without TLS")
        self._key = api_key
        self._http = httpx.Client(base_url=address, verify=verify, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # With the API key, where there is one

    def consent(self) -> ConsentText:
        """What people are asked to agree to."""
        return self._asked(ConsentText.of, "GET", "/v1/consent")

    def enrol(  # noqa: PLR0913 - as many as the call has fields
        self,
        pictures: Sequence[Picture],
        *,
        consent: bool,
        label: str | None = None,
        reference: str | None = None,
        uses: Collection[str] | None = None,
        attributes: Collection[str] | None = None,
        consent_digest: str | None = None,
        passphrase: str | None = None,
        captured_at: Sequence[int] | None = None,
    ) -> Enrolled:
        """One person, from one to ten pictures. `consent`: whether they have agreed; `reference`: their ID in your own
        records; `captured_at`: milliseconds since 1970, one a picture; the others: as `POST /v1/users` has them."""
        told = {
            "consent": "true" if consent else "false",
            "label": label,
            "reference": reference,
            "uses": _listed(uses),
            "attributes": None if attributes is None else _listed(attributes) or "none",
            "consent_digest": consent_digest,
            "passphrase": passphrase,
        }
        return self._pictured(Enrolled.of, "/v1/users", pictures, told, captured_at)

    def login(
        self,
        pictures: Sequence[Picture],
        *,
        user_id: UUID | None = None,
        passphrase: str | None = None,
        captured_at: Sequence[int] | None = None,
    ) -> Session:
        """With `user_id` that person (1:1), else anybody enrolled (1:N); code `not_recognised` for any other."""
        told = {"user_id": None if user_id is None else str(user_id), "passphrase": passphrase}
        return self._pictured(Session.of, "/v1/login", pictures, told, captured_at)

    def recover(self, user_id: UUID, recovery_code: str) -> Recovered:
        """Into a record without a face."""
        body = {"user_id": str(user_id), "recovery_code": recovery_code}
        return self._asked(Recovered.of, "POST", "/v1/recover", json=body)

    def analyze(self, picture: Picture, *, attributes: Collection[str] | None = None) -> Analysis:
        """The faces in a picture. `attributes`: which of age, gender, emotion to tell; None for all there are."""
        told = {"attributes": None if attributes is None else _listed(attributes) or "none"}
        return self._pictured(Analysis.of, "/v1/analyze", [picture], told)

    def overlay(self, picture: Picture, style: str = "solid", *, format: str | None = None) -> Overlay:  # noqa: A002
        """The picture with its faces hidden. `format`: jpeg, png or webp; None for that of the picture."""
        answer = self._send(
            "POST", "/v1/overlays", self._key, files=_files([picture]), data=_given({"style": style, "format": format})
        )
        try:
            hidden, smallest = int(answer.headers["x-faces-hidden"]), float(answer.headers["x-smallest-face-px"])
        except (KeyError, ValueError):
            raise _unexpected(answer) from None
        return Overlay(answer.content, answer.headers.get("content-type", ""), hidden, smallest)

    def unlock(self, user_id: UUID) -> bool:
        """Forgives the failed logins of a claim; whether there were any."""
        return self._asked(
            lambda told: bool(told["had_failures"]), "POST", "/v1/admin/unlock", json={"user_id": str(user_id)}
        )

    def stats(self) -> Mapping[str, int]:
        """How many people, look-alikes, locked claims and log entries there are."""
        return self._asked(dict, "GET", "/v1/admin/stats")

    def is_ready(self) -> bool:
        """Whether the service can be sent requests; False also where it cannot be reached."""
        try:
            self._send("GET", "/readyz", None)
        except FacewardenError:
            return False
        return True

    # With the token of somebody who is logged in

    def me(self, token: str) -> Me:
        """What is kept about them."""
        return self._asked(Me.of, "GET", "/v1/me", token)

    def export(self, token: str) -> Mapping[str, Any]:
        """Everything that is held about them, as GDPR articles 15 and 20 ask for."""
        return self._asked(dict, "GET", "/v1/me/export", token)

    def add_photos(self, token: str, pictures: Sequence[Picture], captured_at: Sequence[int] | None = None) -> Photos:
        """Photos of other moments, after a login of the last five minutes."""
        return self._pictured(Photos.of, "/v1/me/photos", pictures, {}, captured_at, token)

    def choose_passphrase(self, token: str, passphrase: str | None) -> None:
        """Sets, changes or (None) removes the second factor, after a login of the last five minutes."""
        if passphrase is None:
            self._send("DELETE", "/v1/me/passphrase", token)
        else:
            self._send("POST", "/v1/me/passphrase", token, json={"passphrase": passphrase})

    def renew_recovery_code(self, token: str) -> str:
        """A new recovery code in the place of the one before, after a login of the last five minutes."""
        return self._asked(lambda told: str(told["recovery_code"]), "POST", "/v1/me/recovery-code", token)

    def agree(self, token: str, uses: Collection[str], consent_digest: str) -> frozenset[str]:
        """From now on to these uses, in the words of the present text, after a login of the last five minutes; what is
        left out is taken back."""
        body = {"uses": _listed(uses), "consent_digest": consent_digest}
        return self._asked(lambda told: frozenset(map(str, told["uses"])), "PUT", "/v1/me/consent", token, json=body)

    def withdraw(self, token: str, use: str) -> Erasure:
        """Takes back the consent to `attributes`, `overlays` or `growth`, and what it allowed; to `login`:
        everything."""
        return self._asked(Erasure.of, "DELETE", f"/v1/me/consent/{quote(use, safe='')}", token)

    def erase(self, token: str) -> Erasure:
        """Erases them for good."""
        return self._asked(Erasure.of, "DELETE", "/v1/me", token)

    def _pictured(
        self,
        parse: Callable[[Any], R],
        path: str,
        pictures: Sequence[Picture],
        told: Mapping[str, str | None],
        captured_at: Sequence[int] | None = None,
        token: str | None = None,
    ) -> R:
        data = _given(told) | ({} if captured_at is None else {"captured_at": [str(each) for each in captured_at]})
        return self._asked(parse, "POST", path, token, files=_files(pictures), data=data)

    def _asked(self, parse: Callable[[Any], R], method: str, path: str, token: str | None = None, **body: Any) -> R:
        answer = self._send(method, path, token or self._key, **body)
        try:
            return parse(answer.json())
        except (LookupError, TypeError, ValueError, AttributeError):
            raise _unexpected(answer) from None

    def _send(self, method: str, path: str, bearer: str | None, **body: Any) -> httpx.Response:
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        try:
            answer = self._http.request(method, path, headers=headers, **body)
        except httpx.HTTPError as error:
            raise FacewardenError(UNREACHABLE, 0, f"The service cannot be reached: {type(error).__name__}") from None
        if answer.is_success:
            return answer
        try:
            told = answer.json()
        except json.JSONDecodeError:
            raise _unexpected(answer) from None
        raise FacewardenError.of(answer.status_code, told)


def _files(pictures: Sequence[Picture]) -> list[tuple[str, tuple[str, bytes]]]:
    """Without the names of the files: they may be somebody's."""
    return [("image", ("image", each if isinstance(each, bytes) else each.read_bytes())) for each in pictures]


def _given(told: Mapping[str, str | None]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _listed(names: Collection[str] | None) -> str | None:
    return None if names is None else ",".join(sorted(names))


def _unexpected(answer: httpx.Response) -> FacewardenError:
    return FacewardenError(UNEXPECTED, answer.status_code, "The answer is not the service's")
