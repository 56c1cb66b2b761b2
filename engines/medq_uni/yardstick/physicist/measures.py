"""What a physicist measures on a restored series of the phantom: numbers for tables and curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.medq_uni.yardstick.contestant import UNTREATED, Contestant
from engines.medq_uni.yardstick.physicist import nps, observer, through_plane
from engines.medq_uni.yardstick.physicist.acquire import (
    FULL,
    MEASURED_WITHIN_MM,
    QUICK,
    STEPS,
    Acquisition,
    acquire,
    restored,
    within_mm,
)
from engines.medq_uni.yardstick.physicist.mtf import Sharpness, sharpness
from engines.medq_uni.yardstick.physicist.nps import Radial
from engines.medq_uni.yardstick.physicist.observer import Detectability
from engines.phantoms.image_quality import (
    EDGES_HU,
    INSERTS_HU,
    OBSERVER_MM,
    SITE_MM,
    Disc,
    Section,
)

HIGH_EDGES = ("bone", "air")
LOW_EDGES = tuple(f"{hu:g} HU" for hu in EDGES_HU)
SIZES = tuple(f"{mm:g} mm" for mm in OBSERVER_MM)
NPS_MM = 64.0
"""Side of the regions of the noise power spectrum: wide enough for grain as coarse as 4 mm (sigma),
and several of them lie within ``MEASURED_WITHIN_MM``."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Measures:
    """One contestant on one series.

    ``noise`` in HU; ``nps`` by frequency; ``bias`` in HU by material, the body as ``background``;
    ``contrast`` as the share kept of the large discs' contrast; ``edges`` and ``seen`` by the
    name of a disc, ``None`` where not measurable; ``through`` the width in slices of edges through
    the plane by disc; ``pattern`` in HU what all uniform slices have in common and the truth not.
    """

    dose: float
    kernel: str
    method: str
    noise: float
    nps: Radial
    bias: dict[str, float]
    contrast: dict[str, float]
    edges: dict[str, Sharpness | None]
    seen: dict[str, Detectability | None]
    through: dict[str, float | None]
    pattern: float


def physicist_measures(
    contestants: Sequence[Contestant], quick: bool = False, progress: Progress | None = None
) -> list[Measures]:
    """Every contestant on every series, in the order of doses, kernels and contestants.

    What nobody touched comes first under every condition, whether it was asked for or not.
    ``progress(done, total)`` counts series restored.

    Raises:
        ValueError: two contestants of one name, or a contestant's result can't be used.
    """
    methods = [UNTREATED, *(c for c in contestants if c is not UNTREATED)]
    if len({c.name for c in methods}) < len(methods):
        raise ValueError("contestants: every one needs a name of its own")
    protocol = QUICK if quick else FULL
    conditions = [(dose, kernel) for dose in protocol.doses for kernel in protocol.kernels]
    found = []
    for dose, kernel in conditions:
        series = acquire(protocol, dose, kernel)
        for contestant in methods:
            found.append(measures(series, restored(series, contestant), contestant.name))
            if progress is not None:
                progress(len(found), len(conditions) * len(methods))
    return found


def measures(series: Acquisition, values: FloatArray, method: str) -> Measures:
    """All that is measured on ``values``, which ``method`` made of the series' stack."""
    section = series.sections["uniform"]
    uniform, inserts = series.of(values, "uniform"), series.of(values, "inserts")
    inside = within_mm(len(section.image), section.pixel_mm, MEASURED_WITHIN_MM)
    noise = float(np.sqrt(uniform[:, inside].var(axis=0, dtype=np.float64, ddof=1).mean()))
    side = round(NPS_MM / section.pixel_mm) // 2 * 2
    spectrum = nps.from_repeats(uniform, section.pixel_mm, side, where=inside)
    # The same noise with and without discs: what is left is what became of the discs.
    faint = series.of(values, "observer") - uniform
    faint_section, insert_section = series.sections["observer"], series.sections["inserts"]
    bias = {
        name: through_plane.core_mean(inserts, insert_section, insert_section.named(name)[0]) - hu
        for name, hu in INSERTS_HU.items()
    }
    bias["background"] = float(uniform[:, inside].mean(dtype=np.float64)) - section.background_hu
    contrast = {}
    for name in LOW_EDGES:
        disc = faint_section.named(name)[0]
        contrast[name] = through_plane.core_mean(faint, faint_section, disc) / (
            disc.hu - section.background_hu
        )
    edges = {
        name: sharpness(inserts, section.pixel_mm, insert_section.named(name))
        for name in HIGH_EDGES
    }
    edges |= {
        name: sharpness(faint, section.pixel_mm, faint_section.named(name)) for name in LOW_EDGES
    }
    seen = {
        name: _seen(series.of(values, "observer"), uniform, faint_section, name) for name in SIZES
    }
    steps = through_plane.edges(
        series.of(values, STEPS) - uniform, series.sections[STEPS], (HIGH_EDGES[0], *LOW_EDGES)
    )
    pattern = fixed_pattern((uniform - series.sharp["uniform"])[:, inside])
    return Measures(
        series.dose, series.kernel.name, method, noise, spectrum.radial(),
        bias, contrast, edges, seen, steps, pattern,
    )  # fmt: skip


def fixed_pattern(errors: FloatArray) -> float:
    """Standard deviation in HU of what ``errors`` (repeats, pixels) have in common, less its mean.

    The covariance of two means, of the first slices and of the last, holds no noise, since noise
    differs from slice to slice; a quarter between them is left out, in case neighbours were mixed.
    0 where chance is more, or for fewer than two repeats.
    """
    if len(errors) < 2:
        return 0.0
    part = max(1, 3 * len(errors) // 8)
    first, second = (e.mean(axis=0, dtype=np.float64) for e in (errors[:part], errors[-part:]))
    shared = float(((first - first.mean()) * (second - second.mean())).mean())
    return float(np.sqrt(max(shared, 0.0)))


def _seen(
    present: FloatArray, absent: FloatArray, section: Section, name: str
) -> Detectability | None:
    """D' of the discs called ``name``; ``None`` where an engine left no noise to measure in."""
    side = int(SITE_MM / section.pixel_mm) // 2 * 2
    templates = observer.channels(side, section.pixel_mm)
    outputs = []
    for images in (present, absent):
        sites = [_region(images, section, disc, side) for disc in section.named(name)]
        outputs.append(
            observer.through_channels(np.stack(sites, axis=1), section.pixel_mm, templates)
        )
    if not outputs[1].std(axis=0).max() > 0:
        return None
    return observer.detectability(outputs[0], outputs[1])


def _region(images: FloatArray, section: Section, disc: Disc, side: int) -> FloatArray:
    """The square (realisations, side, side) about a disc that lies in the middle of a pixel."""
    middle = len(section.image) // 2
    top = middle + round(disc.y_mm / section.pixel_mm) - side // 2
    left = middle + round(disc.x_mm / section.pixel_mm) - side // 2
    return images[:, top : top + side, left : left + side]
