"""`facewarden evaluate liveness`, `light` and `passive`: what challenges make of films."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from embeddings.embedders import face_embedder
from embeddings.image_refusals import ImageRefused
from embeddings.liveness.judge import Limits
from embeddings.liveness.watcher import Nets
from embeddings.onnx import Runtime
from evaluation.liveness import lit
from evaluation.liveness.films import NoFilm, files
from evaluation.liveness.passive import Crowd
from evaluation.liveness.run import TRIES, Bench
from service.cli.evaluate_options import AsJson, Chosen, print_answer


@dataclass(slots=True)
class _Evaluation:
    """What looks at films, what it tells of them, and its answer."""

    nets: Nets
    limits: Limits
    progress: Progress
    answer: dict[str, Any] = field(default_factory=dict)
    _task: TaskID = field(init=False)

    def __post_init__(self) -> None:
        self._task = self.progress.add_task("films", total=None)

    def tell(self, name: str) -> None:
        self.progress.update(self._task, description=name)


@contextmanager
def _evaluation(embedder: str, param_hint: str, *, as_object: bool) -> Iterator[_Evaluation]:
    """Prints the answer that it is given inside; films that cannot be used are told as a wrong `param_hint`."""
    started, runtime = time.monotonic(), Runtime()
    vectors = face_embedder(embedder, runtime)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        made = _Evaluation(Nets.load(runtime, vectors), Limits.of(vectors.spec), progress)
        try:
            yield made
        except (NoFilm, ImageRefused) as error:
            raise typer.BadParameter(str(error), param_hint=param_hint) from None
    made.answer["seconds"] = round(time.monotonic() - started, 1)
    print_answer(made.answer, as_object=as_object)


def live(
    *,
    live: Annotated[
        list[Path] | None, typer.Option(exists=True, help="Films of live people; a file or a folder.")
    ] = None,
    attack: Annotated[
        list[Path] | None, typer.Option(exists=True, help="Films of attacks, and pictures to present; likewise.")
    ] = None,
    crowd: Annotated[
        list[Path] | None, typer.Option(exists=True, help="Films of several people, of whom stills are presented.")
    ] = None,
    tries: Annotated[int, typer.Option(min=1, help="Challenges of each kind.")] = TRIES,
    embedder: Chosen = "fused",
    as_object: AsJson = False,
) -> None:
    """How often live people fail a challenge (BPCER), and attacks pass it (APCER)."""
    with _evaluation(embedder, "--live, --attack, --crowd", as_object=as_object) as made:
        bench = Bench(made.nets, made.limits, tries, made.tell)
        made.answer = bench.run(live or [], attack or [], crowd or [])


def light(
    *,
    film: Annotated[list[Path], typer.Option(exists=True, help="Films with one face; a file or a folder.")],
    tries: Annotated[int, typer.Option(min=1, help="Sequences of colours of each kind.")] = TRIES,
    embedder: Chosen = "fused",
    as_object: AsJson = False,
) -> None:
    """How often films answer the screen's colours by chance, and faces lit by a model are found."""
    with _evaluation(embedder, "--film", as_object=as_object) as made:
        made.answer = lit.measure(made.nets, files(film)[0], tries, made.limits.same_person, made.tell)


def passive(
    *,
    film: Annotated[list[Path], typer.Option(exists=True, help="Films with people in them; a file or a folder.")],
    embedder: Chosen = "fused",
    as_object: AsJson = False,
) -> None:
    """How often people who were asked for nothing fail what a challenge looks at all the while."""
    with _evaluation(embedder, "--film", as_object=as_object) as made:
        made.answer = Crowd(made.nets, made.limits, made.tell).run(files(film)[0])
