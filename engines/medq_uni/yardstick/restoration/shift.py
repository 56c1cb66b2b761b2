"""Do CT numbers stay right where noise is taken away? Looked at while contestants restore.

Tissue is chosen on the smoothed truth (``harm.anatomy``), never on the noisy image, where bright
noise would fall into the bright region and its removal look like a shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.description import Modality
from engines.medq_uni.truth import NOISE_OF
from engines.medq_uni.yardstick.harm import anatomy
from engines.medq_uni.yardstick.harm.tables import ISOLATED_PIXELS
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.contest import INPUT, Entry
from engines.medq_uni.yardstick.restoration.found import mean
from engines.medq_uni.yardstick.table import Cell, Table

SOFT = "soft tissue"
NAMES = tuple(name for name, *_ in anatomy.TISSUES)


@dataclass(frozen=True, slots=True)
class Shift:
    """What one contestant did to one low-dose image.

    ``bias`` is the mean of restored less truth by tissue in HU; ``isolated`` the largest change of
    one pixel against the median change around it, ``left`` the same of the error against the truth,
    both away from edges and in units of the image's noise in soft tissue.
    """

    bias: dict[str, float]
    isolated: float
    left: float


@dataclass(slots=True)
class Watch:
    """Holds what was seen of contestants: entry -> case -> shift."""

    seen: dict[str, dict[str, Shift]] = field(default_factory=dict)
    _ground: tuple[str, dict[str, BoolArray], BoolArray] | None = None

    def over(self, entry: Entry) -> Entry:
        """The same entry; what it makes of CT with noise alone is looked at as it passes."""

        def restore(case: Case) -> FloatArray | None:
            image = entry.restore(case)
            of = self.seen.setdefault(entry.name, {})
            if image is not None and is_low_dose(case) and case.name not in of:
                of[case.name] = self._shift(case, image)
            return image

        return replace(entry, restore=restore)

    def _shift(self, case: Case, image: FloatArray) -> Shift:
        if self._ground is None or self._ground[0] != case.name:
            truth, mm = case.pair.truth, case.pair.source.pixel_mm
            regions = anatomy.flat_regions(truth, mm)
            self._ground = (case.name, regions, anatomy.away_from_edges(truth, mm))
        _, regions, plain = self._ground
        error = image - case.pair.truth
        bias = {name: float(error[at].mean(dtype=np.float64)) for name, at in regions.items()}
        change = image - case.pair.image
        return Shift(bias, *(_isolated(one, plain) / case.pair.noise for one in (change, error)))


def is_low_dose(case: Case) -> bool:
    """CT that was given noise and nothing else."""
    kinds = {finding.degradation for finding in case.pair.findings}
    return case.pair.source.modality is Modality.CT and kinds == {NOISE_OF[Modality.CT]}


def _isolated(change: FloatArray, where: BoolArray) -> float:
    if not change.any():
        return 0.0
    around = ndimage.median_filter(change, ISOLATED_PIXELS)
    return float(np.abs(change - around)[where].max(initial=0))


def shift_table(watch: Watch, entries: Sequence[Entry]) -> Table | None:
    """Bias by tissue and the largest isolated change of each contestant; ``None`` without CT."""
    rows: list[tuple[Cell, ...]] = []
    for entry in entries:
        shifts = list(watch.seen.get(entry.name, {}).values())
        if not shifts:
            continue
        by_tissue = {name: [s.bias[name] for s in shifts if name in s.bias] for name in NAMES}
        soft = by_tissue[SOFT]
        rows.append(
            (
                entry.name,
                len(shifts),
                len(soft),
                mean(soft),
                max(soft, key=abs, default=None),
                *(mean(by_tissue[name]) for name in NAMES if name != SOFT),
                max(s.isolated for s in shifts) if entry.name != INPUT.name else None,
                max(s.left for s in shifts),
            )
        )
    if not rows:
        return None
    columns = (
        "contestant", "cases", "with soft tissue", f"{SOFT}, mean (HU)", f"{SOFT}, worst (HU)",
        *(f"{name}, mean (HU)" for name in NAMES if name != SOFT),
        "largest isolated change (sigma)", "largest isolated error (sigma)",
    )  # fmt: skip
    note = (
        "Images with noise alone, restored: the mean of restored less truth in flat parts of each "
        "tissue, chosen on the smoothed truth; worst is the image with the largest shift. Noise "
        "doesn't average out to zero, so that the input has a mean and a worst of its own: what "
        "counts is what a contestant adds to them. 1 HU is the most to be borne of the mean. "
        "Isolated is one pixel against the median around it, away from edges, the worst of all "
        "images, in units of the noise in soft tissue; along the densest ways through a body noise "
        "is larger. Change is against the input (taking away noise alone gives as much as the "
        "input's own error), error against the truth."
    )
    return Table(
        "low_dose_shift", "Restored low dose: did CT numbers shift?", columns, tuple(rows), note
    )
