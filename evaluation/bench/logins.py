"""Part (c): a whole login over loopback, 1:1, beside many people enrolled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from evaluation.bench.client import Client, Load, load, multipart
from evaluation.bench.rival import Rival
from evaluation.bench.server import Server, ServiceFailed, Usage
from evaluation.bench.timing import Call, Times, interleaved, ratio

CLIENTS: Final = (1, 4, 16)


@dataclass(frozen=True, slots=True)
class Work:
    """`rounds`: logins that take turns with face_recognition; `requests`: for each number of clients; `lasting`: logins
    after which memory is looked at again."""

    rounds: int
    requests: int
    lasting: int


def enrolled(server: Server, frame: bytes) -> bytes:
    """Enrols the face of the frame; the body of its login. Raises ServiceFailed."""
    client = Client(server.port)
    user_id = client.enrol(frame)
    client.close()
    return multipart(frame, {"user_id": str(user_id)})


def measure(server: Server, frame: bytes, body: bytes, rival: Rival | None, work: Work) -> dict[str, Any]:
    """One configuration of the service, running. Raises ServiceFailed when a login is refused in the first part."""
    client = Client(server.port)
    alone = _one_client(client, body, rival, frame, work.rounds)
    client.close()
    answer: dict[str, Any] = {"times": {name: times.as_json() for name, times in alone.items()}}
    if rival is not None:
        answer["ratio"] = ratio(alone["face_recognition_frame"], alone["login"])
    answer["clients"] = {str(count): _clients(server, count, work.requests, body) for count in CLIENTS}
    answer["lasting"] = _lasting(server, work, body)
    return answer


def of_several(server: Server, body: bytes, work: Work) -> dict[str, Any]:
    """The most clients, of a service that runs in several processes: what they use is not told, since each has its own
    figures. Each of them has been asked before."""
    load(server.port, CLIENTS[-1], work.requests, body)
    return _told(load(server.port, CLIENTS[-1], work.requests, body))


def _one_client(client: Client, body: bytes, rival: Rival | None, frame: bytes, rounds: int) -> Mapping[str, Times]:
    """Logins one after the other, taking turns with face_recognition's bare encoding of the same frame."""

    def login() -> float:
        answer = client.login(body)
        if answer.status != 200:
            raise ServiceFailed(f"a login of the person enrolled was answered with {answer.status}")
        return answer.milliseconds

    calls: dict[str, Call] = {"login": login}
    if rival is not None:
        calls["face_recognition_frame"] = lambda: rival.frame(frame).milliseconds
    return interleaved(calls, rounds, warm_up=5)


def _clients(server: Server, count: int, requests: int, body: bytes) -> dict[str, Any]:
    before, done, after = server.usage(), load(server.port, count, requests, body), server.usage()
    return {**_told(done), **_used(before, after, done)}


def _told(done: Load) -> dict[str, Any]:
    return {
        **Times(done.milliseconds).as_json(),
        "per_second": round(done.per_second, 1),
        "statuses": {str(status): number for status, number in sorted(done.statuses.items())},
    }


def _used(before: Usage | None, after: Usage | None, done: Load) -> dict[str, float]:
    """Processor time of the server for one login, and its memory at its highest."""
    if before is None or after is None:
        return {}
    return {
        "cpu_ms_per_login": round((after.cpu_seconds - before.cpu_seconds) * 1000 / len(done.milliseconds), 2),
        "peak_mib": round(after.peak_bytes / 2**20, 1),
    }


def _lasting(server: Server, work: Work, body: bytes) -> dict[str, Any]:
    """Resident memory of the server before and after many logins; they come from several clients at once."""
    early = server.usage()
    done = load(server.port, CLIENTS[1], work.lasting, body)
    late = server.usage()
    answer: dict[str, Any] = {"logins": work.lasting, "refused": work.lasting - done.statuses.get(200, 0)}
    if early is not None and late is not None:
        answer["resident_mib_before"] = round(early.resident_bytes / 2**20, 1)
        answer["resident_mib_after"] = round(late.resident_bytes / 2**20, 1)
        answer["peak_mib"] = round(late.peak_bytes / 2**20, 1)
    return answer
