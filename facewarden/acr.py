"""How sure a login was, in words (`acr`), and which word says as much as which."""

from typing import Final

FACES: Final = ("photo", "live")
"""Each shows more than the one before."""


def is_as_sure(acr: str, wanted: str) -> bool:
    """Whether a login of `acr` shows all that `wanted` asks for: `live` shows more than `photo`, and with
    `+passphrase` more than without. A recovery code shows no face."""
    (evidence, *second), (least, *also) = acr.split("+"), wanted.split("+")
    if evidence not in FACES or least not in FACES:
        return acr == wanted
    return FACES.index(evidence) >= FACES.index(least) and set(also) <= set(second)
