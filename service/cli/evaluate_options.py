"""What the commands of `facewarden evaluate` have in common: options, and how an answer is printed."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="One folder of pictures for each person.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Chosen = Annotated[Literal["fused", "onnx", "dlib"], typer.Option("--embedder", help="Which vectors.")]
AnyOf = Annotated[str, typer.Option("--embedder", help="fused, onnx, dlib, or onnx:PATH: a net of your own.")]
Output = Annotated[Path | None, typer.Option(dir_okay=False, help="Write the file there.")]


def print_answer(answer: dict[str, Any], *, as_object: bool) -> None:
    """As one object, or a line a value."""
    if as_object:
        print(json.dumps(answer, indent=2))
        return
    for name, value in answer.items():
        lines = value if isinstance(value, list) else [value]
        for line in lines:
            text = "  ".join(f"{key} {each}" for key, each in line.items()) if isinstance(line, dict) else line
            Console().print(f"{name:18}", text, highlight=False, markup=False, soft_wrap=True)
