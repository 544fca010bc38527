"""The Ed25519 keys that tokens are signed with, and their public halves as a JWK set (RFC 7517, RFC 8037).

A key is published before it signs and stays published until the last token that it signed has expired, so that
whoever keeps a copy of the set for PUBLISHED_FOR meets no token of a key that it does not know:

    made ──LEAD──▶ signs ──until the next one signs, and LONGEST_LIFE more──▶ destroyed
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from db.signing_keys import SigningKey, SigningKeys

PUBLISHED_FOR: Final = timedelta(minutes=5)
"""How long a copy of the JWK set may be kept (Cache-Control)."""
LEAD: Final = 2 * PUBLISHED_FOR
LONGEST_LIFE: Final = timedelta(hours=1)
"""Of any token, whatever FACEWARDEN_TOKEN_SECONDS is or was set to."""
SKEW: Final = timedelta(minutes=1)
"""Clocks of two nodes may differ by so much."""


@dataclass(frozen=True)
class TokenKey:
    """`signs_from`: the moment from which it does."""

    signs_from: datetime
    made_at: datetime
    _secret: bytes = field(repr=False)

    @cached_property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._secret)

    @cached_property
    def kid(self) -> str:
        """The thumbprint of the public key (RFC 7638)."""
        return self._jwk.thumbprint()

    @property
    def public(self) -> dict[str, Any]:
        """A JWK."""
        return {**self._jwk.as_dict(), "kid": self.kid, "use": "sig", "alg": "EdDSA"}

    @cached_property
    def _jwk(self) -> OKPKey:
        return OKPKey.import_key(self.private.public_key())


class TokenKeys:
    """Of all tenants. The first key is made when one is first asked for. Safe for several threads and processes."""

    def __init__(self, store: SigningKeys, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._known: dict[datetime, TokenKey] = {}

    def all(self) -> list[TokenKey]:
        """Those there are, the earliest first; that one signs at once."""
        found = self._store.all()
        if not found:
            self._store.add(self._now())
            found = self._store.all()
        keys = [self._of(each, first=number == 0) for number, each in enumerate(found)]
        self._known = {key.made_at: key for key in keys}
        return keys

    def signing(self) -> TokenKey:
        """The one that signs by now."""
        first, *others = self.all()
        return [first, *(key for key in others if key.signs_from <= self._now())][-1]

    def get(self, kid: object) -> TokenKey | None:
        """The one called so."""
        return next((key for key in self.all() if key.kid == kid), None)

    def public(self) -> dict[str, Any]:
        """The JWK set."""
        return {"keys": [key.public for key in self.all()]}

    def add(self) -> TokenKey:
        """The next one, which signs after LEAD."""
        self.all()  # a first one signs meanwhile
        made_at = self._now()
        self._store.add(made_at)
        return next(key for key in self.all() if key.made_at == made_at)

    def keep_only(self, key: TokenKey) -> None:
        """Destroys all others: what they signed is worth nothing any more, and this one signs from now on."""
        self._store.destroy([each.made_at for each in self.all() if each.made_at != key.made_at])

    def is_due(self, every: timedelta) -> bool:
        """Whether the newest one is older than that."""
        return self._now() - self.all()[-1].made_at >= every

    def retire(self) -> int:
        """Destroys those whose last token has expired; how many."""
        keys, now = self.all(), self._now()
        done = [key.made_at for key, following in pairwise(keys) if following.signs_from + LONGEST_LIFE + SKEW <= now]
        self._store.destroy(done)
        return len(done)

    def _of(self, stored: SigningKey, *, first: bool) -> TokenKey:
        known = self._known.get(stored.made_at)
        signs_from = stored.made_at if first else stored.made_at + LEAD
        if known is not None and known.signs_from == signs_from:
            return known
        return TokenKey(signs_from, stored.made_at, stored.secret)
