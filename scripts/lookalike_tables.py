#!/usr/bin/env python3
"""Print the table of docs/accuracy.md on the look-alike guard: what it costs, what it stops, by margin.

    .venv/bin/python scripts/lookalike_tables.py LFW

LFW: one folder a person, at least 1,000 of them.
"""

import argparse
import sys
from pathlib import Path

from rich.progress import Progress

from embeddings.image import ImageLimits
from embeddings.operating import Measure, Mode
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from evaluation.faces import collect, pictures
from evaluation.guard import claims, guard_rates

MODES = (Mode(1, 1), Mode(3, 1), Mode(3, 2))
SIZES = (100, 1000)
MARGINS = {Measure.SCORE: (0.0, 0.005, 0.01, 0.02), Measure.DISTANCE: (0.0, 0.01, 0.02, 0.04)}
HEAD = (
    "compared by, mode",
    "people",
    "margin",
    "refused without the guard",
    "more with it",
    "enrolled, passing",
    "stopped",
    "strangers, passing",
    "stopped",
)


def main() -> int:
    parser = argparse.ArgumentParser(description="Print what the look-alike guard costs and stops.")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    pipeline = FacePipeline.load(ImageLimits(), QualityLimits(), "fused")
    with Progress() as progress:
        task = progress.add_task("faces", total=len(pictures(options.folder)))
        faces = collect(options.folder, pipeline, seen=lambda: progress.advance(task))
    print("|", " | ".join(HEAD), "|")
    print("|", " | ".join(["---"] * len(HEAD)), "|")
    for spec in (pipeline.spec, pipeline.spec.by_distance()):
        for mode in MODES:
            found = claims(faces, spec, mode)
            for size in SIZES:
                for margin in MARGINS[spec.comparison.measure]:
                    rates = guard_rates(found, size, margin)
                    name = f"{spec.comparison.measure.value}, {mode.enrolled}:{mode.captures}"
                    cells = [name, f"{size:,}", f"{margin:g}", f"{rates.fnmr:.4f}", f"{rates.cost:.4f}"]
                    cells += [str(rates.enrolled), f"{rates.enrolled_stopped:.3f}"]
                    cells += [str(rates.strangers), f"{rates.strangers_stopped:.3f}"]
                    print("|", " | ".join(cells), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
