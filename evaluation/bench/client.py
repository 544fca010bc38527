"""A client of the service: one kept connection, requests made up beforehand, the time of each answer."""

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from uuid import UUID

from evaluation.bench.server import HOST, ServiceFailed

BOUNDARY: Final = "facewarden-bench-boundary"
TIMEOUT_SECONDS: Final = 120
UNREACHED: Final = 0
"""The status of a request that got no answer."""


def multipart(image: bytes, fields: Mapping[str, str]) -> bytes:
    """A multipart/form-data body with one picture and text fields."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = 'Content-Disposition: form-data; name="image"; filename="frame.jpg"\r\nContent-Type: image/jpeg'
    parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode())
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Answer:
    """`status`: of HTTP, UNREACHED for none; `milliseconds`: from sending until the whole body was there."""

    status: int
    milliseconds: float
    body: bytes


class Client:
    """Talks to the service on loopback. Not to be shared between threads."""

    def __init__(self, port: int, api_key: str | None = None) -> None:
        """`api_key`: of an application, whose failed logins are not counted for its address."""
        self._connection = HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
        self._headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def post(self, path: str, body: bytes) -> Answer:
        start = time.perf_counter()
        try:
            self._connection.request("POST", path, body, self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException):
            self._connection.close()
            return Answer(UNREACHED, (time.perf_counter() - start) * 1000, b"")
        return Answer(answer.status, (time.perf_counter() - start) * 1000, content)

    def enrol(self, image: bytes) -> UUID:
        """Enrols the face of a picture. Raises ServiceFailed with the code of the refusal."""
        answer = self.post("/v1/users", multipart(image, {"consent": "true"}))
        told: dict[str, Any] = json.loads(answer.body or b"{}")
        if answer.status != 201:
            raise ServiceFailed(f"the frame could not be enrolled: {answer.status} {told.get('code', '')}".strip())
        return UUID(told["user_id"])

    def login(self, body: bytes) -> Answer:
        """A login with a prepared body; see `multipart`."""
        return self.post("/v1/login", body)

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Load:
    """What several clients at once got: the answers' times, how often each status came, and how long it all took."""

    milliseconds: tuple[float, ...]
    statuses: Mapping[int, int]
    seconds: float

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds


def load(port: int, clients: int, requests: int, body: bytes) -> Load:
    """`requests` logins by so many clients, each sending its next one as soon as it has been answered."""
    shares = [requests // clients + (number < requests % clients) for number in range(clients)]
    found: list[list[Answer]] = [[] for _ in range(clients)]

    def work(number: int) -> None:
        client = Client(port)
        for _ in range(shares[number]):
            found[number].append(client.login(body))
        client.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    answers: Sequence[Answer] = [answer for each in found for answer in each]
    statuses = Counter(answer.status for answer in answers)
    return Load(tuple(answer.milliseconds for answer in answers), dict(statuses), seconds)
