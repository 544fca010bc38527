"""Styles one over the other: what hides is drawn first, what decorates only ever sees what is hidden already."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from embeddings.types import Mesh, Pixels
from overlays.head import head_of
from overlays.style import OverlayStyle
from overlays.subject import Subject


def compose(pixels: Pixels, subjects: Sequence[Subject], styles: Sequence[OverlayStyle]) -> Pixels:
    """A new picture with every style on every subject, hiding styles first, else in the order given.

    Where one of them hides, the others are given a mean face that stands as the subject does in place of its own mesh,
    so that `landmarks` over a cover cannot say what the cover hides. No styles: a copy.
    """
    hiding = [style for style in styles if style.hides]
    drawn = pixels.copy()
    for style in hiding:
        drawn = style.draw(drawn, subjects)
    left = [nameless(subject) for subject in subjects] if hiding else subjects
    for style in styles:
        if not style.hides:
            drawn = style.draw(drawn, left)
    return drawn


def nameless(subject: Subject) -> Subject:
    """The subject with the mean face in the place of its own, standing alike."""
    head = head_of(subject)
    return replace(subject, mesh=Mesh(head.mean().astype(np.float32), 1.0))
