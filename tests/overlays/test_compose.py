"""Styles on top of one another."""

from typing import Final

import numpy as np
import pytest

from embeddings.types import Box, Face, Mesh, Pixels
from overlays.compose import compose
from overlays.head import EYES, FIVE, STIFF, mean_face, seen, turned
from overlays.looks import BadLook
from overlays.style import STYLES, OverlayStyle, style
from overlays.subject import Subject

SIDE: Final = 160
STICKER: Final = np.full((10, 10, 4), (20, 200, 90, 255), np.uint8)


def made(name: str) -> OverlayStyle:
    return style(name, **({"picture": STICKER} if name == "sticker" else {}))


def standing(yaw: float = 0.2, bent: float = 0.0) -> Subject:
    """A face in the middle; `bent`: how much the points that looks may move are moved."""
    mesh = seen(mean_face(), np.array([80.0, 66.0, 0.0]), turned(yaw, 0.05, 0.1), 24.0)
    others = [number for number in range(len(mesh)) if number not in STIFF]
    mesh[others, :2] += np.random.default_rng(1).normal(0, bent, (len(others), 2))
    box = Box(52, 38, 56, 72)
    points = np.vstack([*(mesh[list(corners), :2].mean(axis=0) for corners in EYES), mesh[list(FIVE), :2]])
    return Subject(Face(box, 0.9, points.astype(np.float32)), Mesh(mesh.astype(np.float32), 0.99), "sad", 4)


def noise(seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def test_what_hides_is_drawn_first_whatever_the_order() -> None:
    hat, solid = style("hat"), style("solid")
    picture, who = noise(), [standing()]
    assert np.array_equal(compose(picture, who, [hat, solid]), compose(picture, who, [solid, hat]))
    assert not np.array_equal(compose(picture, who, [hat, solid]), compose(picture, who, [solid]))


def test_decorations_are_drawn_in_the_order_given() -> None:
    hat, crown = style("hat"), style("crown")
    picture, who = noise(), [standing()]
    assert np.array_equal(compose(picture, who, [hat, crown]), crown.draw(hat.draw(picture, who), who))


@pytest.mark.parametrize("name", [name for name, kind in STYLES.items() if not kind.hides])
def test_no_decoration_undoes_a_cover(name: str) -> None:
    """Neither the pixels below nor the shape of the person's face reach through to what is drawn on it."""
    one, other = noise(1), noise(1)
    other[40:108, 54:106] = noise(2)[40:108, 54:106]
    styles = [made(name), style("solid")]
    drawn = compose(one, [standing()], styles)
    assert np.array_equal(drawn, compose(other, [standing()], styles))
    assert np.array_equal(drawn, compose(one, [standing(bent=1.5)], styles))


def test_landmarks_alone_show_the_own_face() -> None:
    picture, lines = noise(), style("landmarks")
    assert not np.array_equal(compose(picture, [standing()], [lines]), compose(picture, [standing(bent=1.5)], [lines]))


def test_no_style_gives_a_copy() -> None:
    picture = noise()
    after = compose(picture, [standing()], [])
    assert np.array_equal(after, picture)
    assert not np.shares_memory(after, picture)


@pytest.mark.parametrize(
    ("name", "look", "field"),
    [
        ("solid", {"cover": "nose"}, "cover"),
        ("solid", {"colour": "red"}, "colour"),
        ("solid", {"colour": "#12345g"}, "colour"),
        ("solid", {"colour": (1, 2, 300)}, "colour"),
        ("solid", {"strength": 3}, "strength"),
        ("blur", {"strength": 6}, "strength"),
        ("blur", {"strength": True}, "strength"),
        ("blur", {"strength": "-1"}, "strength"),
        ("sticker", {}, "picture"),
        ("sticker", {"picture": np.zeros((3, 3, 3), np.uint8)}, "picture"),
        ("sticker", {"picture": STICKER, "anchor": "ear"}, "anchor"),
    ],
)
def test_a_look_that_is_none_is_refused(name: str, look: dict[str, object], field: str) -> None:
    with pytest.raises(BadLook) as refused:
        style(name, **look)
    assert (refused.value.code, refused.value.field) == ("bad_look", field)


def test_looks_are_read_as_written() -> None:
    picture, who = noise(), [standing()]
    assert np.array_equal(
        style("solid", colour="#ff0080", cover="face").draw(picture, who),
        style("solid", colour=(255, 0, 128), cover="face").draw(picture, who),
    )
    assert np.array_equal(style("blur", strength="2").draw(picture, who), style("blur", strength=2).draw(picture, who))


def test_a_list_of_styles_can_be_made() -> None:
    for kind in STYLES.values():
        assert kind.title
        for look in kind.looks.values():
            assert {"kind", "default"} <= look.described().keys()
