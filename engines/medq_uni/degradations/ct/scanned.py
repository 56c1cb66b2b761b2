"""A slice in a scanner: its shadows made once, the noise of its image as often as wanted.

The noise is the filtered back projection of the noisy minus the clean sinogram, so that an image
keeps what it is and gains the grain, the streaks and the places of a real scan's noise. Not
modelled: scatter, the spectrum, cone angle, helix, what lies outside the image, and the filters
that scanners apply to starved readings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from engines.base import FloatArray
from engines.medq_uni.degradations.checks import hu_image, within
from engines.medq_uni.degradations.ct.counts import few, log_noise
from engines.medq_uni.degradations.ct.fan import FanBeam
from engines.medq_uni.degradations.ct.rebinning import share_kept
from engines.medq_uni.degradations.ct.scan import (
    ELEMENT_MM,
    TURN_VIEWS,
    WATER_PER_MM,
    Scan,
    line_values,
)
from engines.medq_uni.degradations.ct.tissue import outside
from engines.medq_uni.degradations.kernels import BARE_RAMP
from engines.medq_uni.degradations.projection import ParallelBeam

HU_PER_MM = 1000 / WATER_PER_MM
"""HU for an attenuation of 1/mm."""
WIDE_MM = 4.0
"""Pixels on which variances are worked out."""
AT_ONCE = 4
"""Images reconstructed together: quicker, and still some 100 MB."""


class ScannedSlice:
    """One slice, (rows, columns) in HU, in a scanner set up as ``scan`` says, at any dose.

    ``outside`` is where nothing is measured, and so no noise is.

    Raises:
        ValueError: not a CT image, or pixels outside 0.05 to 5 mm.
    """

    def __init__(self, image: ArrayLike, pixel_mm: float, scan: Scan) -> None:
        values = hu_image("image", image)
        pixel_mm = within("pixel_mm", pixel_mm, 0.05, 5)
        rows, columns = values.shape
        half = scan.views // 2
        self.scan = scan
        self.beam = ParallelBeam(rows, columns, pixel_mm, half, scan.pitch_mm)
        # Only how many photons arrive is asked of the shadow: coarse is enough.
        self._coarse = ParallelBeam(rows, columns, pixel_mm, half // 2, 2 * ELEMENT_MM)
        self._fan = FanBeam(scan.views, scan.quarter_offset)
        shadow = np.maximum(self._coarse.forward(line_values(values)[None])[0], 0)
        tube = scan.current(shadow, self._coarse.detector_mm)[:, None]
        tube = tube * scan.bow_tie_share(self._coarse.positions_mm)
        # The logarithm is what is smooth enough to interpolate.
        self._log_share = np.log(tube) - shadow
        self.outside = outside(values, pixel_mm)

    def noise(
        self, dose: float, count: int, rng: np.random.Generator, before: float | None = None
    ) -> FloatArray:
        """Noise (count, rows, columns) in HU at ``dose``, or what it has more than ``before``."""
        expected, electronic = self._expected()
        found = np.empty((count, self.beam.rows, self.beam.columns), np.float32)
        for start in range(0, count, AT_ONCE):
            noise = [
                self._parallel(log_noise(expected, electronic, dose, before, rng))
                for _ in range(min(AT_ONCE, count - start))
            ]
            found[start : start + len(noise)] = self.beam.reconstruct(
                np.stack(noise), self.scan.kernel
            )
        found *= np.float32(HU_PER_MM)
        found[:, self.outside] = 0
        return found

    def unit_noise(
        self, count: int, rng: np.random.Generator, finer: int = 1
    ) -> tuple[FloatArray, FloatArray]:
        """Bare-ramp noise in HU at unit dose, of photons and of electronics, were both normal.

        Both are (count, finer x rows, finer x columns) on pixels ``finer`` times smaller. They go
        with the dose to the power of -1/2 and of -1.
        """
        expected, electronic = self._expected()
        expected = np.maximum(expected, np.float32(1))
        beam = ParallelBeam(
            self.beam.rows * finer, self.beam.columns * finer, self.beam.pixel_mm / finer,
            self.beam.views, self.beam.detector_mm,
        )  # fmt: skip
        mute = self.outside.repeat(finer, 0).repeat(finer, 1)
        found = np.empty((2, count, beam.rows, beam.columns), np.float32)
        for part, spread in zip(found, (expected**-0.5, electronic / expected), strict=True):
            for start in range(0, count, AT_ONCE):
                noise = [
                    self._parallel(spread * rng.standard_normal(spread.shape, np.float32))
                    for _ in range(min(AT_ONCE, count - start))
                ]
                part[start : start + len(noise)] = beam.reconstruct(np.stack(noise), BARE_RAMP)
        found *= np.float32(HU_PER_MM)
        found[..., mute] = 0
        return found[0], found[1]

    def variances(self) -> tuple[FloatArray, FloatArray]:
        """Variance (rows, columns) in HU ** 2 at unit dose: of photons, and of electronics.

        They go with 1 / dose and 1 / dose ** 2. Starvation is left out, and detail finer than 20 mm
        is smoothed away. In a fan the smoothing of its rebinning is in it: see ``rebinning``.
        """
        readings = self._readings(fan=False)
        expected = np.exp(self._log_share) * np.float32(self.scan.photons * readings)
        electronic = self.scan.electronic**2 * readings / expected**2
        found = self._over_views(np.stack([1 / expected, electronic]))
        found *= np.float32(HU_PER_MM**2 * self.beam.noise_gain(self.scan.kernel))
        np.maximum(found, 0, out=found)
        return found[0], found[1]

    def _over_views(self, variances: FloatArray) -> FloatArray:
        """Images (count, rows, columns) of what each pixel's rays (count, views, detectors) add up.

        Made on wide pixels, which is enough for what is so smooth.
        """
        rows, columns, pixel_mm = self.beam.rows, self.beam.columns, self.beam.pixel_mm
        wide = max(1, int(WIDE_MM / pixel_mm))
        sides = 2 * (rows // (2 * wide) + 2), 2 * (columns // (2 * wide) + 2)
        coarse = self._coarse
        beam = ParallelBeam(sides[0], sides[1], wide * pixel_mm, coarse.views, coarse.detector_mm)
        before = beam.detectors // 2 - coarse.detectors // 2
        after = beam.detectors - coarse.detectors - before
        padded = np.pad(variances, ((0, 0), (0, 0), (before, after)))
        if self.scan.fan:
            y, x = (np.arange(n) - n // 2 for n in sides)
            radius = np.hypot(y[:, None], x) * beam.pixel_mm
            of_rays, of_pixels = share_kept(self._fan, self.scan.kernel, beam.positions_mm, radius)
            parts = padded[:, None] * of_rays[:, None].astype(np.float32)
            found = beam.smear(parts.reshape(-1, *padded.shape[1:]))
            found = (found.reshape(len(variances), -1, *sides) * of_pixels).sum(axis=1)
        else:
            found = beam.smear(padded)
        places = [
            (np.arange(n) - n // 2) / wide + side // 2
            for n, side in zip((rows, columns), sides, strict=True)
        ]
        grid = np.meshgrid(*places, indexing="ij")
        return np.stack(
            [
                ndimage.map_coordinates(one.astype(np.float32), grid, order=1, mode="nearest")
                for one in found
            ]
        )

    def starved(self, dose: float) -> float:
        """Share of the rays through the field that starve at ``dose``: see ``counts.few``."""
        expected, electronic = self._expected()
        return float(np.mean(expected * dose < few(electronic)))

    def least_dose(self, share: float) -> float:
        """The dose below which more than ``share`` of the rays through the field starve."""
        expected, electronic = self._expected()
        return few(electronic) / float(np.quantile(expected, share))

    def _readings(self, fan: bool) -> float:
        """How many readings of a turn of 984 views and a slice of 1 mm one ray stands for."""
        if fan:
            return TURN_VIEWS / self.scan.views * self.scan.slice_mm
        finer = self.beam.detector_mm / ELEMENT_MM
        return TURN_VIEWS / self.beam.views * finer * self.scan.slice_mm

    def _expected(self) -> tuple[FloatArray, float]:
        """Photons per ray at unit dose, and a ray's electronic noise in photons."""
        if self.scan.fan:
            share = self._fan.rays(self._coarse, self._log_share)
        else:
            share = _resampled(self._log_share, self._coarse, self.beam)
        readings = self._readings(self.scan.fan)
        photons = np.exp(share) * np.float32(self.scan.photons * readings)
        return photons, self.scan.electronic * float(np.sqrt(readings))

    def _parallel(self, noise: FloatArray) -> FloatArray:
        return self._fan.to_parallel(noise, self.beam) if self.scan.fan else noise


def _resampled(sinogram: FloatArray, beam: ParallelBeam, finer: ParallelBeam) -> FloatArray:
    """``sinogram`` of ``beam`` at the views and detectors of ``finer``, linearly."""
    turn = np.concatenate([sinogram, np.roll(sinogram[:1, ::-1], 1, axis=1)])
    first, share = _places(finer.angles * (beam.views / np.pi), beam.views)
    column, rest = _places(
        finer.positions_mm / beam.detector_mm + beam.detectors // 2, beam.detectors - 1
    )
    rows = turn[first] * (1 - share[:, None]) + turn[first + 1] * share[:, None]
    return np.asarray(rows[:, column] * (1 - rest) + rows[:, column + 1] * rest, np.float32)


def _places(wanted: NDArray[np.float64], last: int) -> tuple[NDArray[np.intp], FloatArray]:
    """Index before each place, below ``last``, and the share of the next one."""
    place = np.clip(wanted, 0, last - 1e-3)
    index = np.floor(place).astype(np.intp)
    return index, np.asarray(place - index, np.float32)
