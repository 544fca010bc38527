"""Templates that other processes open at a start: the gallery is the same, whatever happens to them."""

import json
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest

from db.storage import Storage
from tests.databases import urls
from tests.service.test_gallery import enrol

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is begun")

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, os, signal, sys
root, data, keys, least, trouble, gone = sys.argv[1:]
sys.path.insert(0, root)
import service.ahead
from pathlib import Path
from uuid import UUID
from db.key_file import KeyFile
from db.reading import Databases
from db.storage import Storage
from db.templates import Templates
from embeddings.dlib_points import DLIB_POINTS
from embeddings.embed import ModelSpec
from service.gallery import Gallery
from tests.service.test_gallery import enrol

service.ahead.usable_cores = lambda: 4
master = KeyFile(Path("master.key"))
ahead = ahead = service.ahead.Ahead.begin(Databases(data, keys, master), int(least))
processes = [part._process for part in ahead._parts]
if trouble == "killed":
    os.kill(processes[0], signal.SIGKILL)
elif trouble == "late":  # whoever opens the storage meanwhile must not hold them up
    [os.waitid(os.P_PID, each, os.WEXITED | os.WNOWAIT) for each in processes]
storage = Storage.open(data, keys, master)
told = {"processes": len(processes)}
if trouble == "late":
    storage.erase([UUID(gone)])
    told["added"] = str(enrol(storage, 99))
whole, everybody = [], Templates.everybody
def counted(self, *arguments):
    whole.append(arguments)
    return everybody(self, *arguments)
Templates.everybody = counted
model = "another" if trouble == "model" else "test-model"
gallery = Gallery(ModelSpec(model, 128, DLIB_POINTS), None, ahead)
for _ in range(2):
    with storage.begin() as work:
        gallery.refresh(work)
told["whole"] = len(whole)
told["people"] = sorted(map(str, gallery.index.keys()))
storage.close()
print(json.dumps(told))
"""


def begun(folder: Path, least: int, trouble: str = "", gone: UUID | None = None) -> dict[str, object]:
    arguments = [str(ROOT), *urls(folder), str(least), trouble, str(gone)]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


@pytest.fixture
def people(storage: Storage) -> list[str]:
    return sorted(str(enrol(storage, seed, *([seed + 100] if seed % 2 else []))) for seed in range(12))


def test_the_gallery_is_filled_by_others(people: list[str], tmp_path: Path) -> None:
    assert begun(tmp_path, 12) == {"processes": 3, "whole": 0, "people": people}


def test_what_changed_meanwhile_is_followed(people: list[str], tmp_path: Path) -> None:
    told = begun(tmp_path, 12, "late", UUID(people[0]))
    assert told == {
        "processes": 3,
        "added": told["added"],
        "whole": 0,
        "people": sorted([*people[1:], str(told["added"])]),
    }


@pytest.mark.parametrize("trouble", ["killed", "model"])
def test_without_one_of_them_everybody_is_read_here(people: list[str], tmp_path: Path, trouble: str) -> None:
    told = begun(tmp_path, 12, trouble)
    assert told == {"processes": 3, "whole": 1, "people": people if trouble == "killed" else []}


def test_for_few_people_nothing_is_handed_over(people: list[str], tmp_path: Path) -> None:
    assert begun(tmp_path, 13) == {"processes": 3, "whole": 1, "people": people}


DENIED = """
import ctypes, os, resource, signal, sys, time
sys.path.insert(0, sys.argv[1])
import service.ahead
from contextlib import contextmanager
from pathlib import Path
from db.key_file import KeyFile
from db.reading import Databases
from service.process import harden

@contextmanager
def tell(_, part, *others):
    dumpable, limit = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[1]
    Path(f"told{part}").write_text(f"{os.getpid()} {dumpable} {limit}")
    time.sleep(60)
    yield None

service.ahead.usable_cores = lambda: 3
service.ahead.reading = tell
harden()
ahead = service.ahead.Ahead.begin(Databases("sqlite:///data.db", "sqlite:///keys.db", KeyFile(Path("master.key"))))
while len(list(Path().glob("told?"))) < 2 or not all(each.read_text() for each in Path().glob("told?")):
    time.sleep(0.01)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("how", "status"), [("killed", -9), ("as a start that failed", 0)])
def test_the_others_cannot_be_dumped_either_and_end_with_this_one(tmp_path: Path, how: str, status: int) -> None:
    done = subprocess.run([sys.executable, "-c", DENIED, str(ROOT), how], cwd=tmp_path, check=False, timeout=40)
    assert done.returncode == status
    told = [each.read_text().split() for each in tmp_path.glob("told?")]
    assert [each[1:] for each in told] == [["0", "0"]] * 2
    deadline = time.monotonic() + 20
    while any(running(int(each[0])) for each in told):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(") ")[2][0] != "Z"


def test_before_copies_are_made_there_is_one_thread_and_no_net() -> None:
    program = (
        "import os, sys, service.cli.main, service.cli.serve; print(len(os.listdir('/proc/self/task')), *sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    threads, *modules = told.stdout.split()
    assert threads == "1"
    assert not {"onnxruntime", "cv2", "dlib", "fastapi", "uvicorn", "service.bootstrap"} & set(modules)
