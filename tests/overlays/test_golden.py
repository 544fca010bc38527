"""Every style looks as it did when somebody last looked: python -m tests.overlays.golden draws the pictures anew."""

import cv2
import numpy as np
import pytest

from overlays.preview import SIDE, drawn_face, preview
from overlays.style import STYLES, UnknownStyle
from tests.overlays.golden import FOLDER, drawn


@pytest.mark.parametrize("name", sorted(STYLES))
def test_a_style_looks_as_it_did(name: str) -> None:
    """OpenCV's rounding may differ between machines, so a few edge pixels may."""
    golden = cv2.imread(str(FOLDER / f"{name}.png"))
    assert golden is not None
    apart = np.abs(drawn(name).astype(int) - golden[:, :, ::-1]).max(axis=2)
    assert apart.mean() < 1
    assert np.mean(apart > 32) < 0.005


@pytest.mark.parametrize("name", sorted(STYLES))
def test_a_preview_shows_the_style_on_the_drawn_face(name: str) -> None:
    shown = preview(name)
    assert shown.shape == (SIDE, SIDE, 3)
    assert shown.dtype == np.uint8
    changed = np.any(shown != drawn_face(), axis=2).mean()
    assert 0.005 < changed < 0.9
    assert preview(name) is shown
    with pytest.raises(ValueError, match="read-only"):
        shown[0, 0] = 0


def test_there_is_no_preview_of_no_style() -> None:
    with pytest.raises(UnknownStyle):
        preview("invisible")
