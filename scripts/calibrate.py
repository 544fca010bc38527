#!/usr/bin/env python3
"""Fit the cohort and measure the operating points that ship, from folders of pictures.

    .venv/bin/python scripts/calibrate.py cohort UTKFACE                 writes embeddings/models/fused_cohort.npz
    .venv/bin/python scripts/calibrate.py points LFW                     writes embeddings/fused_points.py
    .venv/bin/python scripts/calibrate.py points LFW --embedder onnx     writes embeddings/dlib_points.py
    .venv/bin/python scripts/calibrate.py halves LFW                     prints whether thresholds hold for others

UTKFACE: files named age_gender_race_time.jpg. LFW: one folder a person. Neither is part of the project; what is written
are statistics of 20 people and more, and thresholds.
"""

import argparse
import itertools
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from rich.progress import Progress

from embeddings.cohort import Cohort
from embeddings.comparison import ByDistance, Comparison
from embeddings.fused import COHORT
from embeddings.image import ImageLimits
from embeddings.operating import Measure, OperatingPoint
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from evaluation import calibration, holding
from evaluation.faces import Faces, collect, pictures

ROOM = Path(__file__).resolve().parents[1] / "embeddings"
ADULT = 16
RACES, GENDERS = 4, 2
TABLES = {
    "fused": ("fused_points", "FUSED_POINTS", "the fused embedder"),
    "onnx": ("dlib_points", "DLIB_POINTS", "dlib's vectors"),
}
HEAD = '''"""Operating points of {whose}, written by scripts/calibrate.py."""

from typing import Final

from embeddings.operating import Measure, Mode, OperatingPoint

MEASURED_ON: Final = "{provenance}"


def _rows(measure: Measure, mode: Mode, *rows: tuple[float, float, float, int]) -> tuple[OperatingPoint, ...]:
    return tuple(
        OperatingPoint(mode, fmr, fnmr, limit, events, MEASURED_ON, measure) for fmr, limit, fnmr, events in rows
    )


# FMR, threshold, FNMR, impostor events (pairs of people).
{name}: Final[tuple[OperatingPoint, ...]] = (
'''


def main() -> int:
    parser = argparse.ArgumentParser(description="Fit the cohort, measure the operating points.")
    parser.add_argument("what", choices=["cohort", "points", "halves"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--embedder", choices=TABLES, default="fused")
    options = parser.parse_args()
    pipeline = FacePipeline.load(ImageLimits(), QualityLimits(), options.embedder)
    with Progress() as progress:
        task = progress.add_task("faces", total=len(pictures(options.folder)))
        faces = collect(options.folder, pipeline, seen=lambda: progress.advance(task))
    if options.what == "cohort":
        fit(faces)
    elif options.what == "points":
        calibrate(faces, pipeline.spec.comparison, options.embedder)
    else:
        halves(faces, pipeline.spec.comparison)
    return 0


def fit(faces: Faces) -> None:
    """Adults by race and gender of their file names; a picture counts as a person."""
    labels = np.array([label(name) for name in faces.files])
    known = (labels[:, 0] >= ADULT) & (labels[:, 1] < GENDERS) & (labels[:, 2] < RACES)
    groups = labels[:, 2] * GENDERS + labels[:, 1]
    content = Cohort.fit(faces.vectors[known], groups[known]).to_bytes()
    (ROOM / "models" / f"{COHORT}.npz").write_bytes(content)
    print(f"{int(known.sum())} people, {len(content):,} bytes")


def label(name: str) -> tuple[int, int, int]:
    """Age, gender and race; some names of the collection lack one, and count as nobody."""
    parts = name.split("_")
    if len(parts) != 4:
        return (0, 0, 0)
    return (int(parts[0]), int(parts[1]), int(parts[2]))


def calibrate(faces: Faces, comparison: Comparison, embedder: str) -> None:
    """By the embedder's own comparison, and by distance."""
    file, name, whose = TABLES[embedder]
    provenance = f"LFW: {len(faces.people)} pictures of {len(set(faces.people))} people; FNMR on the same people"
    lines = [HEAD.replace("{provenance}", provenance).replace("{name}", name).replace("{whose}", whose)]
    by_distance = comparison.measure is Measure.DISTANCE
    for each in (comparison,) if by_distance else (comparison, ByDistance()):
        points = calibration.calibrate(faces, each, provenance)
        for mode, rows in itertools.groupby(points, key=lambda point: point.mode):
            measure = f"Measure.{each.measure.name}"
            lines.append(f"    *_rows({measure}, Mode({mode.enrolled}, {mode.captures}), {as_text(rows)}),\n")
    written = ROOM / f"{file}.py"
    written.write_text("".join([*lines, ")\n"]), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(written)], check=True)


def halves(faces: Faces, comparison: Comparison) -> None:
    """The table of docs/accuracy.md: false match rates on the other half, over the wanted ones."""
    print(
        "| mode | at 1e-3: mean, nine of ten below, within 1.3 | at 1e-4: the same, within 1.6 | at 1e-5, within 1.6 |"
    )
    print("| --- | --- | --- | --- |")
    modes = [mode for mode in calibration.MODES if mode.enrolled != 2]
    for mode, rows in itertools.groupby(holding.held(faces, comparison, modes), key=lambda row: row.mode):
        texts = (f"{row.mean:.2f}, {row.ninth:.2f}, {round(100 * row.within)} % ({row.pairs} pairs)" for row in rows)
        print(f"| {mode.enrolled}:{mode.captures} | {' | '.join(texts)} |")


def as_text(rows: Iterable[OperatingPoint]) -> str:
    return ", ".join(f"({row.fmr:.0e}, {row.threshold:.4f}, {row.fnmr:.4f}, {row.impostor_events})" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
