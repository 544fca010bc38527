"""The rival's side of the bench: run by the interpreter of its own environment, one JSON object a line each way.

Imports nothing of ours. Every answer to a timed request carries `ms`, measured here around the call alone.

    {"do": "versions"}                                   {"versions": {...}}
    {"do": "chips", "weights", "chips", "batch"}         {"ms", "vectors"}    dlib's net on uint8 [150, 150, 3], base64
    {"do": "frame", "image"}                             {"ms", "vectors"}    an encoded picture, base64
    {"do": "gallery", "size", "dimension", "seed"}       {"size"}             random unit vectors, for the next two
    {"do": "faiss", "seed"}, {"do": "compare", "seed"}   {"ms"}               one random probe against all of them
"""

import base64
import io
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

Request = dict[str, Any]
SIDE = 150
held: dict[str, Any] = {}


def versions(_: Request) -> dict[str, Any]:
    found = {}
    for name in ("face_recognition", "dlib-bin", "faiss-cpu", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"versions": found}


def chips(request: Request) -> dict[str, Any]:
    import dlib  # noqa: PLC0415 - each request imports what it needs: an environment may lack the rest
    import numpy as np  # noqa: PLC0415

    if "net" not in held:
        held["net"] = dlib.face_recognition_model_v1(request["weights"])
    net = held["net"]
    flat = [np.frombuffer(base64.b64decode(each), np.uint8) for each in request["chips"]]
    pictures = [each.reshape(SIDE, SIDE, 3) for each in flat]
    start = time.perf_counter()
    vectors = net.compute_face_descriptor(pictures) if request["batch"] else _one_by_one(net, pictures)
    return {"ms": _since(start), "vectors": [list(vector) for vector in vectors]}


def _one_by_one(net: Any, pictures: list[Any]) -> list[Any]:
    return [net.compute_face_descriptor(each) for each in pictures]


def frame(request: Request) -> dict[str, Any]:
    import face_recognition  # noqa: PLC0415

    file = io.BytesIO(base64.b64decode(request["image"]))
    start = time.perf_counter()
    vectors = face_recognition.face_encodings(face_recognition.load_image_file(file))
    return {"ms": _since(start), "vectors": [vector.tolist() for vector in vectors]}


def gallery(request: Request) -> dict[str, Any]:
    import faiss  # noqa: PLC0415

    held.pop("gallery", None)
    held.pop("index", None)
    held["gallery"] = _units(request["size"], request["dimension"], request["seed"])
    held["index"] = faiss.IndexFlatIP(request["dimension"])
    held["index"].add(held["gallery"])
    return {"size": int(held["index"].ntotal)}


def search(request: Request) -> dict[str, Any]:
    probe = _units(1, held["gallery"].shape[1], request["seed"])
    start = time.perf_counter()
    held["index"].search(probe, 8)
    return {"ms": _since(start)}


def compare(request: Request) -> dict[str, Any]:
    import face_recognition  # noqa: PLC0415

    probe = _units(1, held["gallery"].shape[1], request["seed"])[0]
    start = time.perf_counter()
    face_recognition.compare_faces(held["gallery"], probe)
    return {"ms": _since(start)}


def _units(size: int, dimension: int, seed: int) -> Any:
    import numpy as np  # noqa: PLC0415

    values = np.random.default_rng(seed).standard_normal((size, dimension), np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


DOES: dict[str, Callable[[Request], dict[str, Any]]] = {
    "versions": versions,
    "chips": chips,
    "frame": frame,
    "gallery": gallery,
    "faiss": search,
    "compare": compare,
}


def main() -> None:
    cores = int(sys.argv[1])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = DOES[request["do"]](request)
        except Exception as error:  # noqa: BLE001 - told to who asked
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    main()
