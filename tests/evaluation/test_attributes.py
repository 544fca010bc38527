from pathlib import Path

import pytest

from embeddings.attributes import Emotion
from embeddings.image import PictureFormat, encode
from evaluation.attributes import evaluate_attributes, labelled
from tests.drawn_faces import drawn_face
from tests.evaluation_data import folder

FACE = encode(drawn_face(160), PictureFormat.PNG)


def put(place: Path, *names: str) -> None:
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(FACE)


def test_labels_are_read_from_names(tmp_path: Path) -> None:
    put(tmp_path, "30_0_1_2017.png", "5_1_2_2017.png", "notes.png", "x_0_1.png")
    found = [(item.years, item.male) for item in labelled(tmp_path, "utkface")]
    assert found == [(30.0, True), (5.0, False)]


def test_labels_are_read_from_folders_and_others_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "Happiness/a.png", "fear/b.png", "contempt/c.png")
    assert [item.emotion for item in labelled(tmp_path, "folders")] == [Emotion.HAPPY, Emotion.FEARFUL]


def test_a_report_holds_what_its_labels_have(tmp_path: Path) -> None:
    put(tmp_path, "utk/30_0_1_2017.png", "utk/41_1_1_2017.png", "fer/happy/a.png")
    ages = evaluate_attributes(tmp_path / "utk", "utkface")
    assert ages["n"] == 2
    assert {"age_mae", "age_mae_adults", "age_within_range", "gender_accuracy", "gender_accuracy_by"} <= ages.keys()
    assert "emotion_accuracy" not in ages
    felt = evaluate_attributes(tmp_path / "fer", "folders")
    assert felt.keys() == {"n", "failed", "emotion_accuracy", "emotion_by", "ms_per_face"}


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no picture"):
        evaluate_attributes(tmp_path, "utkface")


def test_the_figures_of_the_cards_are_reached() -> None:
    ages = evaluate_attributes(folder("utkface"), "utkface")
    assert ages["age_mae"] <= 4.05
    assert ages["age_mae_adults"] <= 5.6
    assert ages["gender_accuracy"] >= 0.915
    assert ages["gender_accuracy_adults"] >= 0.975
    assert 0.77 <= ages["age_within_range"] <= 0.85
    assert evaluate_attributes(folder("fer2013"), "folders")["emotion_accuracy"] >= 0.62
