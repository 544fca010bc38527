"""Part (g): does the time of a refused 1:1 login tell whether somebody is enrolled under the claimed ID?"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from evaluation.bench.client import Client, multipart
from evaluation.bench.server import Server, ServiceFailed
from evaluation.bench.timing import Times, separation

REFUSED = 401
LOCKED = 429
MOST_FREE = 20
_WARM_UP = 10
_SEED = 20_260_101


def measure(server: Server, frame: bytes, enrolled: Sequence[UUID], claims: int, api_key: str) -> dict[str, Any]:
    """So many claims of people who are enrolled, each once, and of nobody, in random order, one after the other; then
    of one person and one nobody who have failed too often, in turns.

    The face in the frame is nobody's of them. Raises ServiceFailed for another answer than a refusal, ValueError for
    fewer people than claims.
    """
    if len(enrolled) < claims:
        raise ValueError("each person is claimed once")
    order = np.random.default_rng(_SEED).permutation(2 * claims)
    everybody = [*enrolled[:claims], *(uuid4() for _ in range(claims))]
    found: list[tuple[bool, float]] = []
    client = Client(server.port, api_key)
    for place in [*order[:_WARM_UP], *order]:
        answer = client.login(multipart(frame, {"user_id": str(everybody[place])}))
        if answer.status != REFUSED:
            raise ServiceFailed(f"a claim that should be refused was answered with {answer.status}")
        found.append((bool(place < claims), answer.milliseconds))
    locked = {
        is_known: _locked(client, frame, claims, claim) for is_known, claim in ((True, enrolled[0]), (False, uuid4()))
    }
    client.close()
    known = tuple(time for is_known, time in found[_WARM_UP:] if is_known)
    unknown = tuple(time for is_known, time in found[_WARM_UP:] if not is_known)
    apart = separation(unknown, known)
    return {
        "claims": claims,
        "known": Times(known).as_json(),
        "unknown": Times(unknown).as_json(),
        "auc": round(apart.auc, 4),
        "p": round(apart.p, 4),
        "locked_known": Times(locked[True]).as_json(),
        "locked_unknown": Times(locked[False]).as_json(),
    }


def _locked(client: Client, frame: bytes, claims: int, claim: UUID) -> tuple[float, ...]:
    """Milliseconds of so many claims of an ID that is locked. Raises ServiceFailed for another answer."""
    body = multipart(frame, {"user_id": str(claim)})
    for _ in range(MOST_FREE):
        if client.login(body).status == LOCKED:
            break
    found = [client.login(body) for _ in range(claims)]
    if any(answer.status != LOCKED for answer in found):
        raise ServiceFailed("a claim that should be locked was answered otherwise")
    return tuple(answer.milliseconds for answer in found)
