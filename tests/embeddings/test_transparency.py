"""What lies on white can be taken off it and laid on it again, and nothing comes back that was not seen."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.image import ImageLimits, PictureFormat, decode, encode
from embeddings.transparency import alpha_of, off_white, on_black, on_white


def noise(seed: int) -> NDArray[np.uint8]:
    """BGRA, as OpenCV stores it."""
    return np.random.default_rng(seed).integers(0, 256, (17, 23, 4), np.uint8)


@given(seed=st.integers(0, 2**32 - 1))
def test_off_white_and_on_again(seed: int) -> None:
    stored = noise(seed)
    shown, alpha = on_white(stored), stored[:, :, 3]
    again = np.dstack((off_white(shown, alpha)[:, :, ::-1], alpha))
    assert np.abs(on_white(again).astype(int) - shown).max() <= 1
    other = stored.copy()
    other[alpha == 0, :3] = 0
    assert np.array_equal(off_white(on_white(other), alpha), off_white(shown, alpha))


@given(seed=st.integers(0, 2**32 - 1))
def test_on_black(seed: int) -> None:
    stored = noise(seed)
    alpha = stored[:, :, 3]
    wanted = stored[:, :, 2::-1].astype(float) * alpha[:, :, None] / 255
    assert np.abs(on_black(on_white(stored), alpha) - wanted).max() <= 1


def test_opaque_pictures_have_no_alpha() -> None:
    stored = noise(1)
    assert alpha_of(stored[:, :, :3]) is None
    stored[:, :, 3] = 255
    assert alpha_of(stored) is None
    stored[3, 4, 3] = 254
    found = alpha_of((stored.astype(np.uint16) * 257).astype(np.uint16))
    assert found is not None
    assert (found[3, 4], (found == 254).sum()) == (254, 1)


def test_png_and_webp_keep_it_and_jpeg_does_not() -> None:
    stored = np.repeat(np.repeat(noise(2), 3, axis=0), 3, axis=1)
    pixels, alpha = on_white(stored), np.ascontiguousarray(stored[:, :, 3])
    for format_, kept in ((PictureFormat.PNG, True), (PictureFormat.WEBP, True), (PictureFormat.JPEG, False)):
        found = decode(encode(pixels, format_, 100, alpha), ImageLimits())
        assert (found.alpha is not None) is kept
        if found.alpha is not None:
            assert np.array_equal(found.alpha, alpha)
