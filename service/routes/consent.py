"""`GET /v1/consent`: what people are asked to agree to."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from service.bootstrap import Application
from service.consent import LOGIN
from service.doors import anyone


class Use(BaseModel):
    """One use and the sentence that asks for it."""

    use: str
    text: str
    required: bool


class Consent(BaseModel):
    """Send `digest` back as `consent_digest`: it says which text the person saw.

    `passphrase`: whether a second factor can, or must, be chosen.
    """

    version: str
    digest: str
    uses: list[Use]
    passphrase: Literal["off", "optional", "required"]


def router(application: Application) -> APIRouter:
    routes = APIRouter(tags=["people"])
    asked = application.consent

    @routes.get("/v1/consent", dependencies=[anyone])
    async def show() -> Consent:
        """The text to show before enrolment: a sentence a use, and its version and digest."""
        uses = [Use(use=use, text=text, required=use == LOGIN) for use, text in asked.texts.items()]
        factor = application.settings.second_factor
        return Consent(version=asked.version, digest=asked.digest, uses=uses, passphrase=factor)

    return routes
