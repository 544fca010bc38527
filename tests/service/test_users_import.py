"""`facewarden users import`, on drawn pictures and published portraits."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from embeddings.image import PictureFormat, encode
from service.cli.main import application
from service.databases import open_storage
from service.settings import Settings
from tests.drawn_faces import crowd
from tests.portraits import portraits

CONSENT = "I agree that my face is enrolled."


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("FACEWARDEN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FACEWARDEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FACEWARDEN_ATTRIBUTES", "none")
    return tmp_path / "home"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """One clear person (with one picture of two faces among theirs), one other, one of whom nothing can be seen."""
    found, root = portraits(), tmp_path / "people"
    pictures = {
        "anna": {"1.jpg": found.obama.read_bytes(), "2.jpg": found.obama2.read_bytes(), "both.png": _two()},
        "bert": {"1.JPG": found.biden.read_bytes(), "notes.txt": b"not a picture"},
        "carl": {"1.jpg": b"no picture at all", "2.png": _two()},
        "empty": {},
    }
    for name, files in pictures.items():
        (root / name).mkdir(parents=True)
        for file, content in files.items():
            (root / name / file).write_bytes(content)
    (tmp_path / "consent.txt").write_text(CONSENT)
    return root


def _two() -> bytes:
    return encode(crowd(640, 320, [(10, 10, 300), (330, 10, 300)]), PictureFormat.PNG)


def run(people: Path, *options: str) -> Result:
    consent = str(people.parent / "consent.txt")
    return CliRunner().invoke(application, ["users", "import", str(people), "--consent-text", consent, *options])


def told(result: Result) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_people_are_enrolled_from_their_usable_pictures_and_the_rest_is_reported(people: Path) -> None:
    result = run(people, "--json")
    answer = told(result)
    assert result.exit_code == 1
    assert (answer["people"], answer["photos"]) == (3, 6)
    assert [(each["folder"], each["photos"], each["used"]) for each in answer["enrolled"]] == [
        ("anna", 3, 2),
        ("bert", 1, 1),
    ]
    assert answer["enrolled"][0]["refused"] == {"several_faces": 1}
    (failed,) = answer["failed"]
    assert (failed["folder"], failed["photos"]) == ("carl", 2)
    assert failed["refused"] == {"unsupported_format": 1, "several_faces": 1}


def test_the_digest_of_the_consent_is_kept_and_the_folders_name_only_on_request(people: Path, home: Path) -> None:
    answer = told(run(people, "--json"))
    digest = hashlib.sha256(CONSENT.encode()).hexdigest()
    assert answer["consent_text_sha256"] == digest
    assert _metadata(home) == [{}] * 2
    storage = open_storage(Settings(home=home))
    with storage.begin() as work:
        kept = [line for person in work.people(0, 9) for line in work.consents(person.user_id)]
    storage.close()
    assert [(line.version, line.digest) for line in kept] == [("own", digest)] * 2


def test_a_second_run_enrols_nobody_twice(people: Path, home: Path) -> None:
    (people / "carl" / "2.png").unlink()
    (people / "carl" / "1.jpg").unlink()
    first = run(people, "--json", "--label-from-folder")
    assert first.exit_code == 0, first.output
    again = run(people, "--json")
    assert again.exit_code == 0
    assert told(again)["already_enrolled"] == ["anna", "bert"]
    assert told(again)["enrolled"] == []
    assert {each["label"] for each in _metadata(home)} == {"anna", "bert"}
    assert "anna: enrolled already" in run(people).stdout


def test_a_folder_without_people_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "consent.txt").write_text(CONSENT)
    assert run(tmp_path / "people").exit_code == 2


def _metadata(home: Path) -> list[dict[str, Any]]:
    storage = open_storage(Settings(home=home))
    try:
        with storage.begin() as work:
            return [dict(person.metadata or {}) for person in work.people(0, 10)]
    finally:
        storage.close()
