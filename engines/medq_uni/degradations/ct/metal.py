"""CT metal: an implant in the image, and the streaks it leaves there.

Truth is the source with the metal in it and without the streaks. Both are limited to what scanners
store. See ``metal_scan`` for the physics and ``metal_shapes`` for the implants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from engines.base import FloatArray
from engines.description import Amount, Degradation, Finding, Modality, Severity
from engines.medq_uni.degradations.checks import NoPlaceError, hu_image, image, within
from engines.medq_uni.degradations.ct import metal_shapes
from engines.medq_uni.degradations.ct.materials import metal_named
from engines.medq_uni.degradations.ct.metal_scan import MetalScan, scan_metal
from engines.medq_uni.degradations.ct.metal_sites import Anatomy, anatomy
from engines.medq_uni.degradations.ct.metal_streaks import measure
from engines.medq_uni.degradations.ct.scan import Scan
from engines.medq_uni.degradations.ct.tissue import outside
from engines.medq_uni.degradations.kernels import Kernel
from engines.medq_uni.pair import Pair, Source
from engines.severity import cut_offs, severity_of

LOWEST_HU, HIGHEST_HU = -1024.0, 3071.0
"""What a scanner stores in 12 bits."""
DEFAULT_SCAN = MetalScan()


@dataclass(frozen=True, slots=True)
class Metal:
    """An implant of ``kind`` (a word of ``metal_shapes.KINDS``), scanned as ``scan`` says.

    ``material`` is one of ``materials.METALS``, ``None`` for what the kind is usually made of;
    ``size`` scales the implant's thickness; ``highest_hu`` is the highest value stored: 3071, or
    up to 30,710 for scanners with an extended scale. A source that holds more keeps it.

    Raises:
        ValueError: kind or material unknown, size not within 0.2 to 2, highest HU not within 1000
            to 30,710.
    """

    kind: str
    material: str | None = None
    size: float = 1.0
    scan: MetalScan = DEFAULT_SCAN
    highest_hu: float = HIGHEST_HU

    def __post_init__(self) -> None:
        kind = metal_shapes.kind_named(self.kind)
        metal_named(self.material or kind.materials[0])
        within("size", self.size, 0.2, 2)
        within("highest_hu", self.highest_hu, 1000, 30_710)

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        """``pair`` with the implant in image and truth, and its streaks in the image.

        Raises:
            NoPlaceError: the implant doesn't belong into this image.
            ValueError: not a CT in HU, or one that had noise added before.
        """
        source, pixel_mm = pair.source, _pixel_mm(pair)
        truth = hu_image("truth", pair.truth)
        return self.insert(pair, self.drawn(source, anatomy(truth, pixel_mm), rng), rng)

    def drawn(self, source: Source, found: Anatomy, rng: np.random.Generator) -> FloatArray:
        """The implant where it belongs in ``source``, of which ``found`` is known: the part of
        every pixel (rows, columns) that is metal, 0 to 1.

        Raises:
            NoPlaceError: it doesn't belong into this image.
        """
        rods = metal_shapes.place(self.kind, found, source.region, self.size, rng)
        return metal_shapes.draw(rods, source.values.shape, source.pixel_mm)

    def insert(self, pair: Pair, fraction: ArrayLike, rng: np.random.Generator) -> Pair:
        """``pair`` with metal of any shape: ``fraction`` (rows, columns) is 0 to 1.

        Raises:
            ValueError: not a CT in HU, ``fraction`` not of the image's shape or not 0 to 1, or the
                pair had noise added, which would be taken for streaks.
        """
        source, pixel_mm = pair.source, _pixel_mm(pair)
        if pair.noise > source.known_noise:
            raise ValueError(
                "noise was added to this pair before metal: put metal in first, then noise"
            )
        part = image("fraction", fraction, 0, 1)
        before = hu_image("image", pair.image)
        if part.shape != before.shape:
            raise ValueError(f"fraction must be of the image's shape {before.shape}")
        row = cut_offs(Modality.CT, Degradation.METAL, source.region)
        if row is None:
            raise ValueError("severity has no row for metal in CT")
        name = self.material or metal_shapes.kind_named(self.kind).materials[0]
        truth = hu_image("truth", pair.truth)
        low = min(LOWEST_HU, float(before.min()), float(truth.min()))
        high = max(self.highest_hu, float(before.max()), float(truth.max()))
        if part.any():
            slice_mm = within("slice_mm", source.slice_mm, 0.1, 50)
            scan = replace(self.scan, counting=replace(self.scan.counting, slice_mm=slice_mm))
            found = scan_metal(before, part, metal_named(name), scan, pixel_mm, rng)
            # Where nothing is measured neither metal nor its streaks are seen.
            seen = ~outside(before, pixel_mm)
            metal, error = found.metal * seen, found.error * seen
            after = np.clip(before + metal + error, low, high)
            truth = np.clip(truth + metal, low, high)
        else:
            after = before
        streaks = measure(after, truth, part, pixel_mm, row.mild)
        severity = severity_of(streaks.hu, row)
        finding = Finding(
            Degradation.METAL,
            severity,
            streaks.hu,
            "HU",
            more=(Amount(streaks.percent, "% of pixels"),),
            place=None if severity is Severity.NONE else streaks.place,
        )
        return replace(pair, image=after, truth=truth).with_finding(
            finding,
            metal_kind=self.kind,
            metal_material=name,
            metal_size=self.size,
            metal_kvp=self.scan.kvp,
            metal_scatter=self.scan.scatter,
            metal_share=self.scan.share,
            metal_dose=self.scan.counting.dose,
            metal_kernel=self.scan.counting.kernel.name,
        )


def _pixel_mm(pair: Pair) -> float:
    """The pair's pixel size.

    Raises:
        ValueError: it isn't within 0.05 to 5 mm, or the source isn't a CT in HU.
    """
    source = pair.source
    if source.modality is not Modality.CT or source.unit != "HU":
        raise ValueError(f"source must be a CT in HU, not {source.modality} in {source.unit}")
    return within("pixel_mm", source.pixel_mm, 0.05, 5)


def kinds_for(source: Source) -> tuple[str, ...]:
    """Kinds of implants that find a place in ``source``: bones, region and jaw decide.

    Raises:
        ValueError: not a CT in HU.
    """
    pixel_mm = _pixel_mm(Pair.clean(source))
    fitting: list[str] = []
    try:
        found = anatomy(hu_image("values", source.values), pixel_mm)
    except NoPlaceError:
        return ()
    for kind in metal_shapes.KINDS:
        try:
            metal_shapes.place(kind, found, source.region, 1.0, np.random.default_rng(0))
        except NoPlaceError:
            continue
        fitting.append(kind)
    return tuple(fitting)


def random_metal(
    kinds: Sequence[str], rng: np.random.Generator, kernel: Kernel, dose: float = 1.0
) -> Metal:
    """One of ``kinds`` as training wants it: usual to slight in size, any scanner's, at ``dose``.

    Every second implant fills only part of the slice; with size and tube voltage this carries the
    streaks from none to severe.

    Raises:
        ValueError: no kinds.
    """
    if not kinds:
        raise ValueError("kinds must name at least one: no implant fits this image")
    kind = kinds[int(rng.integers(len(kinds)))]
    usual = metal_shapes.kind_named(kind).materials
    material = usual[int(rng.integers(len(usual)))]
    scan = MetalScan(
        kvp=float(rng.choice([100.0, 120.0, 120.0, 140.0])),
        scatter=float(np.exp(rng.uniform(np.log(0.001), np.log(0.02)))),
        share=float(np.exp(rng.uniform(np.log(0.05), 0))) if rng.random() < 0.5 else 1.0,
        counting=Scan(kernel=kernel, dose=dose),
    )
    return Metal(kind, material, float(rng.uniform(0.4, 1.3)), scan)
