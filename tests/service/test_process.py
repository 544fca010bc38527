import json
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at Linux process attributes")

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import ctypes, json, os, resource, sys
sys.path.insert(0, sys.argv[1])
# Whoever starts the service may have allowed core files.
resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
before = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
if sys.argv[2] == "hardened":
    from service.process import harden
    harden()
open("made", "w").close()
print(json.dumps({
    "dumpable": [before, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)],
    "limit": resource.getrlimit(resource.RLIMIT_CORE),
    "owner": os.stat("/proc/self/mem").st_uid,
}), flush=True)
if len(sys.argv) > 3:
    secret = b"marked-secret" * 1000
    os.kill(os.getpid(), int(sys.argv[3]))
"""
PR_GET_DUMPABLE = 3


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_process_is_not_dumpable_and_its_core_limit_is_none(tmp_path: Path) -> None:
    told = json.loads(run(tmp_path, "hardened").stdout)
    assert told["dumpable"] == [1, 0]
    assert told["limit"] == [0, 0]
    assert told["owner"] == 0


def test_new_files_are_their_owners_alone(tmp_path: Path) -> None:
    run(tmp_path, "hardened")
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_a_crash_leaves_no_core_file(tmp_path: Path, number: signal.Signals) -> None:
    done = run(tmp_path, "hardened", str(number.value))
    assert done.returncode == -number
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_without_hardening_the_crash_would_have_left_one(tmp_path: Path) -> None:
    """Shows that the test above can fail, where the machine writes core files into the working folder."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text(encoding="utf-8").strip()
    if "/" in pattern or pattern.startswith("|"):
        pytest.skip(f"core files go elsewhere on this machine: {pattern}")
    run(tmp_path, "bare", str(signal.SIGABRT.value))
    assert len(list(tmp_path.iterdir())) == 2
