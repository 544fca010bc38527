"""What every style promises, on any picture with any faces."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.types import Box, Face, Pixels
from overlays.region import COVER, LARGEST, Extent, cover_of, visible
from overlays.style import STYLES, UnknownStyle, style
from overlays.subject import Subject
from overlays.summary import CELLS

NO_POINTS: Final = np.zeros((5, 2), np.float32)
WIDEST: Final = LARGEST * 1.4
"""No style reaches farther than this many boxes."""


def face(x: float, y: float, width: float, height: float) -> Subject:
    return Subject(Face(Box(x, y, width, height), 0.9, NO_POINTS))


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def promised(pixels: Pixels, of: Subject) -> tuple[slice, slice] | None:
    """The pixels within 1.4 times the box."""
    area = visible(of.face.box.scaled(COVER), *pixels.shape[:2])
    return None if area is None else area.slices


def covered(pixels: Pixels, of: Subject, extent: Extent) -> tuple[slice, slice] | None:
    area = visible(cover_of(of, extent).area, *pixels.shape[:2])
    return None if area is None else area.slices


extents: st.SearchStrategy[Extent] = st.sampled_from(["head", "face"])
strengths = st.integers(1, 5)
side = st.floats(4, 160)
place = st.floats(-150, 170)
faces = st.lists(st.builds(face, place, place, side, side), max_size=5)
sizes = st.tuples(st.integers(1, 140), st.integers(1, 140))
names = st.sampled_from(sorted(STYLES))


@given(name=names, size=sizes, found=faces)
@settings(deadline=None, max_examples=150)
def test_drawing_gives_a_new_picture_and_touches_only_the_covers(
    name: str, size: tuple[int, int], found: list[Subject]
) -> None:
    before = noise(*size)
    given_pixels = before.copy()
    given_pixels.setflags(write=False)
    after = style(name).draw(given_pixels, found)
    assert np.array_equal(given_pixels, before)
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    assert not np.shares_memory(after, given_pixels)
    far = np.ones(size, bool)
    for one in found:
        reach = visible(one.face.box.scaled(WIDEST), *size)
        if reach is not None:
            far[reach.slices] = False
    assert np.array_equal(after[far], before[far])


@given(size=sizes, found=faces)
@settings(deadline=None, max_examples=100)
def test_solid_does_not_depend_on_what_it_covers(size: tuple[int, int], found: list[Subject]) -> None:
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


@pytest.mark.parametrize("name", sorted(STYLES))
@pytest.mark.parametrize("length", [4, 8, 20, 60, 150])
def test_fine_detail_is_gone_at_every_size(name: str, length: int) -> None:
    """A checkerboard, the finest detail there is, becomes flat: nothing of it is left to sharpen."""
    rows, columns = np.indices((300, 300))
    board = np.repeat((((rows + columns) % 2) * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    which = face(150 - length / 2, 150 - length / 2, length, length)
    after = style(name).draw(board, [which])
    area = promised(after, which)
    assert area is not None
    assert np.ptp(after[area].astype(int), axis=(0, 1)).max() <= 32
    assert not np.any(np.all(after[area] == board[area], axis=2))


@pytest.mark.parametrize("name", sorted(STYLES))
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
        after = style(name).draw(speckled, found)
        assert np.ptp(after[76:104, 76:104].astype(int)) <= 32


@pytest.mark.parametrize("name", sorted(STYLES))
def test_no_faces_no_change(name: str) -> None:
    picture = noise(30, 40)
    assert np.array_equal(style(name).draw(picture, []), picture)


def test_styles_are_found_by_name() -> None:
    for name in STYLES:
        assert style(name).name == name
        assert style(name).hides
    with pytest.raises(UnknownStyle) as refused:
        style("invisible")
    assert refused.value.code == "unknown_style"
    assert refused.value.styles == ("solid", "pixelate", "blur")
    assert "invisible" not in str(refused.value)
