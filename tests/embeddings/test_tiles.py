"""Tiles cover the picture, stay under their size, and share enough for a face to be whole in one of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.hide import Care, scales
from embeddings.tiles import OVERLAP, TILE_AREA, fits_one, resized, shrunk, spans, tiles

lengths = st.integers(16, 20_000)
factors = st.sampled_from([2.0, 1.0, 0.5, 0.25])


@settings(deadline=None)
@given(lengths, factors, st.data())
def test_a_face_of_the_overlap_is_whole_in_one_span(length: int, scale: float, data: st.DataObject) -> None:
    parts = spans(length, scale)
    assert parts[0][0] == 0
    assert sum(parts[-1]) == length
    size = min(length, int(OVERLAP / scale) - 1)
    start = data.draw(st.integers(0, length - size))
    assert any(first <= start and start + size <= first + part for first, part in parts)


@settings(deadline=None)
@given(st.integers(16, 6_500), st.integers(16, 6_500), factors)
def test_no_tile_is_larger_than_one_run_may_be(width: int, height: int, scale: float) -> None:
    parts = tiles(width, height, scale)
    for tile in parts:
        across, down = tile.factors
        assert across * tile.width * down * tile.height <= TILE_AREA * 1.01
        assert 0 <= tile.x <= tile.x + tile.width <= width
        assert 0 <= tile.y <= tile.y + tile.height <= height
    assert (len(parts) == 1) or not fits_one(width, height, scale)


def test_a_tile_is_cut_and_resized() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1200, 3000, 3), np.uint8)
    for tile in tiles(3000, 1200, 0.5):
        part = tile.cut_from(picture)
        assert part.shape == (round(tile.height * 0.5), round(tile.width * 0.5), 3)
    whole = [tile.cut_from(picture) for tile in tiles(3000, 1200, 1.0)]
    assert len(whole) > 1
    np.testing.assert_array_equal(whole[0][0, 0], picture[0, 0])
    np.testing.assert_array_equal(whole[-1][-1, -1], picture[-1, -1])


@settings(deadline=None, max_examples=30)
@given(st.integers(100, 900), st.integers(100, 900), st.floats(0.05, 2.5), st.integers(0, 9))
def test_shrinking_in_halves_is_nearly_shrinking_at_once(width: int, height: int, scale: float, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (1 + height // 16, 1 + width // 16, 3), np.uint8)
    picture = resized(noise, width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    quick, exact = shrunk(picture, *size), resized(picture, *size)
    assert quick.shape == exact.shape == (size[1], size[0], 3)
    if width < 2 * size[0] or height < 2 * size[1]:
        np.testing.assert_array_equal(quick, exact)
    else:
        assert np.abs(quick.astype(int) - exact).mean() < 20  # with its mirror image 39 and more


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((150, 100), (2.0, 1.0)),
        ((400, 300), (2.0, 1.0, 0.5, 0.25)),
        ((1000, 800), (2.0, 1.0, 0.5, 0.25, 0.125)),
        ((4000, 3000), (2.0, 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)),
        ((4001, 3000), (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)),
        ((7746, 5163), (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625)),
    ],
)
def test_scales_of_a_search(size: tuple[int, int], expected: tuple[float, ...]) -> None:
    assert scales(*size) == expected
    thorough = scales(*size, Care.THOROUGH)
    assert thorough == tuple(sorted({*expected, 1.5}, reverse=True))
