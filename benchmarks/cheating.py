"""What honest filters and cheating engines make of a slice, for ``benchmarks/cheats.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from engines.base import Slab
from engines.classical.engine import ClassicalEngine
from engines.classical.measure import noise_degradation
from engines.quality import Finding, Severity
from medq_node.pixels.series import SeriesStack

Image = NDArray[np.float32]
Change = Callable[["Case", int], NDArray[np.floating]]
"""(case, 0-based slice) -> restored values in the unit of the series."""


@dataclass(frozen=True)
class Case:
    """A few slices of a series, and the noise level of each in its unit."""

    name: str
    source: SeriesStack
    noise: tuple[float, ...]

    @property
    def ct(self) -> bool:
        """Whether values are HU."""
        return self.source.info.unit == "HU"

    def peak(self, i: int) -> float:
        """The bright end of slice ``i``."""
        return float(np.percentile(self.source.values(i), 99.5))

    def filled(self, i: int) -> Image:
        """Slice ``i`` with air for padding, so that filters don't smear padding into tissue."""
        air = np.float32(-1000 if self.ct else 0)
        return np.where(self.source.padding(i), air, self.source.values(i))

    def spot(self, i: int) -> tuple[int, int]:
        """Where tissue of slice ``i`` is flattest, (row, column)."""
        values, mm = self.filled(i), self.source.info.spacing_mm[1]
        smooth = ndimage.gaussian_filter(values, 3 / mm)
        rough = ndimage.gaussian_filter(values * values, 5 / mm)
        rough -= ndimage.gaussian_filter(values, 5 / mm) ** 2
        tissue = (smooth > -50) & (smooth < 150) if self.ct else smooth > 0.3 * self.peak(i)
        edge = min(10, min(tissue.shape) // 4)
        tissue[:edge] = tissue[-edge:] = tissue[:, :edge] = tissue[:, -edge:] = False
        y, x = np.unravel_index(int(np.where(tissue, rough, np.inf).argmin()), values.shape)
        return int(y), int(x)

    def bump(
        self, i: int, diameter_mm: float, hu: float, share: float, soft: bool = False
    ) -> Image:
        """A disc at the flattest spot: ``hu`` high in CT, else ``share`` of the local signal."""
        y, x = self.spot(i)
        rows, columns = np.indices(self.source.values(i).shape)
        mm = self.source.instances[i].pixel_spacing_mm
        distance = np.hypot((rows - y) * mm[0], (columns - x) * mm[1])
        radius = diameter_mm / 2
        shape = 1 / (1 + np.exp((distance - radius) / 2)) if soft else distance <= radius
        local = float(self.filled(i)[distance <= max(radius, 1.5 * mm[0])].mean())
        return (shape * (hu if self.ct else share * local)).astype(np.float32)


def total_variation(weight: float) -> Change:
    """Chambolle's; ``weight`` in noise levels."""

    def change(case: Case, i: int) -> NDArray[np.floating]:
        strength = weight * case.noise[i]
        return np.asarray(denoise_tv_chambolle(case.filled(i), weight=strength, max_num_iter=100))

    return change


def wavelet(hard: float | None) -> Change:
    """Starlet (undecimated B3 spline) shrinkage over three scales.

    Soft at one noise level, or hard: details below ``hard`` noise levels go, the others stay.
    """

    def change(case: Case, i: int) -> NDArray[np.floating]:
        kernel = np.array([1, 4, 6, 4, 1], np.float32) / 16
        rest = case.filled(i)
        result = np.zeros_like(rest)
        for scale, share in enumerate((0.89, 0.20, 0.086)):  # of white noise's sigma
            spread = np.zeros(4 * 2**scale + 1, np.float32)
            spread[:: 2**scale] = kernel
            smooth = ndimage.convolve1d(ndimage.convolve1d(rest, spread, 0), spread, 1)
            detail, sigma = rest - smooth, np.float32(share * case.noise[i])
            if hard is None:
                result += np.sign(detail) * np.maximum(np.abs(detail) - sigma, 0)
            else:
                result += np.where(np.abs(detail) > hard * sigma, detail, 0)
            rest = smooth
        return result + rest

    return change


def non_local_means(case: Case, i: int) -> NDArray[np.floating]:
    """scikit-image's, at 0.8 noise levels."""
    sigma = case.noise[i]
    return np.asarray(
        denoise_nl_means(case.filled(i), patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma)
    )


def classical(severity: Severity | None) -> Change:
    """The classical engine by its own words, or as if it had found ``severity``."""

    def change(case: Case, i: int) -> NDArray[np.floating]:
        engine = ClassicalEngine()
        words = engine.assess(case.source)
        if severity is not None:
            kind = noise_degradation(case.source.info.modality)
            others = tuple(f for f in words.findings if f.degradation is not kind)
            found = words.finding(kind)
            finding = Finding(kind, severity, found and found.amount, found and found.unit)
            words = replace(
                words,
                findings=(*others, finding),
                not_assessed=tuple(d for d in words.not_assessed if d is not kind),
            )
        slab: Slab = case.source.slab(i, i + 1)
        return engine.restore(slab, case.source.info, words)[0]

    return change


def gaussian(pixels: float) -> Change:
    """Everything blurred."""
    return lambda case, i: ndimage.gaussian_filter(case.filled(i), pixels)


def sharpened(case: Case, i: int) -> NDArray[np.floating]:
    """Unsharp mask of 1 pixel, by 80 %."""
    values = case.filled(i)
    return values + np.float32(0.8) * (values - ndimage.gaussian_filter(values, 1))


def moved(rows: float, columns: float) -> Change:
    """Everything shifted by so many pixels."""
    return lambda case, i: ndimage.shift(case.filled(i), (rows, columns), order=3, mode="nearest")


def neighbour(case: Case, i: int) -> NDArray[np.floating]:
    """Slices shifted by one."""
    return case.source.values((i + 1) % len(case.source.instances))


def one_swapped(case: Case, i: int) -> NDArray[np.floating]:
    """The first slice comes back as the last."""
    return case.source.values(-1 % len(case.source.instances) if i == 0 else i)


def clipped(case: Case, i: int) -> NDArray[np.floating]:
    """Extremes cut off: beyond -200 and 300 HU, or above 70 % of the bright end."""
    values = case.source.values(i)
    return values.clip(-200, 300) if case.ct else values.clip(None, 0.7 * case.peak(i))


def constant(case: Case, i: int) -> NDArray[np.floating]:
    """The mean everywhere."""
    return np.full_like(case.source.values(i), case.source.values(i).mean())


def first_only(change: Change) -> Change:
    """The change in the first slice alone: the rest of the series doesn't give it away."""
    return lambda case, i: change(case, i) if i == 0 else case.source.values(i)


LESION = 8.0, 60.0, 0.3
LARGE = 16.0, 60.0, 0.5
"""Diameter in mm, HU, share of the local signal in MR and PET."""
SERIES_ONLY = ("slices shifted by one", "one slice of another position")

HONEST: dict[str, Change] = {
    "identity": lambda case, i: case.source.values(i),
    "total variation, 0.5 noise levels": total_variation(0.5),
    "total variation, 1 noise level": total_variation(1.0),
    "classical engine, own words": classical(None),
    "classical engine, told severe": classical(Severity.SEVERE),
}
BIASED: dict[str, Change] = {
    "wavelet shrinkage, hard, 2 noise levels": wavelet(2.0),
    "wavelet shrinkage, soft": wavelet(None),
    "non-local means": non_local_means,
}
"""They remove noise, and move means in some images: either answer may be right."""
CHEATS: dict[str, Change] = {
    "Gaussian blur, 1 pixel": gaussian(1),
    "Gaussian blur, 2 pixels": gaussian(2),
    "sharpened": sharpened,
    "values + 10 HU, or x 1.05": lambda c, i: (
        c.source.values(i) * (1 if c.ct else 1.05) + 10 * c.ct
    ),
    "values x 1.02": lambda c, i: c.source.values(i) * np.float32(1.02),
    "shifted by half a pixel": moved(0.5, 0),
    "shifted by one pixel": moved(0, 1),
    "mirrored": lambda c, i: c.source.values(i)[:, ::-1],
    "slices shifted by one": neighbour,
    "one slice of another position": one_swapped,
    "lesion painted, 8 mm": first_only(lambda c, i: c.source.values(i) + c.bump(i, *LESION)),
    "lesion painted, 16 mm": first_only(lambda c, i: c.source.values(i) + c.bump(i, *LARGE)),
    "lesion erased, 8 mm": first_only(lambda c, i: c.source.values(i)),  # see ``erasing``
    "contrast of one organ, 40 mm": first_only(
        lambda c, i: c.source.values(i) + c.bump(i, 40, 20, 0.1, soft=True)
    ),
    "extremes clipped": clipped,
    "constant image": constant,
    "zeros": lambda c, i: np.zeros_like(c.source.values(i)),
}
