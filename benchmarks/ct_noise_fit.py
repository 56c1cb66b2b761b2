"""Simulated CT noise fitted to real noise: kernel and level, then everything as it comes.

The object under the noise is what the same raw data give with a smooth kernel, smoothed further,
or, for a series alone, the series itself smoothed more. Noise is compared where soft tissue is
flat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from engines.base import BoolArray, FloatArray
from engines.classical.noise import kernel_side, local_statistics
from engines.description import Modality
from engines.medq_uni.degradations.ct.low_dose import Scan, noise_fields
from engines.medq_uni.degradations.kernels import Kernel
from engines.medq_uni.sources import Series, load_series
from engines.medq_uni.yardstick.physicist import nps

PAIRS = (
    ("ct_lungdx_A0001_kernel_L", "ct_lungdx_A0001_kernel_B"),
    ("ct_lungdx_A0002_B70f", "ct_lungdx_A0002_B40f"),
)
"""Groups with a sharp kernel and what the same raw data give with a smooth one."""
ALONE = "ct_tcga_lung_sharp_noisy"
BLUR_MM = (1.0, 2.5)
"""Sigmas of the Gaussians that make objects of a smooth twin, and of a noisy series itself."""
REGION_MM = 20.0
ENOUGH = 8
"""Series with fewer flat regions are left out; slices with fewer blocks keep the fitted level."""
LEAST_LP_CM = 0.8
"""Below, what is left of anatomy and the planes taken out say more than noise."""
BLOCK_MM = 8.0
MARGIN_MM = 5.0
"""The variance map keeps so far from fat, bone and air."""
SEED = 20


@dataclass(frozen=True, slots=True)
class Case:
    """A noisy series and the object under its noise; arrays are (slices, rows, columns) in HU.

    ``corners`` are those of flat regions of ``side`` pixels, per slice. ``twin`` is what the same
    raw data give with a smooth kernel.
    """

    name: str
    kernel: str
    slice_mm: float
    pixel_mm: float
    images: FloatArray
    objects: FloatArray
    corners: tuple[list[tuple[int, int]], ...]
    side: int
    twin: FloatArray | None = None

    @property
    def best(self) -> int:
        """The slice with the most flat regions."""
        return max(range(len(self.corners)), key=lambda k: len(self.corners[k]))


@dataclass(frozen=True, slots=True)
class Compared:
    """Real against simulated noise of one case.

    ``spectra`` and ``blocks`` (sigmas over the real slice's median) are of the real series, the
    simulated one and another of the same; ``maps`` are local sigmas in HU of the best slice, real
    and simulated, NaN where tissue isn't flat.
    """

    case: Case
    fitted: Kernel
    photons: float
    simulated: FloatArray
    spectra: tuple[nps.Spectrum, nps.Spectrum, nps.Spectrum]
    maps: tuple[FloatArray, FloatArray]
    blocks: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def cases(folder: Path) -> tuple[list[Case], list[str]]:
    """Every noisy series with its object, and the names of those without flat tissue."""
    by_group: dict[str, list[Series]] = {}
    for series in load_series(folder, Modality.CT):
        by_group.setdefault(series.group, []).append(series)
    found = []
    for sharp, smooth in PAIRS:
        if sharp in by_group and smooth in by_group:
            twin, name = by_group[smooth][0].values, sharp.split("_")[2]
            case = _case(by_group[sharp][0], twin, BLUR_MM[0], name)
            found.append(replace(case, twin=twin))
    for k, series in enumerate(by_group.get(ALONE, []), start=1):
        found.append(_case(series, series.values, BLUR_MM[1], f"sharp_noisy {k}"))
    usable = [case for case in found if sum(map(len, case.corners)) >= ENOUGH]
    return usable, [f"{case.name} ({case.kernel})" for case in found if case not in usable]


def _case(series: Series, under: FloatArray, blur_mm: float, name: str) -> Case:
    pixel = series.pixel_mm
    side = round(REGION_MM / pixel) // 2 * 2
    corners = tuple(
        nps.flat_corners(image, pixel, side, valid)
        for image, valid in zip(series.values, series.valid, strict=True)
    )
    return Case(
        name,
        str(series.acquisition.get("kernel", "?")),
        float(series.acquisition.get("slice_thickness_mm", 1.0)),
        pixel,
        series.values,
        np.stack([ndimage.gaussian_filter(image, blur_mm / pixel) for image in under]),
        corners,
        side,
    )


def spectrum_of(case: Case, images: FloatArray) -> nps.Spectrum:
    """The spectrum of ``images`` in the case's flat regions."""
    regions = [
        nps.regions_at(image, corners, case.side)
        for image, corners in zip(images, case.corners, strict=True)
        if corners
    ]
    return nps.spectrum(np.concatenate(regions), case.pixel_mm)


def fit(case: Case, real: nps.Spectrum, scan: Scan) -> tuple[Kernel, float]:
    """The kernel whose simulated radial spectrum is nearest, and the level it has, in power.

    Before the kernel the spectrum is the bare ramp's, simulated on pixels of half the size; what
    lies beyond the image's pixels is then folded back into them.
    """
    fine = ndimage.zoom(case.objects[case.best], 2, order=1)
    most = 5 / (case.pixel_mm / 2)
    cut = Kernel("cut", 0.85 * most, 12)  # or the bare ramp's end would fold into these pixels too
    bare = replace(scan, kernel=cut)
    fields = noise_fields(fine, case.pixel_mm / 2, bare, 4, np.random.default_rng(SEED))
    corners = [(2 * i, 2 * k) for i, k in case.corners[case.best]]
    regions = np.concatenate([nps.regions_at(f, corners, 2 * case.side) for f in fields])
    found = nps.spectrum(regions, case.pixel_mm / 2).radial()
    known = found.lp_cm < 0.85 * most
    before = nps.Radial(found.lp_cm[known], (found.power / cut.response(found.lp_cm) ** 2)[known])
    wanted = real.radial()
    used = wanted.lp_cm >= LEAST_LP_CM
    step = 10 / case.pixel_mm
    along = np.fft.fftfreq(case.side, case.pixel_mm) * 10
    aliases = [
        np.hypot(along[:, None] + i * step, along[None, :] + k * step)
        for i in (-1, 0, 1)
        for k in (-1, 0, 1)
    ]

    def radial(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        level, half, steepness, boost = parameters
        kernel = Kernel("fitted", half, steepness, boost)
        power = sum(
            np.interp(f, before.lp_cm, before.power, right=0.0) * kernel.response(f) ** 2
            for f in aliases
        )
        folded = nps.Spectrum(np.asarray(power) * np.exp(level), case.pixel_mm, 1)
        return folded.radial().power

    def miss(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        difference = np.sqrt(radial(parameters)) - np.sqrt(wanted.power)
        return np.asarray(difference[used] / np.sqrt(wanted.power[used].mean()))

    best = min(
        (
            optimize.least_squares(
                miss, (0.0, half, 2.5, 0.2), bounds=((-9, 1, 1, 0), (9, 20, 12, 3))
            )
            for half in (3.0, 5.0, 8.0)
        ),
        key=lambda found: float(found.cost),
    )
    level, half, steepness, boost = (float(v) for v in best.x)
    return Kernel("fitted", half, steepness, boost), float(np.exp(level))


def simulate(case: Case, scans: list[Scan], seed: int) -> FloatArray:
    """The case's objects with noise, each of its own scan."""
    rng = np.random.default_rng(seed)
    fields = [
        noise_fields(o, case.pixel_mm, scan, 1, rng)[0]
        for o, scan in zip(case.objects, scans, strict=True)
    ]
    return np.asarray(case.objects + np.stack(fields), np.float32)


def compare(case: Case, scan: Scan) -> Compared:
    """Fit one kernel and every slice's level, simulate by ``scan``, measure both alike."""
    real = spectrum_of(case, case.images)
    scan = replace(scan, slice_mm=case.slice_mm)
    kernel, level = fit(case, real, scan)
    scan = replace(scan, kernel=kernel)
    kept = [_flat(case, k) for k in range(len(case.images))]
    wanted = _block_sigmas(case, case.images, kept)
    photons = np.full(len(case.images), scan.photons / level)
    for _ in range(2):  # electronic noise and starvation don't scale with photons
        scans = [replace(scan, photons=float(n)) for n in np.clip(photons, 1e3, 1e8)]
        made = _block_sigmas(case, simulate(case, scans, SEED), kept)
        photons *= [
            float(np.median(b / a)) ** 2 if len(a) >= ENOUGH else 1.0
            for a, b in zip(wanted, made, strict=True)
        ]
    scans = [replace(scan, photons=float(n)) for n in np.clip(photons, 1e3, 1e8)]
    simulated, again = (simulate(case, scans, SEED + k) for k in (1, 2))
    three = (case.images, simulated, again)
    mask = kept[case.best]
    first, second = (
        np.where(mask, _local(case, images[case.best]), np.float32(np.nan)) for images in three[:2]
    )
    spectra = [spectrum_of(case, images) for images in three]
    levels = [float(np.median(sigmas)) if len(sigmas) else 1.0 for sigmas in wanted]
    blocks = [
        np.concatenate([s / n for s, n in zip(_block_sigmas(case, i, kept), levels, strict=True)])
        for i in three
    ]
    return Compared(
        case, kernel, float(np.median(photons)), simulated, (real, spectra[1], spectra[2]),
        (first, second), (blocks[0], blocks[1], blocks[2]),
    )  # fmt: skip


def _local(case: Case, image: FloatArray) -> FloatArray:
    side = kernel_side(Modality.CT, case.pixel_mm, case.pixel_mm)
    return local_statistics(image, np.ones(image.shape, np.bool_), side).deviation


def _block_sigmas(
    case: Case, images: FloatArray, kept: list[BoolArray]
) -> list[NDArray[np.float64]]:
    """Sigmas of all blocks of every slice in HU."""
    return [
        _blocks(_local(case, image), mask, case.pixel_mm)
        for image, mask in zip(images, kept, strict=True)
    ]


def _flat(case: Case, k: int) -> BoolArray:
    """Soft tissue well away from everything else and with no structure that shows."""
    smooth = ndimage.gaussian_filter(case.images[k], 1.5 / case.pixel_mm)
    tissue = (case.objects[k] > 0) & (case.objects[k] < 150)
    inner = ndimage.minimum_filter(tissue, 2 * round(MARGIN_MM / case.pixel_mm) + 1)
    return np.asarray(
        inner & (_local(case, smooth) < 0.25 * _local(case, case.images[k])), np.bool_
    )


def _blocks(sigma: FloatArray, kept: BoolArray, pixel_mm: float) -> NDArray[np.float64]:
    """Root mean variance of every block that is mostly flat tissue."""
    side = max(round(BLOCK_MM / pixel_mm), 1)
    rows, columns = (n // side for n in sigma.shape)
    cut = np.s_[: rows * side, : columns * side]
    split = (rows, side, columns, side)
    count = kept[cut].reshape(split).sum(axis=(1, 3))
    total = np.where(kept, sigma**2, 0)[cut].reshape(split).sum(axis=(1, 3))
    enough = count > side * side / 2
    return np.asarray(np.sqrt(total[enough] / count[enough]), np.float64)
