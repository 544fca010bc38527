#!/usr/bin/env python3
"""Fit the cohort and measure the operating points of the fused embedder, from folders of pictures.

    .venv/bin/python scripts/calibrate.py cohort UTKFACE    writes embeddings/models/fused_cohort.npz
    .venv/bin/python scripts/calibrate.py points LFW        writes embeddings/fused_points.py

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
from embeddings.operating import OperatingPoint
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from evaluation import calibration
from evaluation.faces import Faces, collect, pictures

ROOM = Path(__file__).resolve().parents[1] / "embeddings"
ADULT = 16
RACES, GENDERS = 4, 2
HEAD = '''"""Operating points of the fused embedder, written by scripts/calibrate.py."""

from typing import Final

from embeddings.operating import Measure, Mode, OperatingPoint

MEASURED_ON: Final = "{provenance}"


def _rows(measure: Measure, mode: Mode, *rows: tuple[float, float, float, int]) -> tuple[OperatingPoint, ...]:
    return tuple(
        OperatingPoint(mode, fmr, fnmr, limit, events, MEASURED_ON, measure) for fmr, limit, fnmr, events in rows
    )


# FMR, threshold, FNMR, impostor events.
FUSED_POINTS: Final[tuple[OperatingPoint, ...]] = (
'''


def main() -> int:
    parser = argparse.ArgumentParser(description="Fit the cohort, measure the operating points.")
    parser.add_argument("what", choices=["cohort", "points"])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    pipeline = FacePipeline.load(ImageLimits(), QualityLimits(), "fused")
    with Progress() as progress:
        task = progress.add_task("faces", total=len(pictures(options.folder)))
        faces = collect(options.folder, pipeline, seen=lambda: progress.advance(task))
    if options.what == "cohort":
        fit(faces)
    else:
        calibrate(faces, pipeline.spec.comparison)
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


def calibrate(faces: Faces, score: Comparison) -> None:
    provenance = f"LFW: {len(faces.people)} pictures of {len(set(faces.people))} people; FNMR on the same people"
    lines = [HEAD.replace("{provenance}", provenance)]
    for comparison in (score, ByDistance()):
        points = calibration.calibrate(faces, comparison, provenance)
        for mode, rows in itertools.groupby(points, key=lambda point: point.mode):
            measure = f"Measure.{comparison.measure.name}"
            lines.append(f"    *_rows({measure}, Mode({mode.enrolled}, {mode.captures}), {as_text(rows)}),\n")
    written = ROOM / "fused_points.py"
    written.write_text("".join([*lines, ")\n"]), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(written)], check=True)


def as_text(rows: Iterable[OperatingPoint]) -> str:
    return ", ".join(f"({row.fmr:.0e}, {row.threshold:.4f}, {row.fnmr:.4f}, {row.impostor_events})" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
