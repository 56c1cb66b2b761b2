"""What metal does to a scan: the error it leaves in the image, from physics.

Rays through metal lose so many of their soft photons that the water correction undershoots (beam
hardening), count so few that the logarithm is noise (photon starvation), see mostly scatter, and
average light over parts with and without metal before the logarithm (partial volume). Each of
these is worked out on the rays that metal shadows; all others stay as they were, so that the image
keeps its own sharpness, noise and errors.

After De Man et al., IEEE Trans Nucl Sci 1999;46:691 (the causes), Joseph and Spital, J Comput
Assist Tomogr 1978;2:100 (bone and water), Ohnesorge et al., Eur Radiol 1999;9:563 (scatter).
Not modelled: fan and helix, what the bow-tie filter does to the spectrum, scatter that the metal
itself takes away, iodine (taken as thin bone).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.medq_uni.degradations.checks import within
from engines.medq_uni.degradations.ct.counts import LEAST, MANY
from engines.medq_uni.degradations.ct.materials import BONE, WATER, Material
from engines.medq_uni.degradations.ct.scan import ELEMENT_MM, TURN_VIEWS, Scan
from engines.medq_uni.degradations.ct.spectrum import Spectrum, tube_spectrum
from engines.medq_uni.degradations.projection import ParallelBeam

BONE_FROM_HU = 100.0
"""Soft tissue below; above, the share of bone grows evenly up to cortical bone."""
SCATTER_REACH_MM = 50.0
"""Standard deviation of what scatter is spread by on the detector, at the centre of rotation."""
VIEWS = TURN_VIEWS // 2
"""Views of half a turn, as many as the scanner's whatever the pixels: where hardly a photon arrives
the mean of logarithms isn't the logarithm of a mean."""
FEWEST_VIEWS = 100
"""Between fewer views, streaks are seen up to 60 mm from the metal that no scanner makes."""
COARSE_MM = 1.2
"""The body around the metal is seen in less detail, and in every other view."""
APERTURE_MM = 0.33
"""Standard deviation of focal spot and detector element together, at the centre of rotation: light
is averaged before the logarithm."""
LEAST_PASSED, LEAST_SEEN = 1e-12, 1e-20
"""Least share of the light that passes metal and body: the logarithm needs one."""
DENSEST = 4.0
"""Most that metal displaces, in g/cm3: what lies there may be metal itself."""
ADAPTED_COUNTS, ADAPTED_MM = 100.0, 3.0
"""Signals below so many photons per reading of an element and 1 mm of slice are averaged over so
much of the detector, as all scanners do (Hsieh, Med Phys 1998;25:2139)."""
LEAST_SHARE = 0.05
"""Least part of a slice's thickness that metal fills."""
_COUNTING = Scan()
_WATER_MM = np.arange(0, 1400, 2.0)


@dataclass(frozen=True, slots=True)
class MetalScan:
    """How the metal is scanned.

    ``scatter`` is the strength of what the scanner's scatter correction leaves over: 0.005 leaves
    about a fifth of what arrives in the darkest rays of a pelvis. ``share`` is the part of the
    slice's thickness that the metal fills. ``counting`` says how photons are counted: its dose,
    kernel, photons, electronic noise, current and how many photons the bow-tie takes; rays are
    parallel here. ``views`` are those of half a turn, an even number; fewer are quicker and count
    as many photons.

    Raises:
        ValueError: kVp not within 80 to 140, scatter not within 0 to 0.1, share not within 0.05
            to 1, views not even or not within 100 to 4096.
    """

    kvp: float = 120.0
    scatter: float = 0.005
    share: float = 1.0
    counting: Scan = _COUNTING
    views: int = VIEWS

    def __post_init__(self) -> None:
        within("kvp", self.kvp, 80, 140)
        within("scatter", self.scatter, 0, 0.1)
        within("share", self.share, LEAST_SHARE, 1)
        within("views", self.views, FEWEST_VIEWS, 4096)
        if self.views % 2:
            raise ValueError(f"views must be even, within {FEWEST_VIEWS} to 4096, not {self.views}")


@dataclass(frozen=True, slots=True)
class ScannedMetal:
    """What the metal adds to the image, both in HU (rows, columns).

    ``metal`` is the metal as the scanner shows it on average, on top of what it displaced;
    ``error`` is what else the scanner makes of it: streaks, bands and their noise.
    """

    metal: FloatArray
    error: FloatArray


def scan_metal(
    values: FloatArray,
    fraction: FloatArray,
    material: Material,
    scan: MetalScan,
    pixel_mm: float,
    rng: np.random.Generator,
) -> ScannedMetal:
    """Scan ``values`` (HU) with ``fraction`` (0 to 1) of ``material`` in every pixel."""
    spectrum = tube_spectrum(scan.kvp)
    per_mm = spectrum.water_per_mm
    bone_hu = _hu(BONE, spectrum)
    rows, columns = values.shape
    # Rays lie closer than pixels, or the sharp edges of shadows would alias into spokes.
    beam = ParallelBeam(
        rows, columns, pixel_mm, scan.views, float(np.clip(pixel_mm / 2, 0.25, 0.6))
    )
    coarse = ParallelBeam(rows, columns, pixel_mm, scan.views // 2, COARSE_MM)
    water, bone = np.maximum(coarse.forward(np.stack(tissue_densities(values, bone_hu))), 0)
    # The pixels' own blur, so that nothing rings in the projections.
    thickness = ndimage.gaussian_filter(fraction, 0.5)
    lengths = np.maximum(beam.forward(thickness[None])[0], 0)
    displaced = float(np.sum(fraction * (1 + values / 1000)) / np.sum(fraction))

    aperture = APERTURE_MM / beam.detector_mm
    lit = ndimage.maximum_filter1d(lengths, 2 * int(3 * aperture) + 1, axis=1) > 1e-3
    rays = _Rays.of(lit, beam, coarse)
    body, both = _detected(
        spectrum,
        rays.read(water),
        rays.read(bone),
        lengths[lit],
        material,
        min(max(displaced, 0.0), DENSEST),
    )
    passed = np.ones_like(lengths)
    passed[lit] = np.maximum(1 - scan.share * (1 - both / body), LEAST_PASSED)
    passed = ndimage.gaussian_filter1d(passed, aperture, axis=1, mode="nearest", truncate=3)
    seen = body * passed[lit]

    logs = (water + bone * ((1 + bone_hu / 1000) / BONE.density)) * per_mm
    current = scan.counting.current(logs, COARSE_MM)
    scatter = rays.read(_scatter(logs - np.log(_coarsened(passed, beam, coarse)), scan.scatter))
    clean = _corrected(-np.log(body + scatter), scan.kvp)
    shown = _corrected(-np.log(seen + scatter), scan.kvp) - clean
    averaged = ndimage.gaussian_filter1d(lengths, aperture, axis=1, mode="nearest", truncate=3)
    of_metal = averaged[lit]
    mean = float(np.sum(shown * of_metal) / max(float(np.sum(of_metal**2)), 1e-12))

    noisy = _counted(seen + scatter, body + scatter, lit, current, beam, scan.counting, rng)
    error = averaged * np.float32(-mean)
    error[lit] += _corrected(-np.log(noisy), scan.kvp) - clean
    hu = np.float32(1000 / per_mm)
    kernel = scan.counting.kernel
    blur = np.hypot(np.sqrt(2 * np.log(2)) / (2 * np.pi * kernel.half_lp_cm / 10), APERTURE_MM)
    metal = ndimage.gaussian_filter(thickness, float(blur) / pixel_mm) * (np.float32(mean) * hu)
    return ScannedMetal(
        np.asarray(metal, np.float32), beam.reconstruct(error[None], kernel)[0] * hu
    )


def tissue_densities(values: FloatArray, bone_hu: float) -> tuple[FloatArray, FloatArray]:
    """Densities (g/cm3) of water and of cortical bone that attenuate as ``values`` in HU do.

    Between ``BONE_FROM_HU`` and ``bone_hu`` (HU of cortical bone) the two are mixed by volume.
    """
    whole = np.maximum(1 + values / 1000, 0)
    cortical = 1 + bone_hu / 1000
    filled = np.clip((values - BONE_FROM_HU) / (bone_hu - BONE_FROM_HU), 0, None)
    filled = np.minimum(filled, whole / cortical)
    water = whole - filled * cortical
    return water.astype(np.float32), (filled * BONE.density).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Rays:
    """Rays of a fine beam, and where they lie among those of a coarse one."""

    index: NDArray[np.intp]
    rest: FloatArray

    @classmethod
    def of(cls, chosen: BoolArray, beam: ParallelBeam, coarse: ParallelBeam) -> _Rays:
        """The rays ``chosen`` (views, detectors) of ``beam``."""
        across = beam.positions_mm / coarse.detector_mm + coarse.detectors // 2
        across = np.clip(across, 0, coarse.detectors - 1.001)
        column = across.astype(np.intp)
        row = np.arange(beam.views) // (beam.views // coarse.views) * coarse.detectors
        rest = np.broadcast_to((across - column).astype(np.float32), chosen.shape)
        return cls((row[:, None] + column)[chosen], rest[chosen])

    def read(self, lines: FloatArray) -> FloatArray:
        """``lines`` (views, detectors) of the coarse beam on the rays, linear along detectors."""
        left, right = lines.take(self.index), lines.take(self.index + 1)
        return np.asarray(left + (right - left) * self.rest, np.float32)


def _coarsened(fine: FloatArray, beam: ParallelBeam, coarse: ParallelBeam) -> FloatArray:
    """``fine`` (views, detectors) averaged onto the rays of ``coarse``."""
    every = beam.views // coarse.views
    ratio = round(coarse.detector_mm / beam.detector_mm)
    smooth = ndimage.uniform_filter1d(fine[::every], ratio, axis=1, mode="nearest")
    index = np.round(coarse.positions_mm / beam.detector_mm).astype(np.intp) + beam.detectors // 2
    return np.asarray(smooth[:, np.clip(index, 0, beam.detectors - 1)], np.float32)


def _detected(
    spectrum: Spectrum,
    water: FloatArray,
    bone: FloatArray,
    lengths: FloatArray,
    material: Material,
    displaced: float,
) -> tuple[FloatArray, FloatArray]:
    """Shares of the signal (rays) behind the body alone and behind body and metal.

    ``water`` and ``bone`` are in g/cm3 x mm, ``lengths`` in mm of metal, which displaces tissue of
    ``displaced`` g/cm3.
    """
    body, both = np.zeros_like(lengths), np.zeros_like(lengths)
    for weight, of_water, of_bone, of_metal in zip(
        spectrum.bin_weights.astype(np.float32),
        (spectrum.mass_attenuation(WATER) / 10).astype(np.float32),
        (spectrum.mass_attenuation(BONE) / 10).astype(np.float32),
        (spectrum.mass_attenuation(material) * (material.density / 10)).astype(np.float32),
        strict=True,
    ):
        bare = weight * np.exp(-(of_water * water + of_bone * bone))
        body += bare
        both += bare * np.exp(np.float32(displaced * of_water - of_metal) * lengths)
    return np.maximum(body, LEAST_SEEN), both


def _scatter(logs: FloatArray, strength: float) -> FloatArray:
    """Scattered signal per coarse ray: born as ``p exp(-p)``, spread widely."""
    width = 2 * round(SCATTER_REACH_MM / COARSE_MM)
    born = np.maximum(logs, 0) * np.exp(-logs)
    for _ in range(3):  # three boxes twice as wide as the reach are all but a Gaussian of it
        born = ndimage.uniform_filter1d(born, width, axis=1, mode="constant")
    return np.asarray(strength * np.maximum(born, 0), np.float32)


def _counted(
    seen: FloatArray,
    without: FloatArray,
    lit: BoolArray,
    current: FloatArray,
    beam: ParallelBeam,
    scan: Scan,
    rng: np.random.Generator,
) -> FloatArray:
    """``seen`` (share of the signal on the rays ``lit``) with the noise that the metal adds.

    Only what exceeds the noise ``without`` metal is added, since the image holds that already:
    the variance of the log is 1 / N for photons and (e / N)^2 for electronics. ``current`` is the
    tube's in every coarse view.
    """
    readings = TURN_VIEWS / beam.views * beam.detector_mm / ELEMENT_MM * scan.slice_mm
    electronic = np.float32(scan.electronic * np.sqrt(readings))
    per_view = np.repeat(current, beam.views // current.size)
    photons = np.repeat(per_view, np.count_nonzero(lit, axis=1))
    photons *= np.float32(scan.photons * scan.dose * readings)
    photons *= np.broadcast_to(scan.bow_tie_share(beam.positions_mm), lit.shape)[lit]
    counts = seen * photons
    ratio = np.minimum(seen / without, 1)
    quantum = np.sqrt(counts) * rng.standard_normal(counts.shape, np.float32)
    few = np.flatnonzero(counts < MANY)
    quantum[few] = rng.poisson(counts[few]) - counts[few]
    quantum *= np.sqrt(1 - ratio)
    readout = rng.standard_normal(counts.shape, np.float32) * np.sqrt(1 - ratio**2)
    change = np.zeros(lit.shape, np.float32)
    change[lit] = quantum + electronic * readout
    width = max(round(ADAPTED_MM / beam.detector_mm), 1)
    smooth = ndimage.uniform_filter1d(change, width, axis=1)[lit]
    change_here = change[lit] + (smooth - change[lit]) / (
        1 + counts / np.float32(readings * ADAPTED_COUNTS)
    )
    least = LEAST * max(float(electronic), 1.0)
    return np.asarray(np.maximum(counts + change_here, least) / photons, np.float32)


@lru_cache(maxsize=32)
def _water_table(kvp: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logs measured behind water and the straight line the scanner makes of them."""
    spectrum = tube_spectrum(kvp)
    return spectrum.water_log(_WATER_MM), _WATER_MM * spectrum.water_per_mm


def _corrected(logs: FloatArray, kvp: float) -> FloatArray:
    """Logs after the scanner's water correction: linear in the thickness of water."""
    measured, straight = _water_table(kvp)
    return np.interp(logs, measured, straight).astype(np.float32)


def _hu(material: Material, spectrum: Spectrum) -> float:
    """HU of ``material`` at the spectrum's effective energy."""
    per_mm = float(material.mass_attenuation(spectrum.effective_kev)) * material.density / 10
    return 1000 * (per_mm / spectrum.water_per_mm - 1)
