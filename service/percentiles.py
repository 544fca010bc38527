"""Percentiles from the buckets of a histogram."""

import math
from collections.abc import Sequence


def percentile(buckets: Sequence[tuple[float, float]], share: float) -> float | None:
    """The value that `share` of all lie at or below, as Prometheus' histogram_quantile() has it: linear within a
    bucket, the last finite end for what lies beyond; None where there is nothing.

    `buckets`: upper ends, rising, the last one infinite, and how many values lie at or below each.
    """
    if not buckets or not buckets[-1][1]:
        return None
    rank, before, count_before = share * buckets[-1][1], 0.0, 0.0
    for end, count in buckets:
        if count >= rank and count > count_before:
            if math.isinf(end):
                return before
            return before + (end - before) * (rank - count_before) / (count - count_before)
        before, count_before = end, count
    return before
