"""The thorough search: every face there may be, at several scales, in tiles."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.boxes import Boxes, Sweep, shared_areas, strongest
from embeddings.centerface import SAME_FACE_IOU, CenterFaceNet, Found, joined
from embeddings.tiles import Tile, fits_one, tiles
from embeddings.types import Pixels

SURE_SCORE: Final = 0.30
WEAK_SCORE: Final = 0.15
AGREEMENT_IOU: Final = 0.4
"""A box counts if its score is SURE_SCORE, or if a box of another scale, both above WEAK_SCORE, lies on it."""
DOUBLED_UP_TO: Final = 12_000_000  # pixels; twice the scale is four times the work
OVERVIEW_SIDE: Final = 640  # the smallest scale: the longer side of the picture at most this long
SEAM_PX: Final = 8.0  # searched pixels, two cells of the network; a box that ends this near to a seam is cut by it
COVERED: Final = 0.7  # share of a cut box under a whole one, from which on they are one face


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What one scale gave: boxes in pixels of the picture, and which of them are cut by the seam of a tile."""

    found: Found
    cut: NDArray[np.bool_]


def scales(width: int, height: int) -> tuple[float, ...]:
    """The scales of a search, largest first: 2 up to 12 MP, 1, and halves of it until one tile shows the whole."""
    chosen = [2.0] if width * height <= DOUBLED_UP_TO else []
    scale = 1.0
    chosen.append(scale)
    while not fits_one(width, height, scale) or max(width, height) * scale > OVERVIEW_SIDE:
        scale /= 2
        chosen.append(scale)
    return tuple(chosen)


def hide(net: CenterFaceNet, pixels: Pixels) -> Found:
    """Every face of an upright RGB picture, recall first."""
    height, width = pixels.shape[:2]
    passes = [searched_at(net, pixels, scale) for scale in scales(width, height)]
    chosen = [agreed(passes, index) for index in range(len(passes))]
    return merged(chosen)


def searched_at(net: CenterFaceNet, pixels: Pixels, scale: float) -> Candidates:
    """One scale, tile by tile."""
    height, width = pixels.shape[:2]
    parts, cuts = [], []
    for tile in tiles(width, height, scale):
        found = net.run(tile.cut_from(pixels), WEAK_SCORE)
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


def agreed(passes: list[Candidates], index: int) -> Candidates:
    """Of one scale, the candidates that are sure or that another scale agrees with."""
    found, cut = passes[index].found, passes[index].cut
    counts = found.scores >= SURE_SCORE
    others = [Sweep(other.found.corners) for place, other in enumerate(passes) if place != index]
    for row in np.flatnonzero(~counts):
        counts[row] = any(len(other.over(found.corners[row], AGREEMENT_IOU)) for other in others)
    return Candidates(found.pick(counts), cut[counts])


def merged(passes: list[Candidates]) -> Found:
    """One box a face. A box that a seam cut goes first where a whole one lies on it: it must not win by its score."""
    found, cut = joined([part.found for part in passes]), np.concatenate([part.cut for part in passes])
    whole = found.corners[~cut]
    keep = np.ones(len(found), dtype=bool)
    for row in np.flatnonzero(cut):
        box = found.corners[row]
        keep[row] = not (shared_areas(box, whole) >= COVERED * np.prod(box[2:] - box[:2])).any()
    found = found.pick(keep)
    return found.pick(strongest(found.corners, found.scores, SAME_FACE_IOU))
