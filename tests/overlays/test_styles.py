"""What every style promises, on any picture with any faces."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.types import Box, Face, Pixels
from overlays.region import COVER, LARGEST, Extent, cover_of, visible
from overlays.style import STYLES, OverlayStyle, UnknownStyle, style
from overlays.subject import Subject
from overlays.summary import CELLS

NO_POINTS: Final = np.zeros((5, 2), np.float32)
DECORATING: Final = ("sunglasses", "glasses", "hat", "moustache", "crown", "landmarks", "sticker")
HIDING: Final = ("solid", "pixelate", "blur", "mask", "avatar", "cartoon", "emoji")
SUMMING: Final = ("solid", "pixelate", "blur")
BLIND: Final = ("solid", "mask", "avatar", "emoji")
"""Styles that read no pixel of the person."""
FARTHEST: Final = {True: LARGEST * 1.7, False: 8.0}
"""No style that hides, and none that decorates, reaches farther than this many of the longer sides of the box."""
STICKER: Final = np.full((30, 20, 4), (250, 40, 90, 200), np.uint8)


def made(name: str, **look: object) -> OverlayStyle:
    return style(name, **look, **({"picture": STICKER} if name == "sticker" else {}))


def face(x: float, y: float, width: float, height: float, seed: int = 0) -> Subject:
    return Subject(Face(Box(x, y, width, height), 0.9, NO_POINTS), seed=seed)


def square(box: Box) -> Box:
    """About the same middle, of the longer side."""
    side = max(box.width, box.height)
    return Box(box.center[0] - side / 2, box.center[1] - side / 2, side, side)


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def promised(pixels: Pixels, of: Subject) -> tuple[slice, slice] | None:
    """The pixels within 1.4 times the box."""
    area = visible(of.face.box.scaled(COVER), *pixels.shape[:2])
    return None if area is None else area.slices


def covered(pixels: Pixels, of: Subject, extent: Extent) -> tuple[slice, slice] | None:
    area = visible(cover_of(of, extent).area, *pixels.shape[:2])
    return None if area is None else area.slices


def in_ellipse(size: tuple[int, int], box: Box) -> NDArray[np.bool_]:
    """Pixels that lie in the ellipse of a box and not on its edge."""
    rows, columns = np.indices(size) + 0.5
    across, down = max(box.width / 2 - 1.5, 0.5), max(box.height / 2 - 1.5, 0.5)
    inside: NDArray[np.bool_] = ((columns - box.center[0]) / across) ** 2 + ((rows - box.center[1]) / down) ** 2 < 1
    return inside


extents: st.SearchStrategy[Extent] = st.sampled_from(["head", "face"])
strengths = st.integers(1, 5)
side = st.floats(4, 160)
place = st.floats(-150, 170)
faces = st.lists(st.builds(face, place, place, side, side), max_size=5)
sizes = st.tuples(st.integers(1, 140), st.integers(1, 140))
names = st.sampled_from(sorted(STYLES))


@given(name=names, size=sizes, found=faces)
@settings(deadline=None, max_examples=150)
def test_drawing_gives_a_new_picture_and_touches_only_what_is_near_the_faces(
    name: str, size: tuple[int, int], found: list[Subject]
) -> None:
    before = noise(*size)
    given_pixels = before.copy()
    given_pixels.setflags(write=False)
    chosen = made(name)
    after = chosen.draw(given_pixels, found)
    assert np.array_equal(given_pixels, before)
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    assert not np.shares_memory(after, given_pixels)
    far = np.ones(size, bool)
    for one in found:
        reach = visible(square(one.face.box).scaled(FARTHEST[chosen.hides]), *size)
        if reach is not None:
            far[reach.slices] = False
    assert np.array_equal(after[far], before[far])


@pytest.mark.parametrize("name", BLIND)
@given(size=sizes, found=faces, extent=extents)
@settings(deadline=None, max_examples=30)
def test_two_faces_give_the_same_bytes(name: str, size: tuple[int, int], found: list[Subject], extent: Extent) -> None:
    one, other = noise(*size, seed=1), noise(*size, seed=1)
    for which in found:
        inside = in_ellipse(size, which.face.box)
        other[inside] = noise(*size, seed=2)[inside]
    chosen = style(name, cover=extent)
    assert np.array_equal(chosen.draw(one, found), chosen.draw(other, found))


@given(size=sizes, found=faces)
@settings(deadline=None, max_examples=50)
def test_solid_covers_all_that_is_promised(size: tuple[int, int], found: list[Subject]) -> None:
    one, other = noise(*size, seed=1), noise(*size, seed=1)
    for which in found:
        if (area := promised(one, which)) is not None:
            other[area] = noise(*size, seed=2)[area]
    assert np.array_equal(style("solid").draw(one, found), style("solid").draw(other, found))


@pytest.mark.parametrize("name", ["pixelate", "blur"])
@given(size=sizes, which=st.builds(face, place, place, side, side), extent=extents)
@settings(deadline=None, max_examples=100)
def test_what_lies_outside_the_cover_does_not_colour_it(
    name: str, size: tuple[int, int], which: Subject, extent: Extent
) -> None:
    one, other = noise(*size, seed=1), noise(*size, seed=2)
    area = covered(one, which, extent)
    if area is None:
        return
    other[area] = one[area]
    chosen, inside = style(name, cover=extent), promised(one, which)
    if inside is not None:
        assert np.array_equal(chosen.draw(one, [which])[inside], chosen.draw(other, [which])[inside])


@given(size=sizes, which=st.builds(face, place, place, side, side), strength=strengths)
@settings(deadline=None, max_examples=100)
def test_pixelate_leaves_a_handful_of_colours(size: tuple[int, int], which: Subject, strength: int) -> None:
    after = style("pixelate", strength=strength, cover="face").draw(noise(*size), [which])
    area = promised(after, which)
    if area is not None:
        colours = np.unique(after[area].reshape(-1, 3), axis=0)
        assert len(colours) <= CELLS[strength] ** 2


@given(size=sizes, which=st.builds(face, place, place, side, side), strength=strengths)
@settings(deadline=None, max_examples=100)
def test_blur_holds_no_more_than_a_handful_of_colours(size: tuple[int, int], which: Subject, strength: int) -> None:
    after = style("blur", strength=strength, cover="face").draw(noise(*size), [which])
    area = promised(after, which)
    if area is None:
        return
    for channel in np.moveaxis(after[area].astype(np.float64), 2, 0):
        # a sum of n by n smooth bumps has at most n directions; rounding to whole numbers adds half a level
        beyond = np.linalg.svd(channel - channel.mean(), compute_uv=False)[CELLS[strength] :]
        assert np.all(beyond <= np.sqrt(channel.size))


@pytest.mark.parametrize("name", SUMMING)
@pytest.mark.parametrize("length", [4, 8, 20, 60, 150])
def test_fine_detail_is_gone_at_every_size(name: str, length: int) -> None:
    """Of a checkerboard, the finest detail there is, and its negative the same is left: nothing to sharpen."""
    rows, columns = np.indices((300, 300))
    board = np.repeat((((rows + columns) % 2) * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    which = face(150 - length / 2, 150 - length / 2, length, length)
    one, other = (style(name).draw(picture, [which]) for picture in (board, 255 - board))
    area = promised(one, which)
    assert area is not None
    assert np.abs(one[area].astype(int) - other[area]).max() <= 32
    assert not np.any(np.all(one[area] == board[area], axis=2))


@pytest.mark.parametrize("name", SUMMING)
def test_a_face_as_large_as_the_picture_is_covered_to_the_edges(name: str) -> None:
    picture = noise(90, 120)
    after = style(name).draw(picture, [face(0, 0, 120, 90)])
    assert len(np.unique(after.reshape(-1, 3), axis=0)) < len(np.unique(picture.reshape(-1, 3), axis=0)) / 3
    assert np.mean(np.any(after != picture, axis=2)) > 0.99


@pytest.mark.parametrize("name", ["pixelate", "blur"])
def test_a_small_cover_brings_nothing_back_into_a_large_one(name: str) -> None:
    """Two boxes for one face, as a detector may give: the small one must not sum up the open eye anew."""
    picture = np.full((200, 200, 3), 128, np.uint8)
    speckled = picture.copy()
    speckled[80:100, 80:100][::2, ::2] = 255
    speckled[80:100, 80:100][1::2, 1::2] = 1
    large, small = face(40, 40, 120, 120), face(78, 78, 24, 24)
    for found in ([large, small], [small, large]):
        plain, open_eye = (style(name).draw(pixels, found)[76:104, 76:104] for pixels in (picture, speckled))
        assert np.abs(plain.astype(int) - open_eye).max() <= 32


@pytest.mark.parametrize("name", sorted(STYLES))
def test_no_faces_no_change(name: str) -> None:
    picture = noise(30, 40)
    assert np.array_equal(made(name).draw(picture, []), picture)


@pytest.mark.parametrize("name", sorted(STYLES))
@pytest.mark.parametrize(
    "box", [(10.5, 10.5, 0, 8), (10, 10, 0, 0), (10, 10, 1e-6, 1e-6), (-1e7, 5, 1e3, 1e3), (0, 0, 9e3, 5)]
)
def test_boxes_that_no_face_has_do_no_harm(name: str, box: tuple[float, float, float, float]) -> None:
    after = made(name).draw(noise(30, 40), [face(*box)])
    assert after.shape == (30, 40, 3)


def test_styles_are_found_by_name() -> None:
    assert tuple(STYLES) == HIDING + DECORATING
    for name in STYLES:
        assert made(name).name == name
        assert made(name).hides == (name in HIDING)
        assert made(name).needs <= {"mesh", "emotion"}
    with pytest.raises(UnknownStyle) as refused:
        style("invisible")
    assert refused.value.code == "unknown_style"
    assert refused.value.styles == tuple(STYLES)
    assert "invisible" not in str(refused.value)
