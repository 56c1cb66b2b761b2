"""Words that the image plainly contradicts are put right before anybody reads or obeys them.

A model that meets what it never learnt from, as a test object, may say anything. Two of its words
can be held against the image itself: noise beyond what is measured would be smoothed away with the
anatomy under it, and streaks of metal need metal.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engines.base import BoolArray, FloatArray, StackInfo
from engines.classical.noise import kernel_side, slice_noise
from engines.description import Amount, Degradation, Finding, Modality, Severity
from engines.medq_uni.series import SliceWords
from engines.medq_uni.spoken import Scene, Spoken, findings_of
from engines.medq_uni.viewing import View
from engines.severity import graded_finding

MOST_NOISE = 1.3
"""Noise in CT is said to be at most so many times what is measured."""
LEAST_METAL_HU = 1500.0
"""Without a pixel this dense nothing is metal; cortical bone ends about there."""


def words_of(index: int, said: Spoken, view: View, info: StackInfo, scene: Scene) -> SliceWords:
    """What is said of slice ``index``, put right; what was put right has no other chance."""
    findings = {one.degradation: one for one in findings_of(said, scene)}
    values = view.image * np.float32(view.look.scale)
    found = put_right(findings, values, view.usable, info, scene.pixel_mm)
    chances = dict(said.chances)
    for kind, finding in found.items():
        if finding is not findings[kind]:
            chances[kind] = tuple(float(finding.severity is one) for one in Severity)
    return SliceWords(index, found, chances)


def put_right(
    findings: Mapping[Degradation, Finding],
    values: FloatArray,
    usable: BoolArray,
    info: StackInfo,
    pixel_mm: float,
) -> dict[Degradation, Finding]:
    """What is said of a slice (rows, columns), put right where the image contradicts it.

    ``values`` are in the unit of the stack, ``usable`` is False where they are none.
    """
    found = dict(findings)
    if info.modality is not Modality.CT or not usable.any():
        return found
    metal, noise = found.get(Degradation.METAL), found.get(Degradation.NOISE)
    if metal is not None and metal.severity is not Severity.NONE and not _is_dense(values, usable):
        found[Degradation.METAL] = Finding(Degradation.METAL, Severity.NONE)
    if noise is not None and noise.severity is not Severity.NONE and noise.amount is not None:
        most = _most_noise(values, usable, info)
        if most is not None and noise.unit == "HU" and noise.amount > most:
            found[Degradation.NOISE] = graded_finding(
                Degradation.NOISE,
                [Amount(most, noise.unit)],
                info.modality,
                info.region,
                place=noise.place,
                pixel_mm=pixel_mm,
            )
    return found


def _is_dense(values: FloatArray, usable: BoolArray) -> bool:
    return float(values.max(where=usable, initial=-np.inf)) >= LEAST_METAL_HU


def _most_noise(values: FloatArray, usable: BoolArray, info: StackInfo) -> float | None:
    """The most noise that can be said of a CT slice, in HU; ``None`` where none is measured."""
    filled = values if usable.all() else np.where(usable, values, np.float32(0))
    side = kernel_side(info.modality, info.spacing_mm[1], info.spacing_mm[2])
    sigma = slice_noise(filled, usable, info.modality, side)[0].sigma
    return None if sigma is None else MOST_NOISE * sigma
