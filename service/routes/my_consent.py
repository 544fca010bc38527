"""`/v1/me/consent`: what somebody who is logged in agrees to, more of it or less."""

from functools import partial
from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service.bootstrap import Application
from service.consent import USES
from service.doors import Person
from service.routes.bodies import PROBLEM, fields, plain_body
from service.routes.me import Erased, erased, record
from service.uploads import InvalidField, kinds, read_fields, text
from service.workers import Workers

LONGEST_DIGEST: Final = 200


class Agreed(BaseModel):
    """What holds from now on."""

    uses: tuple[str, ...]


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["people"])
    me = partial(record, application)

    @routes.put(
        "/v1/me/consent",
        responses={"4XX": PROBLEM},
        openapi_extra=plain_body(
            "uses",
            "consent_digest",
            **fields(
                uses="All they agree to, of login, attributes, overlays, growth, comma separated.",
                consent_digest="`digest` of the text of `/v1/consent` that they were shown.",
            ),
        ),
    )
    async def agree(request: Request, caller: Person) -> Agreed:
        """Agree to the present text, after a login of the last five minutes. Uses that are left out are taken back, and
        what they allowed is erased; attributes can be kept, not added."""
        form = await read_fields(request)
        uses, seen = kinds(form, "uses", frozenset(USES)), text(form, "consent_digest", LONGEST_DIGEST)
        if uses is None or seen is None:
            raise InvalidField("uses" if uses is None else "consent_digest")
        held = await workers.run(lambda: me(caller).agree(caller.token, uses, seen))
        return Agreed(uses=tuple(sorted(held)))

    @routes.delete("/v1/me/consent/{use}", responses={"202": {"model": Erased}, "4XX": PROBLEM})
    def withdraw(use: str, caller: Person, response: Response) -> Erased:
        """Take back the consent to a use, and erase what it allowed; for `login` that is everything."""
        if use not in USES:
            raise InvalidField("use")
        done = me(caller).withdraw(caller.token, use)
        return Erased(state="erased") if done is None else erased(done, response)

    return routes
