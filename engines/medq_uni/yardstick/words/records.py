"""True words beside stated ones, and how sure a share over many of them is.

Everything is compared exactly, word by word of the closed grammar. Intervals are the bootstrap's,
over patients, as in ``bootstrap``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engines.description import (
    APPLICABLE,
    Action,
    Confidence,
    Degradation,
    QualityDescription,
    Severity,
    Verdict,
)
from engines.medq_uni.yardstick.bootstrap import COVERAGE, LEAST_PATIENTS, RESAMPLES, Interval
from engines.medq_uni.yardstick.table import Cell

Floats = NDArray[np.float64]
SURE = (
    "The 95 % columns say where the value would likely lie with other patients (bootstrap over "
    f"patients). A dash: fewer than {LEAST_PATIENTS} patients, or all alike, which tells no range. "
    "With few patients the true range is wider than shown."
)
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


SAYS_NOTHING = "says nothing"
"""Name of the reference that assesses nothing and calls all good."""


def says_nothing(records: Sequence[Record]) -> list[Record]:
    """The same records with nothing assessed, good, to be kept, with low confidence.

    What silence gets for free: scores near it are worth nothing.
    """
    return [
        replace(
            record,
            stated=QualityDescription(
                record.truth.modality,
                record.truth.region,
                (),
                tuple(APPLICABLE[record.truth.modality]),
                Verdict.GOOD,
                (Action.KEEP,),
                Confidence.LOW,
            ),
        )
        for record in records
    ]


def unchecked(record: Record) -> int:
    """How many degradations are named of which the truth doesn't know whether they are there."""
    return sum(
        f.severity is not Severity.NONE and true_severity(record.truth, f.degradation) is None
        for f in record.stated.findings
    )


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
        rng = np.random.default_rng(seed)
        even = np.full(len(names), 1 / len(names))
        drawn = rng.multinomial(len(names), even, size=RESAMPLES)
        self._weights = np.vstack([np.ones(len(names)), drawn])  # the first row: as it is
        self.count = len(records)

    def ratio(self, part: ArrayLike, whole: ArrayLike, counted: bool = True) -> Interval | None:
        """``sum(part) / sum(whole)``, both one number a record; ``None`` where whole is nothing.

        Part is at most whole. Where all are right, or none, every draw is alike: the interval is
        then the exact one for as many patients (Clopper and Pearson, Biometrika 1934;26:404) if
        whole is ``counted`` in rights and wrongs; scores and F1 aren't, and have none.
        """
        found = self.mean_ratio([part], [whole])
        patients = self._patients(whole)
        if found is None or patients < LEAST_PATIENTS:
            return found
        if counted and found.mean in (0.0, 1.0):
            least = float(((1 - COVERAGE) / 2) ** (1 / patients))
            return Interval(1.0, least, 1.0) if found.mean else Interval(0.0, 0.0, 1 - least)
        return found

    def mean_ratio(
        self, parts: Sequence[ArrayLike], wholes: Sequence[ArrayLike]
    ) -> Interval | None:
        """Plain mean of several ratios, as a macro average is; those of nothing are left out.

        An interval only where each of them has patients enough: one that stands on a single
        patient is as unsure as if there were no others.
        """
        ratios = [
            self._sums(part) / np.where(total > 0, total, np.nan)
            for part, total in zip(parts, map(self._sums, wholes), strict=True)
        ]
        used = [k for k, ratio in enumerate(ratios) if np.isfinite(ratio[0])]
        if not used:
            return None
        table = np.array([ratios[k] for k in used])
        enough = min(self._patients(wholes[k]) for k in used) >= LEAST_PATIENTS
        known = np.isfinite(table).sum(axis=0)
        return _interval(np.nansum(table, axis=0) / np.where(known > 0, known, np.nan), enough)

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
        enough = self._patients(np.isfinite(data)) >= LEAST_PATIENTS
        return _interval(np.where(reached[:, -1] > 0, found, np.nan), enough)

    def _sums(self, values: ArrayLike) -> Floats:
        total: Floats = self._weights @ self._by_patient(values)
        return total

    def _by_patient(self, values: ArrayLike) -> Floats:
        data = np.asarray(values, np.float64)
        return np.asarray(np.bincount(self._member, data, self._weights.shape[1]), np.float64)

    def _patients(self, values: ArrayLike) -> int:
        """Patients with any of ``values`` above zero."""
        return int(np.count_nonzero(self._by_patient(values)))


def _interval(draws: Floats, enough: bool) -> Interval:
    """The percentile interval of ``draws``, of which the first is the value itself.

    None where patients are too few, or all draws alike: that is no certainty.
    """
    mean, rest = float(draws[0]), draws[1:][np.isfinite(draws[1:])]
    if not enough or not rest.size:
        return Interval(mean, None, None)
    tail = 50 * (1 - COVERAGE)
    low, high = (float(v) for v in np.percentile(rest, [tail, 100 - tail]))
    alike = high - low <= 1e-9 * max(1.0, abs(mean))
    return Interval(mean, None, None) if alike else Interval(mean, low, high)


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
