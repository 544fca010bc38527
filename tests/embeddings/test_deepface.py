"""deepface's own code on tiny weight files where it looks for them.

In the environment of scripts/install --deepface:

.venv-deepface/bin/pip install pytest && .venv-deepface/bin/python -m pytest tests/embeddings/test_deepface.py
"""

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from embeddings.attributes import EMOTIONS, KINDS, NOTHING, Gender
from embeddings.deepface_antispoof import DeepFaceAntiSpoof
from embeddings.deepface_attributes import HALF_RANGE, DeepFaceAttributes
from embeddings.deepface_package import AGE, FASNET, GENDER, DeepFaceWeightsUnusable, part, weights_folder
from embeddings.detect import CenterFace, Purpose
from embeddings.onnx import Runtime
from embeddings.types import Box, Face, Pixels
from tests.drawn_faces import drawn_face
from tests.embeddings.deepface_weights import NETS, graph, plane_graph, random_graph, write_random

pytest.importorskip("deepface", reason="deepface is not installed: scripts/install --deepface")

Attempts = list[object]


@pytest.fixture(autouse=True)
def attempts(monkeypatch: pytest.MonkeyPatch) -> Attempts:
    """Every attempt to reach the network, none of which succeeds."""
    made: Attempts = []

    def refuse(*arguments: object, **_: object) -> None:
        made.append(arguments[-1] if isinstance(arguments[0], socket.socket) else arguments[0])
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where deepface looks, filled with random nets."""
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    write_random(weights_folder())
    assert weights_folder() == tmp_path / ".deepface" / "weights"
    return weights_folder()


@pytest.fixture(scope="module")
def picture() -> Pixels:
    """A drawn face in a larger picture, leaning."""
    import cv2

    wide = cv2.copyMakeBorder(drawn_face(300), 40, 60, 120, 30, cv2.BORDER_CONSTANT, value=(90, 130, 60))
    turn = cv2.getRotationMatrix2D((250, 200), 12, 1.0)
    return np.asarray(cv2.warpAffine(wide, turn, wide.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.fixture(scope="module")
def face(picture: Pixels) -> Face:
    return CenterFace.load(Runtime(1)).detect(picture, Purpose.FIND).faces[0]


@pytest.fixture
def odd_faces(face: Face) -> list[Face]:
    """Eyes that lean far, so that the crop needs much of what is around it; boxes at the edges, and a small one."""
    eyes = np.array([[180, 130], [250, 210]], np.float32)
    points = np.concatenate((eyes, face.points[2:]))
    boxes = Box(120, 90, 120, 170), Box(-30.5, 60.2, 150, 170), Box(300, 250, 140, 190), Box(200, 170, 60, 70)
    return [Face(box, face.score, points) for box in boxes]


@pytest.fixture
def let_deepface_find(picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Face]], None]:
    """deepface's own code then finds our faces: by a detector among its models, none of which is kept from before."""
    modeling, region = part("modules.modeling"), part("models.Detector").FacialAreaRegion
    corner = picture.shape[1] // 2, picture.shape[0] // 2  # deepface frames a picture with black before it looks
    monkeypatch.setattr(part("commons.backend_utils"), "_backend_engine", "onnx")

    def find(faces: Sequence[Face]) -> None:
        regions = [
            region(
                int(face.box.x) + corner[0],
                int(face.box.y) + corner[1],
                int(face.box.width),
                int(face.box.height),
                left_eye=tuple((face.points[1] + corner).tolist()),
                right_eye=tuple((face.points[0] + corner).tolist()),
                confidence=face.score,
            )
            for face in faces
        ]
        kept: dict[str, dict[str, object]] = {task: {} for task in modeling.AVAILABLE_MODELS}
        kept["face_detector"]["retinaface"] = SimpleNamespace(detect_faces=lambda _: regions)
        monkeypatch.setattr(modeling, "cached_models", kept, raising=False)

    return find


@pytest.mark.usefixtures("folder")
def test_a_drawn_face_gets_every_estimate_typed(picture: Pixels, face: Face, attempts: Attempts) -> None:
    estimator = DeepFaceAttributes.load()
    assert estimator.kinds == KINDS
    (found,) = estimator.estimate(picture, [face])
    assert found.age is not None
    assert found.gender is not None
    assert found.emotion is not None
    assert 0 < found.age.years < 100
    assert found.age.high - found.age.years == pytest.approx(HALF_RANGE)
    assert 0 <= found.gender.male <= 1
    assert tuple(found.emotion.probabilities) == EMOTIONS
    assert sum(found.emotion.probabilities.values()) == pytest.approx(1)
    ids = {found.age.model_id, found.gender.model_id, found.emotion.model_id}
    assert ids == {"deepface-0.0.103-age", "deepface-0.0.103-gender", "deepface-0.0.103-emotion"}
    assert estimator.estimate(picture, []) == []
    assert attempts == []


@pytest.mark.usefixtures("folder")
def test_the_estimates_are_those_of_deepface_itself(
    picture: Pixels,
    face: Face,
    odd_faces: list[Face],
    let_deepface_find: Callable[[Sequence[Face]], None],
    attempts: Attempts,
) -> None:
    faces = [face, *odd_faces]
    let_deepface_find(faces)
    bgr = np.ascontiguousarray(picture[..., ::-1])
    found = part("modules.demography").analyze(bgr, ("age", "gender", "emotion"), detector_backend="retinaface")
    labels = part("models.demography.DemographyUtils").EMOTION_LABELS
    for ours, theirs in zip(DeepFaceAttributes.load().estimate(picture, faces), found, strict=True):
        assert ours.age is not None
        assert ours.gender is not None
        assert ours.emotion is not None
        assert int(ours.age.years) == theirs["age"]
        assert 100 * ours.gender.male == pytest.approx(theirs["gender"]["Man"], abs=1e-4)
        shares = [100 * share for share in ours.emotion.probabilities.values()]
        assert shares == pytest.approx([theirs["emotion"][label] for label in labels], abs=1e-4)
    assert attempts == []


@pytest.mark.parametrize("likely", [0, 1, 2], ids=["attack", "bona fide", "other attack"])
def test_the_liveness_is_that_of_deepface_itself(
    folder: Path,
    picture: Pixels,
    face: Face,
    odd_faces: list[Face],
    let_deepface_find: Callable[[Sequence[Face]], None],
    likely: int,
) -> None:
    faces = [face, *odd_faces]
    let_deepface_find(faces)
    for seed, name in enumerate(FASNET.files):
        (folder / name).write_bytes(random_graph(80, 3, 3, seed, likely))
    found = part("modules.detection").extract_faces(
        np.ascontiguousarray(picture[..., ::-1]), detector_backend="retinaface", anti_spoofing=True
    )
    spoof = DeepFaceAntiSpoof.load()
    for each, theirs in zip(faces, found, strict=True):
        ours = spoof.look(picture, each)
        assert ours.model_id == "deepface-0.0.103-fasnet"
        assert theirs["is_real"] == (likely == 1)
        if theirs["is_real"]:
            assert ours.live == pytest.approx(theirs["antispoof_score"], abs=1e-6)
            assert 0.4 < ours.live < 0.99  # far enough from the ends to tell one crop from another
        else:
            assert 0 < ours.live < 1 - theirs["antispoof_score"]


def test_gender_goes_by_deepfaces_order_and_planes(folder: Path, face: Face, picture: Pixels) -> None:
    (folder / GENDER.files[0]).write_bytes(
        plane_graph(224, 2, [1, 0, 0])
    )  # man: where the first plane, blue, is bright
    (folder / AGE.files[0]).write_bytes(_always(101, 40))
    estimator = DeepFaceAttributes.load(frozenset({"gender"}))
    for colour, told in (((0, 0, 255), Gender.MALE), ((255, 0, 0), Gender.FEMALE)):
        (found,) = estimator.estimate(np.full_like(picture, colour), [face])
        assert found.gender is not None
        assert found.gender.value is told
        assert found.age is None
        assert found.emotion is None


@pytest.mark.parametrize("years", [2, 37, 100])
def test_an_age_is_the_mean_of_the_nets_shares_and_small_children_have_no_gender(
    folder: Path, face: Face, picture: Pixels, years: int
) -> None:
    (folder / AGE.files[0]).write_bytes(_always(101, years))
    (folder / GENDER.files[0]).write_bytes(_always(2, 1))
    (found,) = DeepFaceAttributes.load(frozenset({"age", "gender"})).estimate(picture, [face])
    assert found.age is not None
    assert found.age.years == pytest.approx(years, abs=0.01)
    assert found.age.low == pytest.approx(max(years - HALF_RANGE, 0), abs=0.01)
    assert found.gender is not None
    assert found.gender.value is (Gender.UNKNOWN if years == 2 else Gender.MALE)


def _always(classes: int, kind: int) -> bytes:
    """A net that gives one class whatever it sees."""
    shape = next(shape for shape in NETS.values() if shape[2] == classes)
    bias = np.where(np.arange(classes) == kind, 20, 0).astype(np.float32)
    return graph(*shape, np.zeros((16 * shape[1], classes), np.float32), bias)


def test_only_the_files_that_are_needed_are_asked_for(folder: Path) -> None:
    for net in (AGE, GENDER, FASNET):
        for name in net.files:
            (folder / name).unlink()
    assert DeepFaceAttributes.load(frozenset({"emotion"})).kinds == {"emotion"}
    with pytest.raises(DeepFaceWeightsUnusable, match=AGE.files[0]):
        DeepFaceAttributes.load(frozenset({"age"}))


def test_missing_files_are_named_with_their_folder_and_not_fetched(folder: Path, attempts: Attempts) -> None:
    for name in (*GENDER.files, *FASNET.files):
        (folder / name).unlink()
    for load, names in ((DeepFaceAttributes.load, GENDER.files), (DeepFaceAntiSpoof.load, FASNET.files)):
        with pytest.raises(DeepFaceWeightsUnusable) as refusal:
            load()
        assert str(folder) in str(refusal.value)
        assert all(name in str(refusal.value) for name in names)
        assert AGE.files[0] not in str(refusal.value)
    assert attempts == []


def test_deepface_left_alone_would_fetch_it(folder: Path, attempts: Attempts) -> None:
    (folder / AGE.files[0]).unlink()
    with pytest.raises(ValueError, match="downloading"):
        part("models.demography.onnx.Age").ApparentAgeClient()
    assert attempts


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.client)
def test_the_file_names_are_deepfaces_own(net: Any) -> None:
    module = part(f"models.{net.module}")
    sources = [value for name, value in vars(module).items() if name.endswith("WEIGHTS_URL")]
    assert [urls[0].rpartition("/")[2] for urls in sources] == list(net.files)


@pytest.mark.parametrize(
    "content", [b"", b"<html>not found</html>", random_graph(64, 3, 5, 0)], ids=["empty", "page", "other"]
)
@pytest.mark.parametrize("net", NETS, ids=lambda net: net.client)
def test_a_file_that_holds_no_such_net_is_refused_when_it_loads(folder: Path, net: Any, content: bytes) -> None:
    (folder / net.files[-1]).write_bytes(content)
    with pytest.raises(DeepFaceWeightsUnusable, match=net.files[-1]) as refusal:
        (DeepFaceAntiSpoof if net is FASNET else DeepFaceAttributes).load()
    assert str(folder) in str(refusal.value)


REACHING = [Box(-60, -60, 100, 120), Box(430, 380, 200, 200), Box(-5, 100, 6, 300), Box(0, 0, 450, 400)]
SLIVERS = [Box(10, 10, 0.5, 40), Box(100, 20, 1, 399), Box(10, 10, 0, 0)]
OUTSIDE = [Box(-80, -80, 60, 60), Box(900, 900, 50, 50), Box(100, -50, 40, 50)]


@pytest.mark.usefixtures("folder")
def test_boxes_that_reach_beyond_the_picture_are_looked_at(picture: Pixels, face: Face) -> None:
    faces = [Face(box, face.score, face.points) for box in REACHING]
    for found in DeepFaceAttributes.load().estimate(picture, faces):
        assert found.age is not None
        assert found.gender is not None
        assert found.emotion is not None
    spoof = DeepFaceAntiSpoof.load()
    assert all(0 <= spoof.look(picture, each).live <= 1 for each in faces)


@pytest.mark.usefixtures("folder")
def test_boxes_that_hold_next_to_nothing_of_the_picture_get_no_estimate(picture: Pixels, face: Face) -> None:
    faces = [Face(box, face.score, face.points) for box in (*SLIVERS, *OUTSIDE)]
    assert DeepFaceAttributes.load().estimate(picture, faces) == [NOTHING] * len(faces)
    spoof = DeepFaceAntiSpoof.load()
    for outside in OUTSIDE[:2]:
        with pytest.raises(ValueError, match="outside"):
            spoof.look(picture, Face(outside, face.score, face.points))
