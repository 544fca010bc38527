"""Tokens after they were issued: giving them back, and asking whether they hold."""

from collections.abc import Mapping
from dataclasses import dataclass

from db.storage import Storage
from service.errors import TokenInvalid
from service.oauth.provider import Provider
from service.token_keys import SKEW
from service.tokens import METHODS, Claims, Tokens


@dataclass(frozen=True, slots=True)
class Sessions:
    """Of every tenant."""

    storage: Storage
    tokens: Tokens
    provider: Provider

    def log_out(self, token: str) -> None:
        """The token opens nothing any more, at any worker or node. Raises TokenInvalid."""
        claims = self._claims(token)
        with self.storage.of(claims.tenant).begin() as work:
            work.take_turn()  # who gives back the same token at this moment waits
            work.revoked.add(claims.token_id, claims.expires_at)
            work.note("logged_out", claims.user_id)
            work.commit()

    def introspect(self, token: str, tenant: str) -> Mapping[str, object]:
        """What a token of that tenant says, as RFC 7662 has it, be it a login token or an application's access token;
        that it is not active, and nothing more, of every other: expired, given back, of somebody erased, of another
        tenant, or none at all."""
        try:
            claims = self._claims(token)
        except TokenInvalid:
            return self.provider.introspect(token, tenant)
        if claims.tenant != tenant:
            return {"active": False}
        return {
            "active": True,
            "token_type": "Bearer",
            "iss": self.tokens.issuer,
            "aud": self.tokens.issuer,
            "sub": str(claims.user_id),
            "iat": int(claims.issued_at.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
            "jti": claims.token_id,
            "acr": claims.acr,
            "amr": list(METHODS.get(claims.acr, ())),
            "tenant": claims.tenant,
        }

    def tidy(self) -> int:
        """Drops what has expired anyway; how many."""
        with self.storage.begin() as work:
            dropped = work.revoked.forget(work.now - SKEW) + work.grants.forget(work.now - SKEW)
            dropped += work.challenges.forget(work.now)
            work.commit()
        return dropped

    def _claims(self, token: str) -> Claims:
        """Raises TokenInvalid also where nobody is enrolled under its ID any more."""
        claims = self.tokens.read(token)
        with self.storage.of(claims.tenant).begin() as work:
            if not work.has(claims.user_id):
                raise TokenInvalid
        return claims
