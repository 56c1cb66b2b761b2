"""A slice of activity in a scanner: its rays made once, the noise of its image as often as wanted.

The noise is the reconstruction of the low counts minus that of what the source is, the expectation
for one without noise and a full scan's counts for one with: an image keeps the resolution it has
and gains the grain, the streaks and the places of a real scan's noise. Reconstructing the source
itself would blur it a second time. Not modelled: neighbouring slices, whose oblique rays share
counts; dead time; attenuation of lungs and bones of the body, which only shifts where noise is; and
time of flight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.medq_uni.degradations.kernels import Kernel
from engines.medq_uni.degradations.pet.attenuation import attenuation_map, body_outline
from engines.medq_uni.degradations.pet.counts import counted, expected, thinned
from engines.medq_uni.degradations.pet.osem import OrderedSubsets
from engines.medq_uni.degradations.pet.rays import StripRays
from engines.medq_uni.degradations.pet.reconstruction import Reconstruction
from engines.medq_uni.degradations.pet.scan import PETScan
from engines.medq_uni.degradations.pet.windows import HannWindow, IterationWindow
from engines.phantoms.pet.psf import FWHM_OF_SD

FINE_MM = 2.0
"""Finer pixels are put together to such: no PET's noise is finer than twice that."""
RAY_BINS = 2.1
"""FWHM of a ray in bins where the reconstruction knows of no blur: as thin as bins can show without
rings, whose negative counts make expectation maximisation explode behind thick bodies."""
ROUND_MM = 20.0
"""Expectation maximisation reconstructs the body and so much around it: there is nothing else, and
time goes with the field. Filtered back projection has noise everywhere."""
GUESSED = 0.7
"""Noise of expectation maximisation over what its window tells: 0.55 to 0.9 in ellipses of 140 to
360 mm, for any number of iterations and any filter."""


class ScannedActivity:
    """A slice (rows, columns) of activity, not negative, as ``reconstruction`` shows scans of it.

    ``signal`` is the activity of its tissue, ``box`` the rows and columns, on coarse pixels, that
    are reconstructed.

    Raises:
        ValueError: no activity, or wider than any scanner's field.
    """

    def __init__(
        self,
        activity: FloatArray,
        pixel_mm: float,
        region: str,
        signal: float,
        scan: PETScan,
        reconstruction: Reconstruction,
    ) -> None:
        self._shape = activity.shape
        self._zoom = max(1, int(FINE_MM / pixel_mm + 1e-6))
        coarse, coarse_mm = _together(activity, self._zoom), pixel_mm * self._zoom
        self._whole = (coarse.shape[0], coarse.shape[1])
        field = beam = scan.beam(self._whole, coarse_mm, reconstruction.subsets)
        outline = body_outline(coarse, coarse_mm, signal, region)
        self.box = (slice(0, self._whole[0]), slice(0, self._whole[1]))
        if reconstruction.iterations:
            self.box = _around(outline, round(ROUND_MM / coarse_mm))
            coarse, outline = coarse[self.box], outline[self.box]
            cut = (coarse.shape[0], coarse.shape[1])
            beam = scan.beam(cut, coarse_mm, reconstruction.subsets)
        rays = StripRays(beam, max(scan.psf_mm, RAY_BINS * beam.detector_mm))
        self.expected = expected(
            coarse, attenuation_map(outline, coarse_mm, region), rays, scan,
            (field.detectors - beam.detectors) // 2,
        )  # fmt: skip
        self.beam, self.reconstruction = beam, reconstruction
        self._em: OrderedSubsets | None = None
        self._window: Kernel = HannWindow(
            reconstruction.name, reconstruction.hann_lp_cm / 2, post_mm=reconstruction.post_mm
        )
        if reconstruction.iterations:
            width = max(reconstruction.psf_mm, RAY_BINS * beam.detector_mm)
            self._window = IterationWindow(
                reconstruction.name,
                0.0,
                updates=reconstruction.iterations * reconstruction.subsets,
                chord_mm=self._chord(outline) / signal,
                ray_mm=width,
                post_mm=reconstruction.post_mm,
            )
            known = rays if width == scan.psf_mm else StripRays(beam, width)
            self._em = OrderedSubsets(known, self.expected.passing, reconstruction.subsets)

    def noise(
        self, counts: float, rng: np.random.Generator, full: float | None = None
    ) -> FloatArray:
        """Noise (rows, columns) in the activity's unit of a scan of ``counts`` expected trues.

        With ``full`` only what a scan of ``counts`` has more than one of so many.
        """
        mean = self.expected.all
        low: NDArray[np.floating]
        if full is None:
            low, reference = counted(counts * mean, rng) / counts, mean
        else:
            whole = counted(full * mean, rng)
            low, reference = thinned(whole, counts / full, rng) / counts, whole / full
        shown = self.images(np.stack([low, reference]))
        return self._apart(self._placed(shown[0] - shown[1]))

    def images(self, scans: NDArray[np.floating]) -> FloatArray:
        """Images (2, rows, columns) of ``box``, on coarse pixels, of two scans.

        The scans (2, views, detectors) are told per expected true count.
        """
        known, reconstruction = self.expected, self.reconstruction
        if self._em is None:
            corrected = (scans - known.background) / known.passing
            images = self.beam.reconstruct(corrected.astype(np.float32), self._window)
        else:
            images = self._em.images(scans, known.background, reconstruction.iterations)
            sigma = reconstruction.post_mm / FWHM_OF_SD / self.beam.pixel_mm
            images = ndimage.gaussian_filter(images, (0, sigma, sigma), mode="constant")
        return np.asarray(images / np.float32(known.per_activity), np.float32)

    def variance(self) -> FloatArray:
        """Variance (rows, columns) of a scan of one true; that of many is as many times smaller.

        Exact for filtered back projection, a first guess for expectation maximisation.
        """
        known, window = self.expected, self._window
        readings = known.all / known.passing.astype(np.float64) ** 2
        if self._em is None:
            smeared = np.maximum(self._smear(readings), 0)
        else:
            # Maximum likelihood trusts a ray by the inverse of its variance.
            trust = self._smear(readings.mean() / readings)
            smeared = np.pi**2 * readings.mean() / np.maximum(trust, 1e-6 * trust.max())
            smeared *= GUESSED**2
        gain = self.beam.noise_gain(window) / known.per_activity**2
        return self._apart(self._placed((gain * smeared).astype(np.float32)))

    def _smear(self, readings: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over half a turn, times pi, of ``readings`` (views, detectors)."""
        return np.asarray(self.beam.smear(readings.astype(np.float32)[None])[0], np.float64)

    def _chord(self, outline: BoolArray) -> float:
        """What rays through a pixel of the body meet: activity x mm, background included.

        The harmonic mean, since an update divides by it, weighted by what is back projected.
        """
        known = self.expected
        passing = known.passing.astype(np.float64)
        met = known.all / known.passing / known.per_activity
        inverse = self._smear(passing * (met.mean() / met)) / self._smear(passing)
        return float(met.mean() / inverse[outline].mean())

    def _placed(self, values: FloatArray) -> FloatArray:
        """What is in ``box`` on all coarse pixels, zeros around it."""
        placed = np.zeros(self._whole, np.float32)
        placed[self.box] = values
        return placed

    def _apart(self, values: FloatArray) -> FloatArray:
        """Coarse pixels as the source's own."""
        if self._zoom > 1:
            values = ndimage.zoom(values, self._zoom, order=3, mode="grid-constant", grid_mode=True)
        rows, columns = self._shape
        return np.ascontiguousarray(values[:rows, :columns], np.float32)


def _around(mask: BoolArray, margin: int) -> tuple[slice, slice]:
    """The smallest box that holds ``mask`` and ``margin`` pixels around it; all where none."""
    found = ndimage.find_objects(mask.astype(np.int8))
    if not found:
        return slice(0, mask.shape[0]), slice(0, mask.shape[1])
    down, right = (
        slice(max(0, part.start - margin), min(length, part.stop + margin))
        for part, length in zip(found[0], mask.shape, strict=True)
    )
    return down, right


def _together(values: FloatArray, zoom: int) -> FloatArray:
    """Means of ``zoom`` x ``zoom`` pixels; zeros beyond the image."""
    if zoom == 1:
        return values
    padded = np.pad(values, [(0, -n % zoom) for n in values.shape])
    rows, columns = (n // zoom for n in padded.shape)
    return np.asarray(padded.reshape(rows, zoom, columns, zoom).mean((1, 3)), np.float32)
