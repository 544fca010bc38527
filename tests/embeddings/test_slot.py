"""A net of one's own: framed and fed as its card says, or refused with the field that is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from embeddings import slot
from embeddings.embedders import MODEL_IDS, face_embedder, model_id
from embeddings.model_card import ARCFACE_POINTS, CardRefused, ModelCard, beside
from embeddings.names import SHIPPED, embedder_name
from embeddings.onnx import Runtime
from embeddings.slot import SlotEmbedder, fed
from embeddings.types import Box, Face
from tests.drawn_faces import drawn_face
from tests.own_net import DIMENSION, card, write_net

POINTS = np.array([(75, 92), (125, 92), (100, 128), (80, 153), (120, 153)], np.float32)
FACE = Face(Box(40, 30, 120, 160), 0.9, POINTS)
CHIP = np.zeros((150, 150, 3), np.uint8)


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime()


def embedder(path: Path, runtime: Runtime, **fields: Any) -> SlotEmbedder:
    return SlotEmbedder(write_net(path / "own.onnx", **fields), runtime)


def test_a_vector_is_of_unit_length_and_of_the_cards_dimension(tmp_path: Path, runtime: Runtime) -> None:
    own = embedder(tmp_path, runtime)
    vector = own.vector(drawn_face(), FACE, CHIP)
    assert vector.values.shape == (DIMENSION,)
    assert vector.values.dtype == np.float32
    assert float(np.linalg.norm(vector.values)) == pytest.approx(1, abs=1e-6)
    assert vector.model_id == own.spec.model_id
    assert own.spec.licence == "none: random numbers"


def test_it_is_what_the_net_gives_for_the_picture_and_its_mirror_image(tmp_path: Path, runtime: Runtime) -> None:
    path = write_net(tmp_path / "own.onnx")
    own, session = SlotEmbedder(path, runtime), runtime.load(path)
    frame = own.frame(drawn_face(), FACE)
    pair = np.stack((frame, frame[:, ::-1])).astype(np.float32)
    (raw,) = session.run({"data": np.ascontiguousarray(((pair - 127.5) / 127.5).transpose(0, 3, 1, 2))})
    total = raw.sum(axis=0)
    assert np.allclose(own.vector(drawn_face(), FACE, CHIP).values, total / np.linalg.norm(total), atol=1e-5)
    plain = embedder(tmp_path, runtime, mirror=False).vector(drawn_face(), FACE, CHIP)
    assert np.allclose(plain.values, raw[0] / np.linalg.norm(raw[0]), atol=1e-5)


@pytest.mark.parametrize("which", range(5))
def test_the_five_points_lie_where_the_card_wants_them(tmp_path: Path, runtime: Runtime, which: int) -> None:
    # The card's points, twice as large, turned by a quarter and moved: there is a similarity that fits them exactly.
    template = np.array(ARCFACE_POINTS)
    turned = np.stack((400 - 2 * template[:, 1], 30 + 2 * template[:, 0]), axis=1) + 0.5
    picture = np.zeros((400, 480, 3), np.uint8)
    x, y = np.round(turned[which] - 0.5).astype(int)
    picture[y - 3 : y + 4, x - 3 : x + 4] = 255
    frame = embedder(tmp_path, runtime).frame(picture, Face(Box(100, 50, 200, 200), 0.9, turned.astype(np.float32)))
    rows, columns = np.nonzero(frame[..., 0] > 127)
    assert frame.shape == (112, 112, 3)
    assert np.allclose((columns.mean(), rows.mean()), template[which], atol=0.4)


def test_points_that_coincide_are_refused(tmp_path: Path, runtime: Runtime) -> None:
    nowhere = Face(Box(0, 0, 9, 9), 0.9, np.zeros((5, 2), np.float32))
    with pytest.raises(ValueError, match="coincide"):
        embedder(tmp_path, runtime).vector(drawn_face(), nowhere, CHIP)


def test_the_input_is_fed_as_the_card_says() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    planes = fed(frame, ModelCard(**card(mean=(1.0, 2.0, 3.0), scale=2.0, colour_order="bgr")))
    assert planes.shape == (1, 3, 4, 5)
    assert planes.dtype == np.float32
    assert planes[0, 0, 2, 1] == pytest.approx((float(frame[2, 1, 2]) - 1) / 2)  # the first plane is blue
    assert planes[0, 2, 3, 4] == pytest.approx((float(frame[3, 4, 0]) - 3) / 2)
    last = fed(frame, ModelCard(**card(layout="nhwc")))
    assert last.shape == (1, 4, 5, 3)
    assert last[0, 2, 1, 0] == pytest.approx((float(frame[2, 1, 0]) - 127.5) / 127.5)


def test_another_file_or_another_feeding_is_another_model(tmp_path: Path, runtime: Runtime) -> None:
    ids = [embedder(tmp_path, runtime).spec.model_id]
    ids += [embedder(tmp_path, runtime, **fields).spec.model_id for fields in ({"mean": 128.0}, {"seed": 2})]
    assert len(set(ids)) == 3
    renamed = embedder(tmp_path, runtime, licence="another", seed=2)
    assert renamed.spec.model_id == ids[2]
    assert model_id(f"onnx:{tmp_path / 'own.onnx'}") == ids[2]


def test_the_slot_is_chosen_by_name(tmp_path: Path, runtime: Runtime) -> None:
    path = write_net(tmp_path / "own.onnx")
    assert isinstance(face_embedder(f"onnx:{path}", runtime), SlotEmbedder)
    assert model_id("onnx") == model_id("dlib") != model_id("fused")
    for name in ("arcface", "onnx:", "onnx:/a/model.bin", "dlib:/model.onnx"):
        with pytest.raises(ValueError, match=r"is one of onnx, dlib, fused"):
            embedder_name(name)


WRONG: list[tuple[str, dict[str, Any]]] = [
    (r"dimension: the model gives 64 numbers, the card says 128", {"dimension": 128}),
    (r"layout: the model takes any x 3 x 112 x 112, which is not nhwc", {"layout": "nhwc"}),
    (
        r"input_size: the model takes .* the card says 96 x 112",
        {"input_size": [96, 112], "template_points": POINTS / 2},
    ),
    (r"template_points: are needed for an input that is not 112 x 112", {"input_size": [128, 128]}),
    (r"template_points: lie within the input", {"template_points": POINTS * 2}),
    (r"template_points: are image-left eye", {"template_points": POINTS[::-1] / 2}),
    (r"sha256: own.onnx is another file", {"sha256": "0" * 64}),
    (r"scale: values are divided by it", {"scale": 0.0078}),
    (r"colour_order: ", {"colour_order": "grey"}),
    (r"color_order: Extra inputs", {"color_order": "rgb"}),
    (r"mean", {"mean": "127.5"}),
    (r"name: ", {"name": "A name"}),
    (r"licence: ", {"licence": ""}),
]


@pytest.mark.parametrize(("message", "fields"), WRONG, ids=[message.split(":")[0] for message, _ in WRONG])
def test_a_card_that_does_not_fit_is_refused_by_its_field(
    tmp_path: Path, runtime: Runtime, message: str, fields: dict[str, Any]
) -> None:
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in fields.items()}
    with pytest.raises(CardRefused, match=message) as refusal:
        embedder(tmp_path, runtime, **plain)
    assert refusal.value.code == "embedder_card"
    assert str(tmp_path) not in str(refusal.value)


def test_a_missing_or_damaged_file_is_told_by_name(tmp_path: Path, runtime: Runtime) -> None:
    path = tmp_path / "own.onnx"
    with pytest.raises(CardRefused, match=r"own.json: the card beside the model cannot be read"):
        SlotEmbedder(path, runtime)
    beside(path).write_text("{")
    with pytest.raises(CardRefused, match=r"own.json: .*JSON"):
        SlotEmbedder(path, runtime)
    beside(path).write_text(json.dumps(card()))
    for load in (lambda: SlotEmbedder(path, runtime), lambda: slot.model_id(path)):
        with pytest.raises(CardRefused, match=r"own.onnx: the model cannot be read"):
            load()
    path.write_bytes(b"no model")
    with pytest.raises(CardRefused, match=r"own.onnx: the model file is damaged"):
        SlotEmbedder(path, runtime)


def test_a_net_that_takes_something_else_than_one_picture_is_refused(tmp_path: Path, runtime: Runtime) -> None:
    path = write_net(tmp_path / "own.onnx")
    model = onnx.load_model(path)
    model.graph.input.append(onnx.helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, [1]))
    onnx.save_model(model, path)
    with pytest.raises(CardRefused, match="layout: the model takes something other than one float32 picture"):
        SlotEmbedder(path, runtime)


def test_every_embedder_that_ships_has_a_model() -> None:
    assert tuple(MODEL_IDS) == SHIPPED
