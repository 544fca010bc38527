"""Uploads that must be refused or survived, posted to every route that takes a picture."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import numpy as np
import pytest

from db.api_keys import Role
from embeddings.image import ImageLimits
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from tests.evaluation_data import folder
from tests.story.server import Service, api_key, running_service

# What each file is: a picture with one clear face, without any, with several, or the code of the refusal everywhere.
FACE: Final = "face"
NO_FACE: Final = "no_face"
SEVERAL_FACES: Final = "several_faces"
FILES: Final = {
    "all_black.png": NO_FACE,
    "all_white.jpg": NO_FACE,
    "animated.gif": "unsupported_format",
    "animated.webp": "unsupported_format",
    "bitflips_0.jpg": FACE,
    "bitflips_1.jpg": FACE,
    "bitflips_2.jpg": FACE,
    "bitflips_3.jpg": FACE,
    "bitflips_4.jpg": "broken_image",
    "bitflips_5.jpg": FACE,
    "bitmap.bmp": "unsupported_format",
    "cmyk.jpg": FACE,
    "empty.jpg": "empty_image",
    "exif_bad_orientation_long_comment.jpg": FACE,
    "exif_gps_orientation_1.jpg": FACE,
    "exif_gps_orientation_2.jpg": FACE,
    "exif_gps_orientation_3.jpg": FACE,
    "exif_gps_orientation_4.jpg": FACE,
    "exif_gps_orientation_5.jpg": FACE,
    "exif_gps_orientation_6.jpg": FACE,
    "exif_gps_orientation_7.jpg": FACE,
    "exif_gps_orientation_8.jpg": FACE,
    "grey16.png": NO_FACE,
    "grey_alpha.png": FACE,
    "html_named.png": "unsupported_format",
    "jpeg_comment_bomb.jpg": FACE,
    "jpeg_says_65500x65500.jpg": FACE,
    "jpeg_trailing_payload.jpg": FACE,
    "missing_eoi.jpg": FACE,
    "noise.jpg": NO_FACE,
    "one_bit.png": FACE,
    "one_byte.jpg": "unsupported_format",
    "only_soi.jpg": "broken_image",
    "palette_alpha.png": FACE,
    "pdf_named.jpg": "unsupported_format",
    "png_1x1.png": "image_too_small",
    "png_40000x1.png": "image_too_small",
    "png_bad_crc.png": "broken_image",
    "png_bomb_20000x20000_1bit.png": "too_many_pixels",
    "png_bomb_50000x50000_header_only.png": "too_many_pixels",
    "png_zero_width.png": "broken_image",
    "polyglot_js.jpg": FACE,
    "progressive.jpg": FACE,
    "random_bytes.png": "unsupported_format",
    "seventy_faces.jpg": SEVERAL_FACES,
    "svg_script.svg": "unsupported_format",
    "text_named.jpg": "unsupported_format",
    "tiff_named.jpg": "unsupported_format",
    "tiny_12x12.png": "image_too_small",
    "truncated_half.jpg": "broken_image",
    "truncated_header.jpg": "broken_image",
    "very_wide_face.jpg": NO_FACE,
    "webp_riff_size_lies.webp": FACE,
    "webp_truncated.webp": "broken_image",
    "zip_named.jpg": "unsupported_format",
}
GROWTH_MB: Final = 50
LONG: Final = os.environ.get("FACEWARDEN_TEST_LONG") == "1"


@pytest.fixture(scope="module")
def hostile() -> Path:
    return folder("hostile")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "home"


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Service]:
    with running_service(home, FACEWARDEN_ALLOW_DUPLICATES="true") as running:
        yield running


def expected(route: str, kind: str) -> str:
    """Nobody is enrolled when the logins run, so a good picture is not recognised."""
    if kind not in {FACE, NO_FACE, SEVERAL_FACES}:
        return kind
    if route in {"analyze", "overlays"}:
        return "accepted"
    if kind == FACE:
        return "accepted" if route == "users" else "not_recognised"
    return kind


def outcome(answer: httpx.Response) -> str:
    assert answer.status_code < 500, answer.text
    if answer.status_code < 300:
        return "accepted"
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["code"])


def resident_mb(service: Service) -> float:
    """The server's resident memory."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def test_the_table_names_every_file(hostile: Path) -> None:
    assert {path.name for path in hostile.iterdir()} == set(FILES)


@pytest.mark.long
def test_every_file_gets_its_answer_from_every_route_and_memory_stays(
    hostile: Path, service: Service, home: Path
) -> None:
    resident = []
    # An application's key: the failed logins of its address are not counted.
    headers = {"Authorization": f"Bearer {api_key(home, Role.VERIFIER)}"}
    with httpx.Client(base_url=service.base_url, timeout=120) as client:
        for first in (True, False):
            wrong = {}
            for route, fields in (("login", {}), ("analyze", {}), ("overlays", {}), ("users", {"consent": "true"})):
                for name, kind in list(FILES.items())[:: 1 if first or LONG else 5]:
                    files = {"image": (name, (hostile / name).read_bytes())}
                    got = outcome(
                        client.post(
                            f"/v1/{route}", files=files, data=fields, headers=headers if route == "login" else {}
                        )
                    )
                    if got != expected(route, kind):
                        wrong[route, name] = got
            if first:  # afterwards the faces are enrolled, several times over
                assert wrong == {}
            resident.append(resident_mb(service))
        assert client.get("/readyz").status_code == 200
    assert resident[1] - resident[0] <= GROWTH_MB


def test_the_eight_orientations_give_one_vector(hostile: Path) -> None:
    pipeline = FacePipeline.load(ImageLimits(), QualityLimits())
    vectors = [pipeline.capture(path.read_bytes()).vector for path in sorted(hostile.glob("exif_gps_orientation_*"))]
    assert len(vectors) == 8
    distances = [one.distance(other) for one in vectors for other in vectors]
    assert np.max(distances) <= 0.10
