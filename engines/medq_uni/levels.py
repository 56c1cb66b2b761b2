"""What the words tell the residual experts: gate, level, and the number as such.

The gate is the words' alone: zero where they say none, and never smaller for a worse word. The
level is the told number in units of the image (``engines.medq_uni.look``); where no number is told
it is the middle of what the severity spans.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from engines.description import Degradation, Modality, QualityDescription, Severity
from engines.medq_uni.tokens import SPOKEN
from engines.severity import cut_offs

EXPERTS: tuple[Degradation, ...] = (
    Degradation.NOISE,
    Degradation.UNDERSAMPLING,
    Degradation.MOTION,
    Degradation.METAL,
    Degradation.LOW_COUNT,
)
"""What is mended, in the order of the restoration tokens."""
NOISE_EXPERTS = (Degradation.NOISE, Degradation.LOW_COUNT)
TYPICAL: dict[Degradation, float] = {
    Degradation.NOISE: 0.25,
    Degradation.UNDERSAMPLING: 3.0,
    Degradation.MOTION: 4.0,
    Degradation.METAL: 1.0,
    Degradation.LOW_COUNT: 0.25,
}
"""Typical amounts, in image units or in the number's own."""
FIXED = 0.15
"""Level of what has no level of its own, as missing lines or movement, in image units."""
LEAST, MOST = 0.02, 6.0
"""Levels are held within these, whatever is written."""
GATES: dict[Severity, float] = {
    Severity.NONE: 0.0,
    Severity.MILD: 0.85,
    Severity.MODERATE: 0.9,
    Severity.SEVERE: 0.95,
}
"""The milder the word, the more of the image stays as it was.

What an expert takes away with the noise, as small faint discs and the grain that readers know,
comes back with what is held back. All of a change is nearest to the truth, 0.9 of it by 0.1 dB
further away (patients kept for validation); on the physicist's phantom at quarter dose d' of discs
of 2 mm fell by a quarter with all of it and by nothing measurable with 0.9 of it.
"""
COUNTS = "% of counts"
"""Noise goes with one over the root of these: twice the noise is a quarter of the counts."""
OPEN_END = 1.4
"""Severe without a number is told as so many times its cut-off."""


def times_as_bad(value: float, unit: str, times: float) -> float:
    """A told number in ``unit`` for what is so many times as bad."""
    return value / times**2 if unit == COUNTS else value * times


def gates_of(words: QualityDescription, gates: Mapping[Severity, float] = GATES) -> list[float]:
    """Gate of each expert, in the order of ``EXPERTS``; exactly 0 where nothing is said."""
    spoken = {kind for kind, _ in SPOKEN.get(words.modality, ())}
    found = (words.finding(kind) if kind in spoken else None for kind in EXPERTS)
    return [0.0 if one is None else gates[one.severity] for one in found]


def amount_of(words: QualityDescription, kind: Degradation, pixel_mm: float = 0.0) -> float | None:
    """The told amount in the first unit that is spoken; ``None`` where nothing is to be mended."""
    finding = words.finding(kind)
    units = dict(SPOKEN[words.modality]).get(kind)
    if finding is None or units is None or finding.severity is Severity.NONE:
        return None
    told = finding.amount_in(units[0])
    if told is not None and told > 0:
        return told
    return middle(words.modality, kind, words.region, pixel_mm, units[0], finding.severity)


def middle(
    modality: Modality,
    kind: Degradation,
    region: str,
    pixel_mm: float,
    unit: str,
    severity: Severity,
) -> float | None:
    """The middle of what a severity spans in ``unit``; ``None`` where that isn't graded."""
    row = cut_offs(modality, kind, region, pixel_mm, unit)
    if row is None or severity is Severity.NONE:
        return None
    edges = (row.mild, row.moderate, row.severe, row.severe * OPEN_END**2)
    low, high = edges[severity.rank - 1 : severity.rank + 1]
    return math.sqrt(low * high)


def level_of(amount: float, kind: Degradation) -> float:
    """The told amount in image units; ``FIXED`` for what isn't measured in the image's unit."""
    if kind in (Degradation.UNDERSAMPLING, Degradation.MOTION):
        return FIXED
    return min(max(amount / 100.0, LEAST), MOST)


def number_of(amount: float, kind: Degradation) -> float:
    """The told amount as the experts read it: logarithm over the typical one, within -3 and 3."""
    in_unit = kind in (Degradation.UNDERSAMPLING, Degradation.MOTION)
    size = amount if in_unit else amount / 100.0
    return min(max(math.log(max(size, 1e-3) / TYPICAL[kind]), -3.0), 3.0)
