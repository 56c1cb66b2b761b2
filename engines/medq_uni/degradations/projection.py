"""Parallel-beam projection and filtered back projection, by the central slice theorem.

A projection's spectrum is the image's on a line through the origin, so both directions are one
non-uniform FFT on a polar grid (FINUFFT; Barnett, Magland and af Klinteberg, SIAM J Sci Comput
2019;41:C479), exact to its tolerance and far quicker than following rays.

Images turn about pixel (rows // 2, columns // 2). View t sees the lines
``x cos t + y sin t = s`` with x along columns and y along rows; s grows with the detector's index.
"""

from __future__ import annotations

from dataclasses import dataclass

import finufft
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from engines.base import FloatArray
from engines.medq_uni.degradations.kernels import BARE_RAMP, Kernel

TOLERANCE = 1e-4
"""Relative error of the non-uniform FFT."""
THREADS = 1
"""Several threads add in an order of chance, and the same seed must give the same bits. Whoever
makes many pairs makes them in several processes."""


@dataclass(frozen=True, slots=True)
class ParallelBeam:
    """Parallel rays over half a turn.

    ``views`` are spread evenly over pi; detector elements lie ``detector_mm`` apart at the centre
    of rotation and cover the image's diagonal.
    """

    rows: int
    columns: int
    pixel_mm: float
    views: int = 720
    detector_mm: float = 0.6

    @property
    def detectors(self) -> int:
        """Number of detector elements, even; the middle of the field is at ``detectors // 2``."""
        reach = float(np.hypot(self.rows, self.columns)) * self.pixel_mm
        return int(
            fft.next_fast_len(int(np.ceil(reach / self.detector_mm)) + 4, real=True) // 2 * 2
        )

    @property
    def angles(self) -> NDArray[np.float64]:
        """Angle of every view in radians."""
        return np.arange(self.views, dtype=np.float64) * (np.pi / self.views)

    @property
    def positions_mm(self) -> NDArray[np.float64]:
        """Distance of every detector element's ray from the centre of rotation in mm."""
        index = np.arange(self.detectors, dtype=np.float64)
        return (index - self.detectors // 2) * self.detector_mm

    def forward(self, images: FloatArray) -> FloatArray:
        """Line integrals (images, views, detectors), value x mm, of (images, rows, columns)."""
        count, length = len(images), self.detectors
        frequency = fft.rfftfreq(length, self.detector_mm)
        seen = frequency < 0.5 / self.pixel_mm  # the pixels hold nothing beyond
        u, v = self._polar(frequency[seen])
        spectra = np.zeros((count, self.views, frequency.size), np.complex64)
        found = finufft.nufft2d2(
            v, u, images.astype(np.complex64), eps=TOLERANCE, isign=-1, nthreads=THREADS
        )
        spectra[..., seen] = np.asarray(found).reshape(count, self.views, -1)
        spectra[..., 1::2] *= -1  # detector 0 lies half the array from the middle
        scale = self.pixel_mm**2 / self.detector_mm
        sinograms = fft.irfft(spectra, length, axis=-1, workers=THREADS)
        return np.asarray(sinograms * np.float32(scale), np.float32)

    def reconstruct(self, sinograms: FloatArray, kernel: Kernel = BARE_RAMP) -> FloatArray:
        """Images (images, rows, columns), value, from line integrals in value x mm.

        The ramp is sampled in space (Kak and Slaney, eq. 61), so that means are kept; ``kernel``
        apodises it. What the pixels can't hold is aliased into them, as on scanners.
        """
        return self._back_project(sinograms, self._filter(kernel))

    def noise_gain(self, kernel: Kernel = BARE_RAMP) -> float:
        """Variance that ``reconstruct`` makes of independent noise of variance 1 at every reading.

        For noise of variance v that changes slowly, the image's is ``noise_gain x smear(v)``.
        """
        taps = fft.irfft(self._filter(kernel))
        return float(np.pi / self.views * np.sum(taps**2))

    def smear(self, sinograms: FloatArray, smooth_mm: float = 20.0) -> FloatArray:
        """Mean over half a turn, times pi, of projections (images, views, detectors), unfiltered.

        Detail finer than about ``smooth_mm`` is smoothed away, which keeps it quick.
        """
        frequency = fft.rfftfreq(_even_fast_length(2 * self.detectors), self.detector_mm)
        return self._back_project(sinograms, np.exp(-((frequency * smooth_mm) ** 2)))

    def _filter(self, kernel: Kernel) -> NDArray[np.float64]:
        """Spectrum (rfft) of the even filter that projections are convolved with."""
        length = _even_fast_length(2 * self.detectors)
        frequency = fft.rfftfreq(length, self.detector_mm)
        return _ramp(length) * kernel.response(frequency * 10) / self.detector_mm

    def _back_project(self, sinograms: FloatArray, response: NDArray[np.float64]) -> FloatArray:
        """Sum over views of projections filtered by ``response`` (rfft), times pi over views."""
        count, detectors = len(sinograms), self.detectors
        length = 2 * (response.size - 1)
        frequency = fft.rfftfreq(length, self.detector_mm)
        response = response.copy()
        response[1:-1] *= 2  # the other half of the real signal's spectrum
        # Detector 0 goes to where the middle becomes the origin.
        shift = np.exp(2j * np.pi * np.arange(frequency.size) * (detectors // 2) / length)
        weight = (response * shift * (np.pi / self.views / length)).astype(np.complex64)
        used = np.flatnonzero(np.abs(response) > 1e-6 * np.abs(response).max())
        spectra = fft.rfft(sinograms, length, axis=-1, workers=THREADS)[..., used] * weight[used]
        u, v = self._polar(frequency[used])
        images = finufft.nufft2d1(
            v,
            u,
            np.ascontiguousarray(spectra.reshape(count, -1), np.complex64),
            (self.rows, self.columns),
            eps=TOLERANCE,
            isign=1,
            nthreads=THREADS,
        )
        real: FloatArray = np.asarray(images).reshape(count, self.rows, self.columns).real
        return np.ascontiguousarray(real, np.float32)

    def _polar(
        self, frequency: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Frequencies (1/mm) along every view's line, in radians per pixel: columns, rows."""
        radians = 2 * np.pi * frequency * self.pixel_mm
        u = np.cos(self.angles)[:, None] * radians
        v = np.sin(self.angles)[:, None] * radians
        return u.astype(np.float32).ravel(), v.astype(np.float32).ravel()


def _even_fast_length(least: int) -> int:
    """An even length of at least ``least`` for which a real FFT is quick."""
    length = int(fft.next_fast_len((least + 1) // 2, real=True))
    return 2 * length


def _ramp(length: int) -> NDArray[np.float64]:
    """Spectrum (rfft) of the band-limited ramp for detectors one apart."""
    tap = np.arange(length)
    tap = np.minimum(tap, length - tap)
    kernel = np.zeros(length)
    kernel[0] = 0.25
    odd = tap % 2 == 1
    kernel[odd] = -1 / (np.pi * tap[odd]) ** 2
    return np.asarray(fft.rfft(kernel).real)
