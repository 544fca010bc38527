"""Films that were cut, overwritten or put together wrongly, the same for the same seed."""

import random
from collections.abc import Iterator
from functools import cache

from tests.films import film, passing

KINDS = ("mp4", "matroska", "avi")


@cache
def whole(kind: str) -> bytes:
    """With a face and with sound."""
    return film(passing(8, 160, 120, 60), kind=kind, sound=True)


def damaged(count: int, seed: int = 1) -> Iterator[bytes]:
    """So many, of all kinds."""
    chance = random.Random(seed)
    for number in range(count):
        yield _damage(whole(KINDS[number % len(KINDS)]), chance)


def _damage(data: bytes, chance: random.Random) -> bytes:
    made, way = bytearray(data), chance.randrange(5)
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    if way == 0:
        del made[start:]
    elif way == 1:
        for _ in range(chance.randrange(1, 40)):
            made[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif way == 2:
        end = min(end, start + 400)
        made[start:end] = bytes([chance.choice((0, 255))]) * (end - start)
    elif way == 3:
        made[start:start] = made[start:end]
    else:  # where lengths, sizes and tables are: near the beginning or the end
        for _ in range(chance.randrange(1, 12)):
            near = chance.randrange(min(1500, len(data)))
            made[chance.choice((near, len(data) - 1 - near))] = chance.choice((0, 127, 128, 255))
    return bytes(made)
