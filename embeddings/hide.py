"""The thorough search: every face there may be, at several scales, in tiles."""

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.agreement import Candidates, agreed
from embeddings.boxes import Boxes, strongest
from embeddings.centerface import SAME_FACE_IOU, CenterFaceNet, Found, joined
from embeddings.tiles import Tile, tiles
from embeddings.types import Pixels

DOUBLED_UP_TO: Final = 12_000_000  # pixels; twice the scale is four times the work
BETWEEN: Final = 1.5  # the scale that a thorough search adds
OVERVIEW_SIDE: Final = 192  # the smallest scale: the longer side of the picture at most this long
SEEN_FROM: Final = 0.10  # a weaker score is no evidence, only work
SEAM_PX: Final = 8.0  # searched pixels, two cells of the network; a box that ends this near to a seam is cut by it


class Care(StrEnum):
    """USUAL: at most 5 wrong boxes a picture of WIDER FACE. THOROUGH: more faces for at most 8, in longer time."""

    USUAL = "usual"
    THOROUGH = "thorough"


COUNTS_FROM: Final = {
    (Care.USUAL, True): 0.39,
    (Care.USUAL, False): 0.33,
    (Care.THOROUGH, True): 0.43,
    (Care.THOROUGH, False): 0.35,
}
"""By care and whether there is a doubled size: the combined score (`embeddings.agreement`) from which on a box counts.

The more searches there are, the more they add up to. How chosen and what they give: docs/accuracy.md.
"""


def scales(width: int, height: int, care: Care = Care.USUAL) -> tuple[float, ...]:
    """The scales of a search, largest first: 2 up to 12 MP, BETWEEN if thorough, 1, and halves until OVERVIEW_SIDE."""
    chosen = [2.0] if width * height <= DOUBLED_UP_TO else []
    chosen += [BETWEEN, 1.0] if care is Care.THOROUGH else [1.0]
    while max(width, height) * chosen[-1] > OVERVIEW_SIDE:
        chosen.append(chosen[-1] / 2)
    return tuple(chosen)


def hide(net: CenterFaceNet, pixels: Pixels, care: Care = Care.USUAL, counts_from: float | None = None) -> Found:
    """Every face of an upright RGB picture, recall first. `counts_from`: another least score than COUNTS_FROM."""
    height, width = pixels.shape[:2]
    chosen = scales(width, height, care)
    least = COUNTS_FROM[care, chosen[0] == 2] if counts_from is None else counts_from
    return agreed([searched_at(net, pixels, scale) for scale in chosen], least)


def searched_at(net: CenterFaceNet, pixels: Pixels, scale: float) -> Candidates:
    """One scale, tile by tile."""
    height, width = pixels.shape[:2]
    parts, cuts = [], []
    for tile in tiles(width, height, scale):
        found = net.run(tile.cut_from(pixels), SEEN_FROM)
        found = found.pick(strongest(found.corners, found.scores, SAME_FACE_IOU))
        found = found.moved(tile.factors, (tile.x, tile.y))
        parts.append(found)
        cuts.append(cut_by_seam(found.corners, tile, width, height))
    return Candidates(joined(parts), np.concatenate(cuts))


def cut_by_seam(boxes: Boxes, tile: Tile, width: int, height: int) -> NDArray[np.bool_]:
    """Which boxes end at a side of the tile that is not a side of the picture."""
    near = SEAM_PX / tile.scale
    cut = np.zeros(len(boxes), dtype=bool)
    if tile.x > 0:
        cut |= boxes[:, 0] < tile.x + near
    if tile.y > 0:
        cut |= boxes[:, 1] < tile.y + near
    if tile.x + tile.width < width:
        cut |= boxes[:, 2] > tile.x + tile.width - near
    if tile.y + tile.height < height:
        cut |= boxes[:, 3] > tile.y + tile.height - near
    return cut
