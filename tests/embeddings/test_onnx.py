"""Sessions: one for each model, usable by several threads, quiet, and without memory that grows."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from embeddings.onnx import LARGE_INPUT_BYTES, BrokenModel, Runtime


def doubling(name: str = "double") -> bytes:
    """A graph that adds its input to itself, of any length."""
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    answer = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], name, [given], [answer])
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    return bytes(model.SerializeToString())


def test_a_graph_runs_on_inputs_of_any_size() -> None:
    session = Runtime().load(doubling())
    for size in (1, 7, LARGE_INPUT_BYTES // 4 + 1):
        (answer,) = session.run({"x": np.ones(size, np.float32)})
        assert answer.dtype == np.float32
        assert answer.shape == (size,)
        assert (answer == 2).all()


def test_one_session_a_model_and_runtime(tmp_path: Path) -> None:
    runtime, path = Runtime(), tmp_path / "double.onnx"
    path.write_bytes(doubling())
    assert runtime.load(doubling()) is runtime.load(path)
    assert runtime.load(doubling("other")) is not runtime.load(path)
    assert Runtime().load(path) is not runtime.load(path)


def test_threads_share_one_session() -> None:
    runtime = Runtime(threads=2)

    def answer(value: int) -> bool:
        (doubled,) = runtime.load(doubling()).run({"x": np.full(1000, value, np.float32)})
        return bool((doubled == 2 * value).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(answer, range(200)))


def test_a_damaged_model_is_named_without_its_content() -> None:
    with pytest.raises(BrokenModel, match="damaged"):
        Runtime().load(b"not a graph")


def test_at_least_one_thread() -> None:
    with pytest.raises(ValueError, match="thread"):
        Runtime(threads=0)


VARIED = """
import numpy as np
from pathlib import Path
from embeddings.onnx import Runtime

session = Runtime().load(Path("embeddings/models/centerface.onnx"))
sides = np.random.default_rng(0).integers(3, 26, (40, 2)) * 32

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def round_():
    for height, width in sides:
        session.run({"input.1": np.zeros((1, 3, height, width), np.float32)})
    return resident()

print(round_(), round_())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the process's memory as Linux tells it")
def test_forty_shapes_twice_do_not_keep_more_memory_than_once() -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    run = subprocess.run(
        [sys.executable, "-c", VARIED], cwd=root, env=environment, check=True, capture_output=True, text=True
    )
    first, second = map(int, run.stdout.split())
    assert second - first < 40 * 2**20
    assert second < 500 * 2**20
    assert run.stderr == ""
