"""Keys that tokens are signed with, in the key store: each a secret of its own, whose name says when it was made.

Nothing else is kept of them, so that they follow the master key wherever the other secrets do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from db.errors import told_apart
from db.keystore import Keystore

PURPOSE: Final = "token-key:"
_MOMENT: Final = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """32 random bytes, and when they were made."""

    made_at: datetime
    secret: bytes = field(repr=False)


class SigningKeys:
    """Of all tenants. Safe for several threads and processes: each call asks the key store which keys there are.

    Raises StorageUnavailable, and RecordUnreadable for a key that does not open.
    """

    def __init__(self, keystore: Keystore) -> None:
        self._keystore = keystore
        self._opened: dict[str, SigningKey] = {}

    def all(self) -> list[SigningKey]:
        """Those there are, the earliest first."""
        with told_apart():
            names = sorted(self._keystore.purposes(PURPOSE))
            found = {name: self._opened.get(name) or self._open(name) for name in names}
        self._opened = {name: key for name, key in found.items() if key is not None}
        return list(self._opened.values())

    def add(self, made_at: datetime) -> None:
        """One more."""
        with told_apart():
            self._keystore.secret(_name(made_at))

    def destroy(self, made_at: Iterable[datetime]) -> None:
        """Deletes those made at these moments; their traces go with the next sweep."""
        names = [_name(each) for each in made_at]
        if names:
            with told_apart():
                self._keystore.destroy_secrets(names)

    def _open(self, name: str) -> SigningKey | None:
        """None where it was destroyed this moment."""
        secret = self._keystore.known_secret(name)
        made_at = datetime.strptime(name.removeprefix(PURPOSE), _MOMENT).replace(tzinfo=UTC)
        return None if secret is None else SigningKey(made_at, secret)


def _name(made_at: datetime) -> str:
    return PURPOSE + made_at.astimezone(UTC).strftime(_MOMENT)
