"""Operating points of dlib's vectors, written by scripts/calibrate.py."""

from typing import Final

from embeddings.operating import Measure, Mode, OperatingPoint

MEASURED_ON: Final = "LFW: 3901 pictures of 1589 people; FNMR on the same people"


def _rows(measure: Measure, mode: Mode, *rows: tuple[float, float, float, int]) -> tuple[OperatingPoint, ...]:
    return tuple(
        OperatingPoint(mode, fmr, fnmr, limit, events, MEASURED_ON, measure) for fmr, limit, fnmr, events in rows
    )


# FMR, threshold, FNMR, impostor events (pairs of people).
DLIB_POINTS: Final[tuple[OperatingPoint, ...]] = (
    *_rows(
        Measure.DISTANCE,
        Mode(1, 1),
        (1e-02, 0.4232, 0.0087, 30575),
        (1e-03, 0.3762, 0.0549, 3597),
        (1e-04, 0.3335, 0.1955, 374),
        (1e-05, 0.2974, 0.4364, 51),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(1, 2),
        (1e-02, 0.4050, 0.0023, 23115),
        (1e-03, 0.3579, 0.0171, 2833),
        (1e-04, 0.3174, 0.0834, 302),
        (1e-05, 0.2833, 0.2583, 48),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(1, 3),
        (1e-02, 0.3987, 0.0000, 14687),
        (1e-03, 0.3517, 0.0130, 1869),
        (1e-04, 0.3121, 0.0541, 214),
        (1e-05, 0.2718, 0.2251, 26),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(2, 1),
        (1e-02, 0.4053, 0.0033, 21994),
        (1e-03, 0.3574, 0.0172, 2638),
        (1e-04, 0.3142, 0.0865, 250),
        (1e-05, 0.2794, 0.2865, 39),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(2, 2),
        (1e-02, 0.3854, 0.0000, 8825),
        (1e-03, 0.3365, 0.0031, 1132),
        (1e-04, 0.2933, 0.0141, 125),
        (1e-05, 0.2633, 0.0859, 22),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(2, 3),
        (1e-02, 0.3782, 0.0000, 6276),
        (1e-03, 0.3300, 0.0000, 826),
        (1e-04, 0.2863, 0.0084, 87),
        (1e-05, 0.2528, 0.0562, 12),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(3, 1),
        (1e-02, 0.3981, 0.0018, 14019),
        (1e-03, 0.3496, 0.0137, 1722),
        (1e-04, 0.3063, 0.0640, 160),
        (1e-05, 0.2705, 0.2168, 21),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(3, 2),
        (1e-02, 0.3773, 0.0000, 6033),
        (1e-03, 0.3283, 0.0000, 758),
        (1e-04, 0.2838, 0.0066, 86),
        (1e-05, 0.2526, 0.0464, 10),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(3, 3),
        (1e-02, 0.3692, 0.0000, 2498),
        (1e-03, 0.3216, 0.0000, 356),
        (1e-04, 0.2774, 0.0000, 44),
        (1e-05, 0.2468, 0.0182, 3),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(5, 1),
        (1e-02, 0.3929, 0.0000, 6873),
        (1e-03, 0.3468, 0.0096, 911),
        (1e-04, 0.3104, 0.0369, 103),
        (1e-05, 0.2710, 0.1509, 12),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(5, 2),
        (1e-02, 0.3709, 0.0000, 3072),
        (1e-03, 0.3248, 0.0000, 406),
        (1e-04, 0.2876, 0.0000, 58),
        (1e-05, 0.2560, 0.0232, 10),
    ),
    *_rows(
        Measure.DISTANCE,
        Mode(5, 3),
        (1e-02, 0.3621, 0.0000, 1407),
        (1e-03, 0.3166, 0.0000, 195),
        (1e-04, 0.2828, 0.0000, 30),
        (1e-05, 0.2514, 0.0062, 3),
    ),
)
