"""Neural networks run here and nowhere else: sessions of onnxruntime, their threads and their memory."""

import hashlib
import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

# The published builds report to their maker and keep an identifier on the disk, unless told not to before the import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

from embeddings.side_by_side import Cores

Weights = Mapping[str, NDArray[Any]]
"""By name, contiguous."""
NO_WEIGHTS: Final[Weights] = MappingProxyType({})
LARGE_INPUT_BYTES: Final = 16 * 2**20
"""A run on more than this gives its memory back, which costs about half as much time again: 1.4 MP of float32."""
SILENT: Final = 4  # onnxruntime's severity "fatal": messages of a run may hold shapes and names, never wanted in a log


class Session(Protocol):
    """One loaded network. Several threads may call it at once."""

    def run(self, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs in the order of the graph, for arrays by the name of the input."""
        ...


class Wide:
    """A loaded network with threads on several cores, for a lone picture. Several threads may call it at once."""

    def __init__(self, session: Future[Session] | None, cores: Cores) -> None:
        self._session = session
        self._cores = cores

    def try_run(self, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]] | None:
        """As a session does; None, and nothing done, where those cores are not the calling thread's."""
        if self._session is None:
            return None
        with self._cores.wide() as ours:
            return self._session.result().run(inputs) if ours else None


class BrokenModel(Exception):
    """A model file that onnxruntime cannot load. Meets who installs or starts the service, never a caller."""


class Runtime:
    """Loads networks for the CPU and keeps one session for each model, however often it is asked for.

    `threads`: how many threads one run may use. They sleep between runs instead of spinning, so that several
    workers share the cores. `cores`: how many may work side by side on one picture; nets of a lone one may have a
    thread on each of several, see `wide`.
    """

    def __init__(self, threads: int = 1, cores: int = 1) -> None:
        if threads < 1:
            raise ValueError("a run needs at least one thread")
        self.cores: Final = Cores(cores)
        onnxruntime.set_default_logger_severity(SILENT)
        self._threads = threads
        self._sessions: dict[bytes, Session] = {}
        self._making = ThreadPoolExecutor(1, "nets")
        self._lock = threading.Lock()

    def load(self, model: bytes | Path, weights: Weights = NO_WEIGHTS) -> Session:
        """The session of a serialised ONNX graph, or of the file that holds it. `weights`: those that the graph says
        are in another place. Raises BrokenModel."""
        return self._loaded(model, weights, [])

    def wide(self, model: bytes | Path, weights: Weights = NO_WEIGHTS) -> Wide:
        """The same on several cores, where there are any; for a model that `load` has taken, and made ready while the
        caller goes on. Its weights are in memory once more."""
        helpers = self.cores.helpers
        return Wide(self._making.submit(self._loaded, model, weights, helpers) if helpers else None, self.cores)

    def _loaded(self, model: bytes | Path, weights: Weights, helpers: list[frozenset[int]]) -> Session:
        content = model.read_bytes() if isinstance(model, Path) else model
        digest = hashlib.sha256(content)
        for values in weights.values():
            digest.update(values.data)
        key = digest.digest() + bytes(len(helpers))
        with self._lock:
            session = self._sessions.get(key)
        if session is None:
            made = _CpuSession(content, weights, self._threads, helpers)
            with self._lock:
                session = self._sessions.setdefault(key, made)
        return session


class _CpuSession:
    def __init__(self, model: bytes, weights: Weights, threads: int, helpers: list[frozenset[int]]) -> None:
        """`helpers`: the processors of further threads, one of each."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1 + len(helpers) if helpers else threads
        options.inter_op_num_threads = 1
        options.log_severity_level = SILENT
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if helpers else "0")
        if helpers:  # which wait for one another in a run, and sleep after it
            options.add_session_config_entry("session.force_spinning_stop", "1")
            named = (",".join(str(number + 1) for number in sorted(each)) for each in helpers)
            options.add_session_config_entry("session.intra_op_thread_affinities", ";".join(named))
        # A pattern is planned and kept for each new shape, and pictures bring many: slower, and memory that grows.
        options.enable_mem_pattern = False
        if weights:
            values = [onnxruntime.OrtValue.ortvalue_from_numpy(each) for each in weights.values()]
            options.add_external_initializers(list(weights), values)
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common base
            raise BrokenModel("the model file is damaged or of an unknown version") from error
        self._shrinking = onnxruntime.RunOptions()
        self._shrinking.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def run(self, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        large = sum(array.nbytes for array in inputs.values()) > LARGE_INPUT_BYTES
        outputs = self._session.run(None, inputs, self._shrinking if large else None)
        return [np.asarray(output) for output in outputs]
