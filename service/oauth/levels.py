"""How sure a sign-in can be made, and whether one is as sure as an application asks for (`acr_values`)."""

from collections.abc import Sequence
from typing import Final

from authlib.oauth2.rfc6749 import OAuth2Error

from facewarden.acr import is_as_sure
from service.tokens import ACR_LIVE, ACR_LIVE_AND_PASSPHRASE, ACR_PHOTO, ACR_PHOTO_AND_PASSPHRASE

OFFERED: Final = (ACR_LIVE, ACR_LIVE_AND_PASSPHRASE)
"""The surest that the sign-in page can reach. What none of these reaches is refused before a camera is opened."""


class UnmetAuthenticationRequirements(OAuth2Error):
    """OpenID Connect Core Error Code unmet_authentication_requirements 1.0."""

    error = "unmet_authentication_requirements"
    description = "None of the acr_values can be reached here."


def wanted(acr_values: str | None) -> Sequence[str]:
    """Those of a request, the most wanted first; anything will do where it names none.

    Raises UnmetAuthenticationRequirements where no sign-in here could reach one of them.
    """
    asked = (acr_values or "").split()
    if asked and not any(is_as_sure(offered, each) for offered in OFFERED for each in asked):
        raise UnmetAuthenticationRequirements
    return asked


def needs_life(asked: Sequence[str]) -> bool:
    """Whether pictures reach none of these."""
    pictures = (ACR_PHOTO, ACR_PHOTO_AND_PASSPHRASE)
    return bool(asked) and not any(is_as_sure(each, one) for each in pictures for one in asked)


def require(acr: str, asked: Sequence[str]) -> None:
    """Raises UnmetAuthenticationRequirements where a sign-in of `acr` is as sure as none of these."""
    if asked and not any(is_as_sure(acr, each) for each in asked):
        raise UnmetAuthenticationRequirements
