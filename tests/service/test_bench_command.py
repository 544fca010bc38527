"""`facewarden bench` prints JSON or tables; the sockets that it found slow answer at once."""

import json
import socket

from typer.testing import CliRunner

from service.cli.main import application
from service.serving import _listen
from tests.portraits import portraits


def test_one_part_can_be_measured_alone() -> None:
    portraits()
    result = CliRunner().invoke(application, ["bench", "--quick", "--only", "import", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["import"]["photos"] == report["import"]["enrolled"] == 20
    assert len(report["ratios"]) == 6
    assert set(report["ratios"].values()) == {None}


def test_answers_do_not_wait_for_acknowledgements() -> None:
    with _listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
