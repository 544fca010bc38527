"""The rival as a child process: face_recognition, dlib's net and faiss in an environment of their own."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from embeddings.types import Pixels

WORKER: Final = Path(__file__).with_name("rival_worker.py")
THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class RivalFailed(Exception):
    """The rival's process ended, or could not do what it was asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """`milliseconds`: of the call itself, measured in the rival's process; `vectors` [n, 128]."""

    milliseconds: float
    vectors: NDArray[np.float64]


class Rival:
    """A context manager around the child process. `python`: the interpreter of the environment that holds the rival;
    `cores`: how many it may use."""

    def __init__(self, python: Path, cores: int = 1, worker: Path = WORKER) -> None:
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(cores))}
        self._process = subprocess.Popen(  # noqa: S603 - an interpreter that the operator chose, a file of ours
            [str(python), "-W", "ignore", str(worker), str(cores)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, do: str, **further: Any) -> dict[str, Any]:
        """The answer to one request; see the worker for what there is. Raises RivalFailed."""
        process = self._process
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(json.dumps({"do": do, **further}) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
        except (OSError, ValueError):
            raise RivalFailed("the rival's process ended") from None
        if not isinstance(answer, dict) or "error" in answer:
            raise RivalFailed(str(answer["error"] if isinstance(answer, dict) else answer))
        return answer

    def chips(self, weights: Path, chips: Sequence[Pixels], *, batch: bool = False) -> Answered:
        """dlib's vectors, as its net gives them, of chips uint8 [150, 150, 3]; `batch`: in one call."""
        encoded = [base64.b64encode(chip.tobytes()).decode() for chip in chips]
        return _answered(self.ask("chips", weights=str(weights), chips=encoded, batch=batch))

    def frame(self, image: bytes) -> Answered:
        """face_recognition's vectors of the faces in an encoded picture: decoding, finding, aligning, dlib's net."""
        return _answered(self.ask("frame", image=base64.b64encode(image).decode()))


def _answered(answer: dict[str, Any]) -> Answered:
    vectors = np.asarray(answer["vectors"], np.float64)
    return Answered(float(answer["ms"]), vectors.reshape(len(vectors), -1))


def own_interpreter() -> Path:
    """This interpreter: it has dlib's net, though neither face_recognition nor faiss."""
    return Path(sys.executable)
