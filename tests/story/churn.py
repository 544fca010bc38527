"""Clients that enrol, log in, change and erase people, answer challenges and do an operator's work until the service is
killed, and remember what was answered."""

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from db.api_keys import Role

PICTURE: Final = "face.jpg"


@dataclass
class Known:
    """A person as the answers tell. `asked`: what was sent and not answered; it may have happened or not."""

    user_id: str
    picture: bytes = field(repr=False)
    passphrase: str | None = None
    uses: frozenset[str] = frozenset({"login"})
    recovery_code: str = ""
    erased: bool = False
    asked: str | None = None
    asked_passphrase: str | None = None


class Killed(Exception):
    """The service does not answer any more."""


class Client:
    """One connection and the people it has enrolled. Every method is an operation or two. `keys`: an application's and
    an operator's."""

    def __init__(
        self, base_url: str, pictures: Sequence[bytes], seed: int, answered: "Countdown", keys: Mapping[Role, str]
    ) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=60)
        self._pictures = pictures
        self._random = random.Random(seed)
        self._answered = answered
        self._verifier, self._admin = keys[Role.VERIFIER], keys[Role.ADMIN]
        self.people: list[Known] = []

    def run(self) -> None:
        """Until the service is killed."""
        usual = (self.enrol, self.enrol, self.login, self.erase, self.passphrase, self.withdraw)
        operations = (*usual, self.challenge, self.operator_erases, self.operator_forgives, self.operator_keys)
        with self._http:
            try:
                while True:
                    self._random.choice(operations)()
            except Killed:
                return
            finally:
                self._answered.reached.set()

    def enrol(self) -> None:
        picture = self._random.choice(self._pictures)
        passphrase = f"words {self._random.random()}" if self._random.random() < 0.2 else None
        data = {"consent": "true", "label": "x" * self._random.randint(0, 150), "uses": "login,overlays"}
        told = self._send(
            "POST",
            "/v1/users",
            201,
            token=None,
            picture=picture,
            data=data | ({"passphrase": passphrase} if passphrase else {}),
        )
        uses = frozenset({"login", "overlays"})
        self.people.append(Known(told["user_id"], picture, passphrase, uses, told["recovery_code"]))

    def somebody(self) -> Known | None:
        """Of this client's."""
        there = [person for person in self.people if not person.erased]
        return self._random.choice(there) if there else None

    def login(self) -> tuple[Known, str] | None:
        """Somebody, and their token."""
        person = self.somebody()
        if person is None:
            return None
        data = {"user_id": person.user_id} | ({"passphrase": person.passphrase} if person.passphrase else {})
        told = self._send("POST", "/v1/login", 200, token=self._verifier, picture=person.picture, data=data)
        return person, str(told["token"])

    def erase(self) -> None:
        if found := self.login():
            person, token = found
            person.asked = "erase"
            self._send("DELETE", "/v1/me", 200, token=token)
            person.asked, person.erased = None, True

    def passphrase(self) -> None:
        if found := self.login():
            person, token = found
            person.asked, person.asked_passphrase = "passphrase", f"words {self._random.random()}"
            self._send("POST", "/v1/me/passphrase", 204, token=token, data={"passphrase": person.asked_passphrase})
            person.asked, person.passphrase = None, person.asked_passphrase

    def withdraw(self) -> None:
        if found := self.login():
            person, token = found
            person.asked = "withdraw"
            self._send("DELETE", "/v1/me/consent/overlays", 200, token=token)
            person.asked, person.uses = None, person.uses - {"overlays"}

    def challenge(self) -> None:
        """Asked for, and answered by a picture that stands still."""
        asked = {"purpose": "login", "told": "at_once"}
        told = self._send("POST", "/v1/challenges", 201, token=self._verifier, data=asked)
        path, data = f"/v1/challenges/{told['challenge_id']}", {"nonce": told["nonce"], "captured_at": "0"}
        ended = self._send("POST", path, 200, token=self._verifier, picture=self._pictures[0], data=data)
        assert ended["phase"] == "failed"

    def operator_erases(self) -> None:
        if person := self.somebody():
            person.asked = "erase"
            data = {"user_id": person.user_id, "confirm": "1"}
            self._send("POST", "/v1/admin/people/erase", 200, token=self._admin, data=data)
            person.asked, person.erased = None, True

    def operator_forgives(self) -> None:
        if person := self.somebody():
            self._send("POST", "/v1/admin/unlock", 200, token=self._admin, data={"user_id": person.user_id})

    def operator_keys(self) -> None:
        """One is made and revoked."""
        asked = {"role": "auditor", "name": "for a moment"}
        told = self._send("POST", "/v1/admin/api-keys", 201, token=self._admin, data=asked)
        self._send("DELETE", f"/v1/admin/api-keys/{told['prefix']}", 204, token=self._admin)

    def _send(
        self,
        method: str,
        path: str,
        status: int,
        *,
        token: str | None,
        picture: bytes | None = None,
        data: dict[str, str] | None = None,
    ) -> dict[str, str]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            if picture is None:
                answer = self._http.request(method, path, headers=headers, json=data)
            else:
                files = {"image": (PICTURE, picture, "image/jpeg")}
                answer = self._http.request(method, path, headers=headers, files=files, data=data)
        except httpx.TransportError:
            raise Killed from None
        assert answer.status_code in {status, 202 if status == 200 else status}, answer.text
        self._answered()
        return {} if answer.status_code == 204 else answer.json()


class Countdown:
    """Is set once so many operations were answered."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._lock = threading.Lock()
        self.reached = threading.Event()

    def __call__(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                self.reached.set()
