"""Part (g): does the time of a refused 1:1 login tell whether somebody is enrolled under the claimed ID?"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from evaluation.bench.client import Client, multipart
from evaluation.bench.server import Server, ServiceFailed
from evaluation.bench.timing import Times, separation

REFUSED = 401
_WARM_UP = 10
_SEED = 20_260_101


def measure(server: Server, frame: bytes, enrolled: Sequence[UUID], claims: int) -> dict[str, Any]:
    """So many claims of people who are enrolled, each once, and of nobody, in random order, one after the other.

    The face in the frame is nobody's of them. Raises ServiceFailed for another answer than a refusal, ValueError for
    fewer people than claims.
    """
    if len(enrolled) < claims:
        raise ValueError("each person is claimed once")
    order = np.random.default_rng(_SEED).permutation(2 * claims)
    everybody = [*enrolled[:claims], *(uuid4() for _ in range(claims))]
    found: list[tuple[bool, float]] = []
    client = Client(server.port)
    for place in [*order[:_WARM_UP], *order]:
        answer = client.login(multipart(frame, {"user_id": str(everybody[place])}))
        if answer.status != REFUSED:
            raise ServiceFailed(f"a claim that should be refused was answered with {answer.status}")
        found.append((bool(place < claims), answer.milliseconds))
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
    }
