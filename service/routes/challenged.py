"""What a login or an enrolment shows: pictures, or a challenge in their place; and whom a challenge is bound to."""

from typing import Final

from fastapi import Request

from service.doors import Caller
from service.forms import Form, InvalidField, MissingImage, identifier, single
from service.settings import Settings
from service.uploads import read_form
from service.workflows.challenges import NONCE_BYTES, Challenger, Shown

MACHINE: Final = "this machine"


def challenger(caller: Caller) -> Challenger:
    """Whom a challenge is bound to."""
    if caller.key is not None:
        return Challenger(caller.key, counted=False)
    return Challenger(caller.client or MACHINE)


def shown_challenge(form: Form, caller: Caller) -> Shown | None:
    """The challenge in the place of pictures. Raises InvalidField where it is not whole or comes with pictures."""
    challenge_id, nonce = identifier(form, "challenge_id"), single(form, "nonce")
    if challenge_id is None and nonce is None:
        return None
    if challenge_id is None or form.images:
        raise InvalidField("challenge_id")
    if nonce is None or len(nonce) != 2 * NONCE_BYTES:
        raise InvalidField("nonce")
    return Shown(challenge_id, nonce, challenger(caller))


async def read_shown(request: Request, settings: Settings) -> Form:
    """The body of a login or an enrolment: pictures, or a challenge. Raises what `read_form` raises."""
    form = await read_form(request, settings.max_request_bytes, settings.max_request_images, least=0)
    if not form.images and not form.fields.get("challenge_id"):
        raise MissingImage
    return form
