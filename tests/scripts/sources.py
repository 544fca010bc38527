"""The modules of scripts/model_sources/, which is no package of the distribution."""

import importlib
import sys
from pathlib import Path
from types import ModuleType


def source(name: str) -> ModuleType:
    scripts = str(Path(__file__).resolve().parents[2] / "scripts")
    if scripts not in sys.path:
        sys.path.append(scripts)
    return importlib.import_module(f"model_sources.{name}")
