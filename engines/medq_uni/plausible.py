"""Words that the image plainly contradicts are put right before anybody reads or obeys them.

A model that meets what it never learnt from, as a test object, may say anything, and what is true
of a series may not be of each of its slices. Words can be held against the image itself: noise
beyond what is measured would be smoothed away with the anatomy under it, noise beyond all that was
learnt from is measured better than said, and streaks of metal need metal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import numpy as np

from engines.base import BoolArray, FloatArray, StackInfo
from engines.classical.noise import kernel_side, slice_noise
from engines.description import (
    MAX_AMOUNT,
    Amount,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
)
from engines.medq_uni.levels import middle
from engines.medq_uni.series import SliceWords, pixel_mm_of
from engines.medq_uni.spoken import Scene, Spoken, findings_of
from engines.severity import graded_finding

MOST_NOISE = 1.3
"""Noise in CT is said to be at most so many times what is measured."""
BEYOND_HU = 80.0
"""Noise in CT that is measured to be above this is beyond what the model learnt from: it then says
what is measured, where it would say less."""
LEAST_METAL_HU = 2000.0
"""Without a pixel this dense nothing is metal: bone, in sharp kernels and with noise, came to 1,900
HU in real scans of people without any. Of 160 made implants it hides 18 of 49 that spoil the image
mildly, 3 of 50 moderately, none severely."""
UNIT = "HU"


class Evidence:
    """What a slice (rows, columns) itself shows; measured when it is first asked for.

    ``values`` are in the unit of the stack, ``usable`` is False where they are none. ``sigma`` is
    the measured noise in HU, where that is known already.
    """

    def __init__(
        self, values: FloatArray, usable: BoolArray, info: StackInfo, sigma: float | None = None
    ) -> None:
        self._values, self._usable, self._info, self._sigma = values, usable, info, sigma
        self.judged = info.modality is Modality.CT and bool(usable.any())

    @cached_property
    def is_dense(self) -> bool:
        """Whether something is as dense as metal."""
        most = self._values.max(where=self._usable, initial=-np.inf)
        return float(most) >= LEAST_METAL_HU

    @property
    def most_noise(self) -> float | None:
        """The most noise that can be said of it, in HU; ``None`` where none is measured."""
        return None if self.measured_noise is None else MOST_NOISE * self.measured_noise

    @cached_property
    def measured_noise(self) -> float | None:
        """What is measured, in HU; ``None`` where nothing can be."""
        sigma = self._sigma
        if sigma is None:
            all_usable = self._usable.all()
            filled = self._values if all_usable else np.where(self._usable, self._values, 0)
            side = kernel_side(self._info.modality, *self._info.spacing_mm[1:])
            filled = filled.astype(np.float32, copy=False)
            with np.errstate(over="ignore", invalid="ignore"):  # of values that no scanner makes
                sigma = slice_noise(filled, self._usable, self._info.modality, side)[0].sigma
        return sigma

    def spoken_up(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """What the model says of the slice, with noise that it never met told as measured."""
        return tuple(self._spoken_up(one) if self.judged else one for one in findings)

    def put_right(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """What is said of the slice, put right where the image contradicts it."""
        return tuple(self._put_right(one) if self.judged else one for one in findings)

    def _put_right(self, said: Finding) -> Finding:
        if said.severity is Severity.NONE:
            return said
        if said.degradation is Degradation.METAL and not self.is_dense:
            return Finding(Degradation.METAL, Severity.NONE)
        if said.degradation is not Degradation.NOISE or said.unit not in (None, UNIT):
            return said
        info, pixel_mm = self._info, pixel_mm_of(self._info)
        told = said.amount
        if told is None:
            told = middle(
                info.modality, said.degradation, info.region, pixel_mm, UNIT, said.severity
            )
        most = self.most_noise
        if told is None or most is None or told <= most:
            return said
        capped = self._noise_of(most, said)
        # A person may have written a milder word than the number's: that stays.
        milder = min(capped.severity, said.severity, key=lambda one: one.rank)
        return replace(capped, severity=milder)

    def _spoken_up(self, said: Finding) -> Finding:
        if said.degradation is not Degradation.NOISE or said.unit not in (None, UNIT):
            return said
        found = self.measured_noise
        if found is None or found <= BEYOND_HU or (said.amount or 0.0) >= found:
            return said
        return self._noise_of(found, said)

    def _noise_of(self, sigma: float, said: Finding) -> Finding:
        """``said`` with another amount, in HU, and the severity of that."""
        return graded_finding(
            Degradation.NOISE,
            [Amount(min(sigma, MAX_AMOUNT), UNIT)],
            self._info.modality,
            self._info.region,
            place=said.place,
            pixel_mm=pixel_mm_of(self._info),
        )


def words_of(index: int, said: Spoken, evidence: Evidence, scene: Scene) -> SliceWords:
    """What is said of slice ``index``, put right.

    Its chances stay as they were: what is put right has the one that the model gave to it.
    """
    findings = evidence.put_right(evidence.spoken_up(findings_of(said, scene)))
    return SliceWords(index, {one.degradation: one for one in findings}, said.chances)


def obeyed(words: QualityDescription, evidence: Evidence) -> QualityDescription:
    """``words`` as a slice obeys them: without what is true of the series and not of it."""
    return replace(words, findings=evidence.put_right(words.findings))
