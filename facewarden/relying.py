"""For FastAPI applications whose users log in with facewarden: `Depends(LoggedIn("https://…"))`."""

from fastapi import HTTPException, Request

from facewarden.verifying import Acr, KeysUnavailable, NotLoggedIn, NotSureEnough, Person, Verifier

__all__ = ["LoggedIn", "Person"]


class LoggedIn:
    """A dependency that gives the `Person` whose token a request carries (Authorization: Bearer).

    The arguments are those of `Verifier`. Answers 401 where there is no good token, or one that shows less than `acr`
    (RFC 9470), and 503 where the service's public keys cannot be had.
    """

    def __init__(self, service: str, audience: str | None = None, *, acr: Acr = "photo") -> None:
        self._verify = Verifier(service, audience, acr=acr)

    def __call__(self, request: Request) -> Person:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _refusal("Log in first.")
        try:
            return self._verify(token.strip())
        except NotLoggedIn:
            raise _refusal("Log in again.", 'error="invalid_token"') from None
        except NotSureEnough as error:
            asked = f'error="insufficient_user_authentication", acr_values="{error.acr}"'
            raise _refusal("This needs a surer login.", asked) from None
        except KeysUnavailable:
            raise HTTPException(503, "The login service does not answer.") from None


def _refusal(detail: str, challenge: str = "") -> HTTPException:
    return HTTPException(401, detail, {"WWW-Authenticate": f"Bearer {challenge}".strip()})
