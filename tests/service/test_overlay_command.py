"""`facewarden overlay` for files, folders and films, on drawn faces."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from embeddings.film import Film
from embeddings.image import ImageLimits, PictureFormat, decode, encode
from embeddings.types import Pixels
from service.cli.main import application
from tests.drawn_faces import crowd
from tests.films import film, passing

SOLID = (24, 26, 31)
MATROSKA = b"\x1aE\xdf\xa3"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("FACEWARDEN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FACEWARDEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FACEWARDEN_EMBEDDER", "onnx")
    return tmp_path / "home"


def picture(format_: PictureFormat = PictureFormat.JPEG) -> bytes:
    return encode(crowd(240, 200, [(60, 40, 120)]), format_)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(application, ["overlay", *map(str, arguments)])


def report(*arguments: str | Path, status: int = 0) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == status, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def pixels(path: Path) -> Pixels:
    return decode(path.read_bytes(), ImageLimits()).pixels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    (root / "deep" / "er").mkdir(parents=True)
    (root / ".hidden").mkdir()
    (root / "one.jpg").write_bytes(picture())
    (root / "deep" / "two.PNG").write_bytes(picture(PictureFormat.PNG))
    (root / "deep" / "er" / "broken.jpg").write_bytes(picture()[:400])
    (root / "deep" / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(16))
    (root / "film.mp4").write_bytes(b"")
    (root / "notes.txt").write_text("names of the people in the pictures")
    (root / ".hidden" / "three.jpg").write_bytes(picture())
    (root / "link.jpg").symlink_to(root / "one.jpg")
    return root


def test_a_file(tmp_path: Path, home: Path) -> None:
    source, target = tmp_path / "one.jpg", tmp_path / "two.webp"
    source.write_bytes(picture())
    told = report(source, target, "--style", "solid")
    assert (told["done"], told["failed"], told["faces"], told["still_matching"]) == (1, 0, 1, 0)
    assert told["hides"]
    found = decode(target.read_bytes(), ImageLimits())
    assert found.format is PictureFormat.WEBP
    assert np.abs(found.pixels[100, 120].astype(int) - SOLID).max() < 8
    assert not home.exists(), "nobody enrolled is asked for, so no database is made"


def test_a_folder_keeps_its_tree_and_what_fails_is_told_and_not_copied(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    told = report(folder, target, "--style", "pixelate", "--jobs", "2", status=1)
    written = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert written == {"one.jpg", "deep/two.PNG"}
    assert (told["pictures"], told["films"], told["done"], told["failed"]) == (4, 1, 2, 3)
    codes = {each["file"]: each.get("code") for each in told["files"]}
    assert codes == {
        "one.jpg": None,
        "deep/two.PNG": None,
        "deep/er/broken.jpg": "broken_image",
        "deep/photo.heic": "unsupported_format",
        "film.mp4": "unsupported_film",
    }
    assert decode((target / "deep" / "two.PNG").read_bytes(), ImageLimits()).format is PictureFormat.PNG


def test_nothing_is_written_over(folder: Path) -> None:
    assert "originals" in run(folder, folder).output
    (folder / "deep" / "er" / "broken.jpg").unlink()
    (folder / "deep" / "photo.heic").unlink()
    (folder / "film.mp4").unlink()
    target = folder / "out"
    assert report(folder, target)["done"] == 2
    (folder / "new.mp4").write_bytes(film(passing(3)))
    (target / "new.webm").write_bytes(b"somebody's own")
    before = (target / "one.jpg").read_bytes()
    again = report(folder, target, "--style", "blur", status=1)
    assert [each["code"] for each in again["files"]] == ["exists"] * 3, "what was written is no input either"
    assert (target / "one.jpg").read_bytes() == before
    assert (target / "new.webm").read_bytes() == b"somebody's own"
    assert report(folder, target, "--style", "blur", "--overwrite")["done"] == 3
    assert (target / "new.webm").read_bytes()[:4] == MATROSKA
    assert (target / "one.jpg").read_bytes() != before
    assert not list(target.rglob(".*"))


def test_the_table_says_what_was_done_and_whether_it_hides(folder: Path, tmp_path: Path) -> None:
    hidden = run(folder, tmp_path / "out", "--no-check")
    assert hidden.exit_code == 1
    assert "The picture file is damaged" in hidden.output
    assert "not checked" in hidden.output
    dressed = run(folder / "one.jpg", tmp_path / "dressed.png", "--style", "crown")
    assert dressed.exit_code == 0
    assert "None of these styles hides a face" in dressed.output


def test_looks_cover_and_format(tmp_path: Path) -> None:
    source, target = tmp_path / "one.jpg", tmp_path / "out"
    source.write_bytes(picture())
    target.mkdir()
    report(source, target, "--look", "solid.colour=#ff0000", "--cover", "face", "--format", "png")
    found = decode((target / "one.jpg").read_bytes(), ImageLimits())
    assert found.format is PictureFormat.PNG
    assert tuple(found.pixels[100, 120]) == (255, 0, 0)
    for wrong in (("--look", "red"), ("--look", "blur.strength=3")):
        assert run(source, tmp_path / "x.png", *wrong).exit_code == 2
    assert run(source, tmp_path / "x.png", "--style", "invisible").exit_code != 0
    assert run(source, tmp_path / "x.png", "--except-enrolled", "--only", str(uuid4())).exit_code == 2
    assert not (tmp_path / "x.png").exists()


def test_people_enrolled_are_looked_up_only_when_asked_for(tmp_path: Path, home: Path) -> None:
    source = tmp_path / "one.jpg"
    source.write_bytes(picture())
    assert report(source, tmp_path / "out.jpg", "--except-enrolled")["faces"] == 1
    assert home.exists()
    told = report(source, tmp_path / "other.jpg", "--only", str(uuid4()), status=1)
    assert told["files"][0]["code"] == "unknown_user"


def test_chance_is_another_in_every_picture(tmp_path: Path) -> None:
    """The same picture twice: were the chance the same, what is left of the two would be alike."""
    source = tmp_path / "in"
    source.mkdir()
    for name in ("one.png", "two.png"):
        (source / name).write_bytes(picture(PictureFormat.PNG))
    for run_ in ("a", "b"):
        report(source, tmp_path / run_, "--style", "blur", "--seed", "7")
    one, two = (pixels(tmp_path / "a" / name) for name in ("one.png", "two.png"))
    assert not np.array_equal(one, two)
    assert np.array_equal(one, pixels(tmp_path / "b" / "one.png"))


def test_a_folder_without_pictures_is_a_slip(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert run(tmp_path / "in", tmp_path / "out").exit_code == 2


def covered(path: Path, frames: int) -> bool:
    """Whether the middle of the passing face is flat and dark in every frame."""
    shown = [frame.pixels for frame in Film(path).frames() if frame.pixels is not None]
    middles = [65 + 190 * number // (frames - 1) for number in range(frames)]
    parts = [picture[100:130, middle - 15 : middle + 15] for picture, middle in zip(shown, middles, strict=True)]
    return all(np.abs(part.astype(int) - SOLID).max() < 16 for part in parts)


def test_a_film(tmp_path: Path) -> None:
    source, target = tmp_path / "day.mp4", tmp_path / "hidden.mp4"
    source.write_bytes(film(passing(8), sound=True, title="at home with Ada"))
    told = report(source, target, "--style", "solid", "--codec", "h264", "--check-every", "4")
    assert (told["file"], told["frames"], told["faces"], told["blacked_out"]) == ("hidden.mp4", 8, 1, 0)
    assert (told["checked"], told["detectable"], told["bare"]) == (2, 0, 0)
    assert covered(target, 8)
    assert not [each for each in (b"Ada", b"mp4a") if each in target.read_bytes()]
    assert "already" in run(source, target).output
    assert "originals" in run(source, source, "--overwrite").output
    assert run(source, tmp_path / "x.webm", "--except-enrolled").exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day.mp4", "hidden.mp4"]


def test_films_of_a_folder_are_made_beside_its_pictures(folder: Path, tmp_path: Path) -> None:
    for path in (folder / "deep" / "er").iterdir():
        path.unlink()
    (folder / "film.mp4").write_bytes(film(passing(6)))
    (folder / "film.mov").write_bytes(film(passing(6), kind="mov"))
    (folder / "deep" / "er" / "short.mkv").write_bytes(film(passing(5), kind="matroska"))
    target = tmp_path / "out"
    told = report(folder, target, "--style", "solid", status=1)
    assert (told["pictures"], told["films"], told["done"], told["failed"]) == (3, 3, 4, 2)
    codes = {each["file"]: each.get("code") for each in told["files"]}
    assert codes.pop("deep/photo.heic") == "unsupported_format"
    assert sorted(codes.values(), key=str) == [None, None, None, None, "exists"], "two films would have one name"
    assert covered(target / "film.webm", 6)
    assert covered(target / "deep" / "er" / "short.webm", 5)
    assert not list(target.rglob(".*"))


def test_people_are_not_told_apart_in_the_films_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "film.mp4").write_bytes(film(passing(3)))
    (tmp_path / "in" / "one.jpg").write_bytes(picture())
    told = report(tmp_path / "in", tmp_path / "out", "--except-enrolled", status=1)
    assert [each.get("code") for each in told["files"]] == [None, "film"]
    assert not (tmp_path / "out" / "film.webm").exists()
