"""What hiding styles leave is counted as an attacker would: on portraits, and on rows counted by hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from embeddings.image import ImageLimits, PictureFormat, decode, encode
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.types import Pixels
from evaluation.overlays import overlays, parrot, people
from overlays.looks import Look
from overlays.style import OverlayStyle, Subject, style
from service.cli.evaluate import commands
from tests.portraits import portraits


class Nothing:
    """Hides nothing at all."""

    name: ClassVar[str] = "nothing"
    title: ClassVar[str] = "Nothing"
    hides: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    looks: ClassVar[Mapping[str, Look]] = {}

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        assert subjects
        return pixels.copy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people with two photos each, one with a single one."""
    root, found = tmp_path_factory.mktemp("people"), portraits()
    for person, paths in (
        ("one", (found.obama, found.obama2)),
        ("two", (found.biden, found.biden)),
        ("three", (found.obama3,)),
    ):
        (root / person).mkdir()
        for number, path in enumerate(paths):
            pixels = decode(path.read_bytes(), ImageLimits()).pixels
            square = cv2.resize(pixels[: pixels.shape[1]], (250, 250), interpolation=cv2.INTER_AREA)
            mirrored = square[:, ::-1] if (person, number) == ("two", 1) else square
            (root / person / f"{number}.png").write_bytes(encode(np.ascontiguousarray(mirrored), PictureFormat.PNG))
    return root


def test_an_open_face_is_matched_and_a_covered_one_is_not(folder: Path) -> None:
    pipeline, seen = FacePipeline.load(ImageLimits(), QualityLimits(), "fused"), list[int]()
    chosen = people(folder, 10, seed=1)
    assert chosen.keys() == {"one", "two"}
    drawn: list[OverlayStyle] = [Nothing(), style("solid")]
    nothing, solid = overlays(chosen, pipeline, drawn, seed=1, seen=lambda: seen.append(1))
    assert len(seen) == 2
    assert (nothing["style"], nothing["n"], nothing["people"], nothing["chance"]) == ("nothing", 4, 2, 0.5)
    assert (nothing["matched_at_1e-3"], nothing["parrot_rank1"], nothing["still_detected"]) == (1, 1, 1)
    assert nothing["attackers"].keys() == {"shipped", "dlib", "pixels"}
    assert (solid["matched_at_1e-3"], solid["still_detected"]) == (0, 0)
    assert solid["attackers"]["pixels"]["parrot_rank1"] == 0.5, "one patch is as good as another: they share the hit"


def test_the_people_are_chosen_by_seed_and_two_photos_are_needed(tmp_path: Path) -> None:
    for name in "abcdef":
        (tmp_path / name).mkdir()
        for number in range(5):
            (tmp_path / name / f"{number}.jpg").write_bytes(b"")
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "0.jpg").write_bytes(b"")
    assert people(tmp_path, 3, seed=1) == people(tmp_path, 3, seed=1)
    assert len(people(tmp_path, 99, seed=1)) == 6
    assert len({str(sorted(people(tmp_path, 3, seed=seed))) for seed in range(9)}) > 1
    assert all(len(set(photos)) == 2 for photos in people(tmp_path, 99, seed=1).values())
    with pytest.raises(ValueError, match="two of them"):
        people(tmp_path / "a", 3, seed=1)


def test_ranks_counted_by_hand() -> None:
    inf = np.inf
    alike = np.array([[3, 1, 2], [2, 2, 1], [-inf, -inf, -inf]])
    assert parrot(alike).tolist() == pytest.approx([1, 0.5, 1 / 3])


def test_the_command(folder: Path) -> None:
    answer = CliRunner().invoke(commands, ["overlays", str(folder), "--style", "pixelate", "--people", "2", "--json"])
    assert answer.exit_code == 0, answer.output
    told: dict[str, Any] = json.loads(answer.stdout)
    (row,) = told["styles"]
    assert {"style", "n", "matched_at_1e-3", "parrot_rank1", "still_detected"} <= row.keys()
    assert (row["style"], row["n"], row["matched_at_1e-3"]) == ("pixelate", 4, 0)
    wrong = CliRunner().invoke(commands, ["overlays", str(folder), "--style", "crown"])
    assert wrong.exit_code == 2
