"""True words beside stated ones, and how sure a share over many of them is.

Everything is compared exactly, word by word of the closed grammar. Intervals are the bootstrap's,
over patients, as in ``bootstrap``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engines.description import Degradation, QualityDescription, Severity
from engines.medq_uni.yardstick.bootstrap import COVERAGE, LEAST_PATIENTS, RESAMPLES, Interval
from engines.medq_uni.yardstick.table import Cell

Floats = NDArray[np.float64]
SURE = "The 95 % columns are intervals, bootstrapped over patients; a dash where these are too few."
"""What every note says of the intervals."""


@dataclass(frozen=True, slots=True)
class Record:
    """One image: the task it belongs to, the true words on it, and what an engine stated.

    ``patient`` is who is drawn together in intervals; where it is empty the record stands alone.

    Raises:
        ValueError: the two descriptions are of different modalities.
    """

    task: str
    truth: QualityDescription
    stated: QualityDescription
    patient: str = ""

    def __post_init__(self) -> None:
        if self.truth.modality is not self.stated.modality:
            raise ValueError(
                f"stated must be of the truth's modality {self.truth.modality.value}, not of"
                f" {self.stated.modality.value}"
            )


def true_severity(truth: QualityDescription, degradation: Degradation) -> Severity | None:
    """What is true of ``degradation``; ``None`` where the truth itself doesn't know.

    A truth knows all that it doesn't list as not assessed: what it has no finding on isn't there.
    """
    finding = truth.finding(degradation)
    if finding is not None:
        return finding.severity
    return None if degradation in truth.not_assessed else Severity.NONE


def stated_severity(stated: QualityDescription, degradation: Degradation) -> Severity | None:
    """What is said of ``degradation``; ``None`` where nothing is: unknown is never "none"."""
    finding = stated.finding(degradation)
    return None if finding is None else finding.severity


class Shares:
    """Shares over records with their bootstrap intervals, whole patients drawn with replacement.

    Sums over records decide every share, and a draw is a weight for each patient: so one draw
    serves for all that is computed from the same records.

    Raises:
        ValueError: no records.
    """

    def __init__(self, records: Sequence[Record], seed: int = 0) -> None:
        if not records:
            raise ValueError("records must hold at least one")
        keys = [f"p {r.patient}" if r.patient else f"r {k}" for k, r in enumerate(records)]
        names, self._member = np.unique(np.asarray(keys), return_inverse=True)
        self._enough = len(names) >= LEAST_PATIENTS
        rng = np.random.default_rng(seed)
        even = np.full(len(names), 1 / len(names))
        drawn = rng.multinomial(len(names), even, size=RESAMPLES)
        self._weights = np.vstack([np.ones(len(names)), drawn])  # the first row: as it is
        self.count = len(records)

    def ratio(self, part: ArrayLike, whole: ArrayLike) -> Interval | None:
        """``sum(part) / sum(whole)``, both one number a record; ``None`` where whole is nothing.

        Part is at most whole. Where all are right, or none, every draw is alike; the interval is
        then the exact one for as many patients (Clopper and Pearson, Biometrika 1934;26:404).
        """
        found = self.mean_ratio([part], [whole])
        patients = int(np.count_nonzero(self._by_patient(whole)))
        if found is None or patients < LEAST_PATIENTS:
            return None if found is None else Interval(found.mean, None, None)
        if found.mean in (0.0, 1.0):
            least = float(((1 - COVERAGE) / 2) ** (1 / patients))
            return Interval(1.0, least, 1.0) if found.mean else Interval(0.0, 0.0, 1 - least)
        return found

    def mean_ratio(
        self, parts: Sequence[ArrayLike], wholes: Sequence[ArrayLike]
    ) -> Interval | None:
        """Plain mean of several ratios, as a macro average is; those of nothing are left out."""
        ratios = [
            self._sums(part) / np.where(total > 0, total, np.nan)
            for part, total in zip(parts, map(self._sums, wholes), strict=True)
        ]
        table = np.array([ratio for ratio in ratios if np.isfinite(ratio[0])])
        if not table.size:
            return None
        known = np.isfinite(table).sum(axis=0)
        return self._interval(np.nansum(table, axis=0) / np.where(known > 0, known, np.nan))

    def median(self, values: ArrayLike) -> Interval | None:
        """Median of ``values``, one a record, NaN where it has none; ``None`` where none has."""
        data = np.asarray(values, np.float64)
        order = np.argsort(data)[: int(np.isfinite(data).sum())]
        if not order.size:
            return None
        reached = np.cumsum(self._weights[:, self._member[order]], axis=1)
        half = reached[:, -1:] / 2
        # The mean of the last value below the half and the first above, where it falls between.
        low = np.argmax(reached >= half - 1e-9, axis=1)
        high = np.argmax(reached > half + 1e-9, axis=1)
        found = (data[order][low] + data[order][np.maximum(high, low)]) / 2
        return self._interval(np.where(reached[:, -1] > 0, found, np.nan))

    def _sums(self, values: ArrayLike) -> Floats:
        total: Floats = self._weights @ self._by_patient(values)
        return total

    def _by_patient(self, values: ArrayLike) -> Floats:
        data = np.asarray(values, np.float64)
        return np.asarray(np.bincount(self._member, data, self._weights.shape[1]), np.float64)

    def _interval(self, draws: Floats) -> Interval:
        mean, rest = float(draws[0]), draws[1:][np.isfinite(draws[1:])]
        if not self._enough or not rest.size:
            return Interval(mean, None, None)
        tail = 50 * (1 - COVERAGE)
        low, high = np.percentile(rest, [tail, 100 - tail])
        return Interval(mean, float(low), float(high))


def cells(found: Interval | None, scale: float = 100.0, digits: int = 0) -> tuple[Cell, Cell]:
    """A share as two cells: in per cent (or times ``scale``), and its interval as "from to"."""
    if found is None:
        return None, None
    if found.low is None or found.high is None:
        return scale * found.mean, None
    return (
        scale * found.mean,
        f"{scale * found.low:.{digits}f} to {scale * found.high:.{digits}f}",
    )
