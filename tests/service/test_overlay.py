"""Hidden faces are hidden, and what is handed out is checked: the workflow on portraits and drawn faces."""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

from embeddings import png, webp
from embeddings.detect import CenterFace, Detection, Purpose
from embeddings.image import FormatTooSmall, ImageLimits, Picture, PictureFormat, decode, encode
from embeddings.onnx import Runtime
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.types import Box, Pixels
from overlays.looks import Look
from overlays.style import STYLES, OverlayStyle, Subject, style
from service.familiar import Familiar
from service.workflows.overlay import NotSearchedFully, Overlaid, Overlay, OverlayRequest
from service.workflows.overlay_choice import UnknownFace, Which
from service.workflows.overlay_proof import NotHidden
from tests.drawn_faces import crowd, drawn_face
from tests.embeddings.picture_files import exif, jpeg_with
from tests.portraits import portraits

HIDING = [name for name, kind in STYLES.items() if kind.hides]
TWO = [(40, 60, 120), (300, 80, 100)]


class Weak:
    """Promises to hide, and only softens: `sigma` in pixels, 0 for nothing at all."""

    name: ClassVar[str] = "weak"
    title: ClassVar[str] = "Weak"
    hides: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    looks: ClassVar[Mapping[str, Look]] = {}

    def __init__(self, sigma: float) -> None:
        self._sigma = sigma

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        assert subjects
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), self._sigma)) if self._sigma else pixels.copy()


class Ornament(Weak):
    """Leaves the face as it is, and says so."""

    hides: ClassVar[bool] = False


class Seeing(FacePipeline):
    """A pipeline whose first search sees something else; the second one is the real one."""

    def __init__(self, inner: FacePipeline, first: Callable[[Detection], Detection]) -> None:
        self.__dict__.update(inner.__dict__)
        self._first = first

    def locate(self, data: bytes) -> tuple[Picture, Detection]:
        picture, found = super().locate(data)
        return picture, self._first(found)


def nobody(_: str) -> Familiar:
    raise AssertionError("nobody is to be looked up here")


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return FacePipeline.load(ImageLimits(), QualityLimits(), "onnx", attributes=frozenset({"emotion"}))


@pytest.fixture(scope="module")
def overlay(pipeline: FacePipeline) -> Overlay:
    return Overlay(pipeline, nobody)


@pytest.fixture(scope="module")
def two() -> bytes:
    return encode(crowd(480, 240, TWO), PictureFormat.PNG)


@pytest.fixture(scope="module")
def portrait() -> bytes:
    """One face, its eyes about 45 px apart."""
    pixels = decode(portraits().obama.read_bytes(), ImageLimits()).pixels
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (360, 360 * height // width), interpolation=cv2.INTER_AREA)
    return encode(np.asarray(small, np.uint8), PictureFormat.PNG)


def pixels_of(done: Overlaid) -> Pixels:
    return decode(done.image, ImageLimits()).pixels


def changed(before: Pixels, after: Pixels, face: tuple[int, int, int]) -> float:
    """The share of a drawn face's middle that is not as it was."""
    left, top, side = face
    part = slice(top + side // 4, top + 3 * side // 4), slice(left + side // 4, left + 3 * side // 4)
    return float(np.any(before[part] != after[part], axis=2).mean())


@pytest.mark.parametrize("name", HIDING)
def test_every_hiding_style_keeps_its_promise(overlay: Overlay, portrait: bytes, name: str) -> None:
    done = overlay(OverlayRequest(portrait, [style(name)], seed=5))
    assert (done.faces, done.hides) == (1, True)
    assert done.proof is not None
    assert (done.proof.hidden, done.proof.left, done.proof.bare) == (1, frozenset(), ())


@pytest.mark.parametrize("sigma", [0.0, 1.0, 3.0])
def test_a_style_that_does_not_hide_what_it_should_is_found_out(
    overlay: Overlay, portrait: bytes, sigma: float
) -> None:
    request = OverlayRequest(portrait, [Weak(sigma)])
    with pytest.raises(NotHidden) as refused:
        overlay(request)
    assert refused.value.code == "not_hidden"
    assert "1 would still pass" in refused.value.detail
    assert overlay(replace(request, check=False)).proof is None


def test_a_weak_style_under_a_strong_one_is_no_matter(overlay: Overlay, portrait: bytes) -> None:
    done = overlay(OverlayRequest(portrait, [Weak(0), style("solid")]))
    assert done.proof is not None
    assert done.proof.holds


def test_what_decorates_is_not_held_to_hiding(overlay: Overlay, portrait: bytes) -> None:
    done = overlay(OverlayRequest(portrait, [Ornament(0), Ornament(2)], strict=True))
    assert (done.faces, done.hides, done.proof) == (1, False, None)


def test_faces_by_number_and_boxes_added_and_taken_away(overlay: Overlay, two: bytes) -> None:
    before = decode(two, ImageLimits()).pixels
    located = overlay.faces(two)
    assert (located.width, located.height, len(located.faces)) == (480, 240, 2)
    assert located.faces[0].box.area > located.faces[1].box.area

    def drawn(**which: Any) -> tuple[float, float]:
        after = pixels_of(overlay(OverlayRequest(two, [style("solid")], which=Which(**which))))
        return changed(before, after, TWO[0]), changed(before, after, TWO[1])

    over_first, over_second = Box(30, 50, 140, 140), Box(290, 70, 120, 120)
    assert drawn() == (1, 1)
    assert drawn(numbers=frozenset({0})) == (1, 0)
    assert drawn(numbers=frozenset({1})) == (0, 1)
    assert drawn(numbers=frozenset()) == (0, 0)
    assert drawn(keep=(over_second,)) == (1, 0)
    assert drawn(keep=(Box(330, 110, 30, 30),)) == (1, 1), "a box that only touches a face keeps nothing"
    assert drawn(numbers=frozenset(), add=(over_first,)) == (1, 0)
    assert drawn(keep=(over_first,), add=(over_first,)) == (1, 1), "hidden wins"
    with pytest.raises(UnknownFace):
        drawn(numbers=frozenset({0, 2}))


def test_a_box_somebody_draws_is_hidden_where_no_face_is(overlay: Overlay) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (200, 300, 3), np.uint8)
    request = OverlayRequest(
        encode(noise, PictureFormat.PNG),
        [style("solid")],
        which=Which(add=(Box(100, 50, 60, 80), Box(280, 190, 90, 90))),
    )
    done = overlay(request)
    assert done.faces == 2
    after = pixels_of(done)
    assert len(np.unique(after[50:130, 100:160].reshape(-1, 3), axis=0)) == 1
    assert len(np.unique(after[190:, 280:].reshape(-1, 3), axis=0)) == 1


def test_a_face_too_faint_for_a_login_is_hidden_too(overlay: Overlay) -> None:
    faint = faint_face()
    detector = CenterFace.load(Runtime())
    assert detector.detect(faint, Purpose.FIND).faces == ()
    done = overlay(OverlayRequest(encode(faint, PictureFormat.PNG), [style("solid")]))
    assert done.faces >= 1
    middle = pixels_of(done)[95:107, 95:105]
    assert len(np.unique(middle.reshape(-1, 3), axis=0)) == 1


def faint_face() -> Pixels:
    """10 px high, in little contrast, in the middle of 200 x 200."""
    picture = np.full((200, 200, 3), (120, 140, 150), np.uint8)
    face = drawn_face(18).astype(np.float32)
    picture[91:109, 91:109] = np.rint(0.4 * face + 0.6 * np.array((120, 140, 150))).astype(np.uint8)
    return picture


def test_strict_refuses_what_cannot_be_searched_for_small_faces(pipeline: FacePipeline, two: bytes) -> None:
    strict = OverlayRequest(two, [style("solid")], strict=True)
    assert Overlay(pipeline, nobody)(strict).smallest_face_px == 9
    large = Overlay(Seeing(pipeline, lambda found: replace(found, smallest_face_px=18.0)), nobody)  # beyond 12 MP
    with pytest.raises(NotSearchedFully, match="less than 18 pixels"):
        large(strict)
    assert large(replace(strict, strict=False)).smallest_face_px == 18


def test_the_answer_has_the_size_shown_and_no_metadata(overlay: Overlay) -> None:
    told = jpeg_with(encode(drawn_face(200)[:, :160], PictureFormat.JPEG), 0xE1, b"Exif\0\0" + exif(6))
    told = jpeg_with(told, 0xFE, b"a comment")
    for format_, kinds, allowed in (
        (PictureFormat.JPEG, jpeg_markers, {0xD8, 0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDA}),
        (PictureFormat.PNG, png_kinds, {b"IHDR", b"IDAT", b"IEND"}),
        (PictureFormat.WEBP, webp_kinds, {b"VP8 "}),
    ):
        done = overlay(OverlayRequest(told, [style("solid")], format=format_, quality=70))
        assert decode(done.image, ImageLimits()).pixels.shape == (160, 200, 3)
        assert set(kinds(done.image)) <= allowed
        assert b"comment" not in done.image
        assert b"Exif" not in done.image


def jpeg_markers(data: bytes) -> Iterator[int]:
    """Up to the rows; nothing may follow the end."""
    assert data.endswith(b"\xff\xd9")
    at = 2
    while data[at + 1] != 0xDA:
        assert data[at] == 0xFF
        yield data[at + 1]
        if data[at + 1] == 0xE0:
            assert data[at + 4 : at + 9] == b"JFIF\0"
        at += 2 + int(struct.unpack(">H", data[at + 2 : at + 4])[0])


def png_kinds(data: bytes) -> list[bytes]:
    return [kind for kind, _ in png.split(data)]


def webp_kinds(data: bytes) -> list[bytes]:
    return list(webp.split(data))


def test_quality_is_that_of_the_file(overlay: Overlay, two: bytes) -> None:
    sizes = [
        len(overlay(OverlayRequest(two, [style("solid")], format=PictureFormat.JPEG, quality=each)).image)
        for each in (20, 95)
    ]
    assert sizes[0] < sizes[1] / 2


def test_a_picture_too_long_for_the_format_is_refused_with_a_code(overlay: Overlay) -> None:
    long = encode(np.zeros((20, 16_400, 3), np.uint8), PictureFormat.PNG)
    with pytest.raises(FormatTooSmall):
        overlay(OverlayRequest(long, [style("solid")], format=PictureFormat.WEBP))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_grey_pictures_of_both_depths(overlay: Overlay, depth: type) -> None:
    plain = np.asarray(cv2.cvtColor(crowd(320, 320, [(100, 100, 120)]), cv2.COLOR_RGB2GRAY), np.uint16)
    grey = plain * np.uint16(257) if depth is np.uint16 else plain.astype(np.uint8)
    done = overlay(OverlayRequest(cv2.imencode(".png", grey)[1].tobytes(), [style("solid")]))
    assert (done.faces, done.format) == (1, PictureFormat.PNG)
    after = pixels_of(done)
    assert after.shape == (320, 320, 3)
    assert np.array_equal(after[0, 0], np.full(3, plain[0, 0]))


def transparent(colours: Pixels, alpha: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    return cv2.imencode(".png", np.dstack((colours[:, :, ::-1], alpha)))[1].tobytes()


def stored(done: Overlaid) -> Pixels:
    return np.asarray(cv2.imdecode(np.frombuffer(done.image, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)


@pytest.mark.parametrize("name", ["solid", "blur"])
def test_no_outline_shows_in_the_alpha_of_a_cover(overlay: Overlay, name: str) -> None:
    picture, alphas = crowd(300, 300, [(90, 90, 120)]), []
    for shape in ("none", "round", "square"):
        alpha = np.full((300, 300), 255, np.uint8)
        alpha[:, :20] = 60
        if shape == "round":
            cv2.circle(alpha, (150, 150), 40, 90, 3)
        elif shape == "square":
            alpha[130:170, 130:170] = 120
        done = overlay(OverlayRequest(transparent(picture, alpha), [style(name, cover="face")]))
        assert done.faces == 1
        found = stored(done)[:, :, 3]
        assert (found[110:190, 110:190] == 255).all()
        assert (found[:, :20] == 60).all()
        alphas.append(found)
    assert (alphas[0] == alphas[1]).all()
    assert (alphas[0] == alphas[2]).all()


def test_what_is_transparent_brings_no_face_along(overlay: Overlay) -> None:
    """The colours under full transparency are not seen, not searched, and not handed on."""
    alpha = np.full((200, 200), 0, np.uint8)
    alpha[:, :5] = 255
    done = overlay(OverlayRequest(transparent(drawn_face(200), alpha), [style("solid")]))
    assert done.faces == 0
    assert (stored(done)[:, 5:, :3] == 255).all()


def test_a_face_that_only_a_dark_page_shows_is_hidden(overlay: Overlay) -> None:
    shape = np.asarray(cv2.cvtColor(drawn_face(200), cv2.COLOR_RGB2GRAY), np.uint8)
    white = np.full((200, 200, 3), 255, np.uint8)
    done = overlay(OverlayRequest(transparent(white, shape), [style("solid")]))
    assert done.faces == 1
    assert done.proof is not None
    assert done.proof.holds
    assert (stored(done)[70:130, 70:130, 3] == 255).all()


def test_a_second_search_covers_what_the_first_did_not_see(pipeline: FacePipeline) -> None:
    late = Overlay(Seeing(pipeline, lambda found: replace(found, faces=found.faces[:1])), nobody)
    picture = crowd(480, 240, TWO)
    request = OverlayRequest(encode(picture, PictureFormat.PNG), [style("solid")])
    done = late(request)
    assert done.faces == 2
    assert changed(picture, pixels_of(done), TWO[1]) == 1
    named = late(replace(request, which=Which(numbers=frozenset({0}))))
    assert named.faces == 1, "faces that were named are all there are to draw on"


def test_styles_are_stacked_and_hidden_first(overlay: Overlay, two: bytes) -> None:
    chain: list[OverlayStyle] = [Ornament(0), style("solid")]
    done = overlay(OverlayRequest(two, chain))
    assert done.hides
    assert changed(decode(two, ImageLimits()).pixels, pixels_of(done), TWO[0]) == 1
