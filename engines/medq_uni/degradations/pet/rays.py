"""Rays of finite width through square pixels, and their exact adjoint, two images at a time.

Expectation maximisation needs what ``ParallelBeam`` hasn't: projections of any views and their
transpose, both of rays that count nothing negatively. Here a ray is a strip with a Gaussian profile
and a pixel a square, so that the system matrix is smooth and, where rays are two bins wide or
wider, positive. Both directions are one non-uniform FFT (central slice theorem, as in
``projection``) and each other's conjugate transpose to its tolerance.

As the matrix is real, the real and the imaginary part of an image are projected each for itself:
two scans are reconstructed for the price of one.
"""

from __future__ import annotations

import finufft
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from engines.medq_uni.degradations.projection import ParallelBeam
from engines.phantoms.pet.psf import FWHM_OF_SD

ComplexArray = NDArray[np.complex64]

TOLERANCE = 1e-4
"""Relative error of the non-uniform FFT."""
LEAST_SEEN = 1e-3
"""Frequencies that the ray's profile passes less of are left out."""


class StripRays:
    """The rays of ``beam``, Gaussian strips with a FWHM of ``width_mm``.

    Images are complex64 (rows, columns) in value, projections complex64 (views, detectors) in
    value x mm, where the real and the imaginary part are two images.
    """

    def __init__(self, beam: ParallelBeam, width_mm: float) -> None:
        self.beam = beam
        frequency = fft.fftfreq(beam.detectors, beam.detector_mm)
        sigma = width_mm / FWHM_OF_SD
        passed = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
        # The Nyquist frequency has no partner, and would mix both images.
        self._seen = np.flatnonzero(
            (passed > LEAST_SEEN) & (np.abs(frequency) < 0.499999 / beam.detector_mm)
        )
        seen = frequency[self._seen]
        u = np.cos(beam.angles)[:, None] * seen * beam.pixel_mm  # cycles per pixel
        v = np.sin(beam.angles)[:, None] * seen * beam.pixel_mm
        # Detector 0 lies half the array from the middle.
        sign = np.where(self._seen % 2 == 0, 1.0, -1.0)
        scale = beam.pixel_mm**2 / beam.detector_mm
        square = np.sinc(u) * np.sinc(v)
        self._weight = (square * passed[self._seen] * sign * scale).astype(np.float32)
        self._u = (2 * np.pi * u).astype(np.float32)
        self._v = (2 * np.pi * v).astype(np.float32)
        self._down = _plan(2, beam, -1)
        self._up = _plan(1, beam, 1)

    def forward(self, image: ComplexArray, views: slice = slice(None)) -> ComplexArray:
        """Projections of ``image`` in these views."""
        u, v, weight = self._u[views], self._v[views], self._weight[views]
        self._down.setpts(v.ravel(), u.ravel())
        found = np.asarray(self._down.execute(image)).reshape(weight.shape)
        spectra = np.zeros((len(weight), self.beam.detectors), np.complex64)
        spectra[:, self._seen] = found * weight
        return np.asarray(fft.ifft(spectra, axis=-1, workers=1), np.complex64)

    def adjoint(self, projections: ComplexArray, views: slice = slice(None)) -> ComplexArray:
        """The transpose of ``forward`` on projections in these views: what every ray met."""
        u, v, weight = self._u[views], self._v[views], self._weight[views]
        self._up.setpts(v.ravel(), u.ravel())
        spectra = fft.fft(projections, axis=-1, norm="forward", workers=1)[:, self._seen] * weight
        return np.asarray(self._up.execute(spectra.ravel()), np.complex64)


def _plan(kind: int, beam: ParallelBeam, sign: int) -> finufft.Plan:
    """A non-uniform FFT of one image whose points come later; one thread, so the same bits.

    The points come new with every subset: a plan for each takes longer to make than they to set.
    They lie in order along their views, so that sorting them takes time and saves none.
    """
    return finufft.Plan(
        kind,
        (beam.rows, beam.columns),
        1,
        TOLERANCE,
        sign,
        dtype="complex64",
        nthreads=1,
        upsampfac=1.25,
        spread_sort=0,
    )
