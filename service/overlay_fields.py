"""What the fields of a request to draw overlays mean."""

import math
import secrets
from typing import Final

import numpy as np

from embeddings.image import ImageLimits, PictureFormat, decode
from embeddings.transparency import off_white
from embeddings.types import Box
from overlays.looks import Artwork, Own
from overlays.style import STYLES, OverlayStyle, UnknownStyle, style
from service.errors import TooManyStyles
from service.forms import Form, InvalidField, MissingImage, OneImageOnly, boolean, choice, identifier, integer, single
from service.workflows.overlay import QUALITY, OverlayRequest
from service.workflows.overlay_choice import Which

MOST_STYLES: Final = 8
MOST_BOXES: Final = 256
FARTHEST: Final = 1e5
"""Pixels; beyond any picture that is taken."""
LARGEST_SEED: Final = 2**63 - 1
COVER: Final = "cover"
DEFAULT: Final = "solid"
MEANINGS: Final = {
    "style": "A name of /v1/overlays/styles, solid if left out; several are stacked, hiding ones first.",
    "cover": "head or face: what hiding styles cover; head if left out.",
    "STYLE.LOOK": "A look of a style, as in `solid.colour=#ffffff`; what there is to choose: /v1/overlays/styles.",
    "faces": "all, or the numbers of some, comma separated, as /v1/overlays/faces counts them.",
    "add": "A box that is a face too, `x,y,width,height` in pixels; may come several times.",
    "keep": "A box whose faces stay as they are, likewise.",
    "except": "enrolled: who is enrolled and has agreed to overlays stays as they are.",
    "only": "The user_id of somebody enrolled who has agreed to overlays; nobody else is drawn on.",
    "strict": "true: refuse a picture that cannot be searched for the smallest faces.",
    "check": "false: do not search the finished picture again.",
    "format": "jpeg, png or webp; else what Accept asks for, else that of the picture.",
    "quality": "1 to 100, of JPEG and WebP.",
    "seed": "A whole number, to draw the same again; never the same one for two pictures. Random if left out.",
}


def overlay_request(form: Form, accepted: PictureFormat | None, limits: ImageLimits) -> OverlayRequest:
    """Raises UploadRefused, UnknownStyle, BadLook, TooManyStyles, and ImageRefused for a sticker that is no picture."""
    styles = chosen_styles(form, limits)
    given = integer(form, "seed", 0, LARGEST_SEED)
    return OverlayRequest(
        image=form.images[0],
        styles=styles,
        format=choice(form, "format", PictureFormat) or accepted,
        quality=integer(form, "quality", 1, 100) or QUALITY,
        which=which(form),
        check=boolean(form, "check") if "check" in form.fields else True,
        strict=boolean(form, "strict"),
        seed=secrets.randbits(63) if given is None else given,
    )


def which(form: Form) -> Which:
    """Raises InvalidField. The tenant is for the caller to fill in."""
    excepted, only = single(form, "except"), identifier(form, "only")
    if excepted not in {None, "enrolled"}:
        raise InvalidField("except")
    if excepted is not None and only is not None:
        raise InvalidField("only")
    return Which(
        numbers=numbers(form),
        add=boxes(form, "add"),
        keep=boxes(form, "keep"),
        but_enrolled=excepted is not None,
        only=only,
    )


def numbers(form: Form) -> frozenset[int] | None:
    """None for all. Nothing at all is no answer to the question which: it is refused."""
    value = single(form, "faces")
    if value is None or value.strip() == "all":
        return None
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 5 for part in parts):
        raise InvalidField("faces")
    return frozenset(map(int, parts))


def boxes(form: Form, name: str) -> tuple[Box, ...]:
    values = form.fields.get(name, ())
    if len(values) > MOST_BOXES:
        raise InvalidField(name)
    return tuple(_box(value, name) for value in values)


def _box(value: str, name: str) -> Box:
    try:
        x, y, width, height = (float(part) for part in value.split(","))
    except ValueError:
        raise InvalidField(name) from None
    sides = (x, y, width, height)
    if not all(math.isfinite(each) and abs(each) <= FARTHEST for each in sides) or min(width, height) < 1:
        raise InvalidField(name)
    return Box(x, y, width, height)


def chosen_styles(form: Form, limits: ImageLimits) -> list[OverlayStyle]:
    """In the order given, each with the looks chosen for it."""
    names = [value.strip() for value in form.fields.get("style", ()) if value.strip()] or [DEFAULT]
    if len(names) > MOST_STYLES:
        raise TooManyStyles
    if not set(names) <= STYLES.keys():
        raise UnknownStyle
    artwork = _artwork(form, names, limits)
    _refuse_idle_looks(form, names)
    return [style(name, **_looks(form, name), **_own(name, artwork)) for name in names]


def _looks(form: Form, name: str) -> dict[str, str]:
    prefix = f"{name}."
    looks = {field.removeprefix(prefix): single(form, field) or "" for field in form.fields if field.startswith(prefix)}
    cover = single(form, COVER)
    if cover is not None and COVER in STYLES[name].looks:
        looks.setdefault(COVER, cover)
    return looks


def _refuse_idle_looks(form: Form, names: list[str]) -> None:
    """A look for a style that is not drawn is a slip, and so is a cover where nothing covers."""
    if COVER in form.fields and not any(COVER in STYLES[name].looks for name in names):
        raise InvalidField(COVER)
    for field in form.fields:
        owner, dot, _ = field.partition(".")
        if dot and owner in STYLES and owner not in names:
            raise InvalidField(field)


def _own(name: str, artwork: Artwork | None) -> dict[str, Artwork]:
    looks = [look for look, kind in STYLES[name].looks.items() if isinstance(kind, Own)]
    return {} if artwork is None else dict.fromkeys(looks, artwork)


def _artwork(form: Form, names: list[str], limits: ImageLimits) -> Artwork | None:
    """The second picture, for a style that takes one of the caller's own."""
    if not form.images:
        raise MissingImage
    takes = any(isinstance(look, Own) for name in names for look in STYLES[name].looks.values())
    if len(form.images) > (2 if takes else 1):
        raise OneImageOnly
    if len(form.images) == 1:
        if takes:
            raise MissingImage
        return None
    picture = decode(form.images[1], limits)
    if picture.alpha is None:
        alpha = np.full(picture.pixels.shape[:2], 255, np.uint8)
        return np.dstack((picture.pixels, alpha))
    return np.dstack((off_white(picture.pixels, picture.alpha), picture.alpha))
