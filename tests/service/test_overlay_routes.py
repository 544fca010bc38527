"""`/v1/overlays` from outside: fields, formats, headers, and what a caller is told."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest

from db.api_keys import Role
from embeddings.image import ImageLimits, PictureFormat, decode, encode
from overlays.style import STYLES
from service.app import create_app
from service.bootstrap import Application, build
from service.settings import Settings
from tests.drawn_faces import crowd
from tests.service.api_keys import keys_in
from tests.service.asgi_client import Answer, call
from tests.service.bodies import BOUNDARY, multipart, part

FACES = [(40, 60, 120), (300, 80, 100)]


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    home = tmp_path_factory.mktemp("service") / "home"
    built = build(Settings(home=home, embedder="onnx", open_enrolment=False))
    yield built
    built.close()


@pytest.fixture(scope="module")
def picture() -> bytes:
    return encode(crowd(480, 240, FACES), PictureFormat.JPEG)


class Client:
    def __init__(self, application: Application) -> None:
        self._app = create_app(application)

    def post(self, path: str, *images: bytes, headers: tuple[tuple[str, str], ...] = (), **fields: Any) -> Answer:
        parts = [part("image", image, "x.jpg") for image in images]
        for name, value in fields.items():
            values = value if isinstance(value, list) else [value]
            parts += [part(name.replace("__", ".").rstrip("_"), str(each).encode()) for each in values]
        return self.send(path, f"multipart/form-data; boundary={BOUNDARY}", multipart(*parts), *headers)

    def send(self, path: str, kind: str, body: bytes, *headers: tuple[str, str]) -> Answer:
        return call(self._app, "POST", path, (("Host", "localhost"), ("Content-Type", kind), *headers), (body,))

    def get(self, path: str, *headers: tuple[str, str]) -> Answer:
        return call(self._app, "GET", path, (("Host", "localhost"), *headers))


@pytest.fixture(scope="module")
def client(application: Application) -> Client:
    return Client(application)


def test_without_any_field_every_face_is_hidden_and_proved(client: Client, picture: bytes) -> None:
    answer = client.post("/v1/overlays", picture)
    assert answer.status == 200
    told = {name: value for name, value in answer.headers.items() if name.startswith("x-") and "faces" in name}
    assert told == {
        "x-faces-hidden": "2",
        "x-faces-drawn": "2",
        "x-faces-still-detectable": "0",
        "x-faces-still-matching": "0",
    }
    assert answer.headers["x-hides"] == "true"
    assert answer.headers["content-type"] == "image/jpeg"
    assert decode(answer.body, ImageLimits()).pixels.shape == (240, 480, 3)


def test_what_decorates_says_that_it_does_not_hide(client: Client, picture: bytes) -> None:
    answer = client.post("/v1/overlays", picture, style=["sunglasses", "crown"])
    assert (answer.headers["x-hides"], answer.headers["x-faces-hidden"]) == ("false", "0")
    assert answer.headers["x-faces-drawn"] == "2"
    assert "x-faces-still-matching" not in answer.headers


def test_styles_are_stacked_and_looks_are_chosen(client: Client, picture: bytes) -> None:
    answer = client.post("/v1/overlays", picture, style=["crown", "solid"], solid__colour="#ff0000", format="png")
    assert answer.headers["x-hides"] == "true"
    pixels = decode(answer.body, ImageLimits()).pixels
    assert tuple(pixels[130, 100]) == (255, 0, 0)
    face = client.post("/v1/overlays", picture, cover="face", format="png")
    head = client.post("/v1/overlays", picture, cover="head", format="png")
    covered = [np.all(decode(each.body, ImageLimits()).pixels == (24, 26, 31), axis=2).sum() for each in (face, head)]
    assert covered[0] < covered[1]


def test_a_sticker_is_the_second_picture(client: Client, picture: bytes) -> None:
    green = cv2.imencode(".png", np.full((32, 32, 4), (0, 255, 0, 255), np.uint8))[1].tobytes()
    answer = client.post("/v1/overlays", picture, green, style="sticker", format="png")
    assert answer.status == 200, answer.body
    assert (decode(answer.body, ImageLimits()).pixels == (0, 255, 0)).all(axis=2).any()
    assert client.post("/v1/overlays", picture, style="sticker").code == "missing_image"
    assert client.post("/v1/overlays", picture, green).code == "one_image_only"
    assert client.post("/v1/overlays", picture, b"not a picture", style="sticker").code == "unsupported_format"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/webp", "image/webp"),
        ("image/png, image/webp;q=0.5", "image/png"),
        ("image/*", "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("application/json, */*", "image/jpeg"),
        ("text/html", "image/jpeg"),
    ],
)
def test_the_format_that_is_accepted(client: Client, picture: bytes, accept: str, kind: str) -> None:
    answer = client.post("/v1/overlays", picture, headers=(("Accept", accept),), check="false")
    assert answer.headers["content-type"] == kind
    assert f"image/{decode(answer.body, ImageLimits()).format}" == kind


def test_json_holds_picture_and_proof(client: Client, picture: bytes) -> None:
    answer = client.post("/v1/overlays", picture, headers=(("Accept", "application/json"),), format="webp")
    told = json.loads(answer.body)
    assert decode(base64.b64decode(told.pop("image")), ImageLimits()).format is PictureFormat.WEBP
    assert told == {
        "media_type": "image/webp",
        "hides": True,
        "faces": 2,
        "smallest_face_px": 9.0,
        "proof": {"hidden": 2, "still_detectable": 0, "still_matching": 0},
    }


def test_faces_are_listed_by_place_alone_and_drawn_by_number(client: Client, picture: bytes) -> None:
    told = json.loads(client.post("/v1/overlays/faces", picture).body)
    assert told.keys() == {"width", "height", "faces", "smallest_face_px"}
    assert [face.keys() for face in told["faces"]] == [{"number", "x", "y", "width", "height"}] * 2
    assert [face["number"] for face in told["faces"]] == [0, 1]
    assert client.post("/v1/overlays", picture, faces="1").headers["x-faces-hidden"] == "1"
    assert client.post("/v1/overlays", picture, faces="all").headers["x-faces-hidden"] == "2"
    assert client.post("/v1/overlays", picture, faces="2").code == "unknown_face"
    boxes = [f"{face['x']},{face['y']},{face['width']},{face['height']}" for face in told["faces"]]
    assert client.post("/v1/overlays", picture, keep=boxes).headers["x-faces-hidden"] == "0"
    assert client.post("/v1/overlays", picture, keep=boxes, add=boxes[0]).headers["x-faces-hidden"] == "1"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"style": "invisible"}, "unknown_style"),
        ({"style": ["solid"] * 9}, "too_many_styles"),
        ({"style": "solid", "solid__colour": "red"}, "bad_look"),
        ({"style": "solid", "solid__size": "3"}, "bad_look"),
        ({"style": "solid", "blur__strength": "3"}, "invalid_field"),
        ({"style": "crown", "cover": "face"}, "invalid_field"),
        ({"cover": "ear"}, "bad_look"),
        ({"faces": ""}, "invalid_field"),
        ({"faces": "-1"}, "invalid_field"),
        ({"add": "1,2,3"}, "invalid_field"),
        ({"add": "1,2,3,nan"}, "invalid_field"),
        ({"keep": "1,2,0,5"}, "invalid_field"),
        ({"quality": "0"}, "invalid_field"),
        ({"seed": "-1"}, "invalid_field"),
        ({"format": "gif"}, "invalid_field"),
        ({"check": "perhaps"}, "invalid_field"),
        ({"except_": "everybody"}, "invalid_field"),
        ({"except_": "enrolled", "only": str(uuid4())}, "invalid_field"),
        ({"only": "x"}, "invalid_field"),
    ],
)
def test_a_wrong_field_is_refused_before_anything_is_drawn(
    client: Client, picture: bytes, fields: dict[str, Any], code: str
) -> None:
    answer = client.post("/v1/overlays", picture, **fields)
    assert 400 <= answer.status < 500
    assert answer.code == code


def test_comparing_with_people_enrolled_needs_a_key_where_enrolment_does(
    application: Application, client: Client, picture: bytes
) -> None:
    keys = {role: (("Authorization", f"Bearer {shown}"),) for role, shown in keys_in(application.storage).items()}
    asked: list[dict[str, Any]] = [{"except_": "enrolled"}, {"only": str(uuid4())}]
    for fields in asked:
        assert client.post("/v1/overlays", picture, **fields).code == "api_key_required"
        for role in (Role.ENROLLER, Role.AUDITOR):
            assert client.post("/v1/overlays", picture, headers=keys[role], **fields).code == "role_required"
    for role in (Role.VERIFIER, Role.ADMIN):
        seen = client.post("/v1/overlays", picture, headers=keys[role], except_="enrolled")
        assert seen.headers["x-faces-hidden"] == "2"
    unknown = client.post("/v1/overlays", picture, headers=keys[Role.VERIFIER], only=str(uuid4()))
    assert unknown.code == "unknown_user"


def test_styles_are_listed_with_looks_and_previews(client: Client) -> None:
    answer = client.get("/v1/overlays/styles")
    assert answer.headers["cache-control"] == "no-store"
    told = json.loads(answer.body)["styles"]
    assert [each["name"] for each in told] == list(STYLES)
    solid = told[0]
    assert (solid["hides"], solid["title"]) == (True, STYLES["solid"].title)
    assert solid["looks"]["cover"]["values"] == ["head", "face"]
    for each in told:
        shown = client.get(each["preview"])
        assert (shown.status, shown.headers["content-type"]) == (200, "image/png")
        assert shown.headers["cache-control"].startswith("public")
        again = client.get(each["preview"], ("If-None-Match", shown.headers["etag"]))
        assert (again.status, again.body) == (304, b"")
        assert min(decode(shown.body, ImageLimits()).pixels.shape[:2]) >= 64
    assert client.get("/v1/overlays/styles/invisible/preview").code == "unknown_style"
    assert client.get("/v1/overlays/styles/invisible/preview").headers["cache-control"] == "no-store"


def test_json_bodies_do_as_well(client: Client, picture: bytes) -> None:
    body = {
        "image": base64.b64encode(picture).decode(),
        "style": ["solid", "hat"],
        "solid.colour": "#00ff00",
        "add": ["5,5,20,20"],
        "check": False,
        "format": "png",
    }
    answer = client.send("/v1/overlays", "application/json", json.dumps(body).encode())
    assert answer.headers["x-faces-hidden"] == "3"
    assert tuple(decode(answer.body, ImageLimits()).pixels[15, 15]) == (0, 255, 0)
    many = json.dumps(body | {"add": ["5,5,20,20"] * 257}).encode()
    assert client.send("/v1/overlays", "application/json", many).code == "invalid_field"
