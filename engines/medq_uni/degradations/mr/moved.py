"""K-space of an object that moves while it is measured: every line sees it where it then lies.

A rigid movement of the object is, by the theorems of Fourier, a rotation of its k-space and a phase
ramp on it (Zaitsev, Maclaren and Herbst, J Magn Reson Imaging 2015;42:887). So each phase-encoding
line is sampled at the coordinates turned back by its pose, by a non-uniform FFT that is exact to
its tolerance (FINUFFT; Barnett, Magland and af Klinteberg, SIAM J Sci Comput 2019;41:C479). No
image is interpolated. Reading out one line takes milliseconds: within it nothing moves.

Frequencies lie as in a centred unitary FFT: element ``n // 2`` of each axis is the zero frequency,
and objects turn about pixel (rows // 2, columns // 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import finufft
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from engines.medq_uni.degradations.checks import LEAST_SIDE, MOST_SIDE, within

TOLERANCE = 1e-5
"""Error of the non-uniform FFT, relative to the whole image: far below any noise."""
THREADS = 1
"""Several threads add in an order of chance, and the same seed must give the same bits."""
MOST_MM = 500.0
"""No object moves further: it would have left the scanner."""

ComplexArray = NDArray[np.complex64]
PoseArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Where the object lies when each phase-encoding line is measured.

    Arrays (lines,) in k-space order, index 0 being the most negative frequency. The object is first
    turned by ``radians`` about the middle of the image, clockwise on a screen (from the right
    downwards), then displaced by ``down_mm`` along the rows' axis and ``right_mm`` along the
    columns'.

    Raises:
        ValueError: arrays of other shapes, not finite, or movements beyond 500 mm or half a turn.
    """

    down_mm: PoseArray
    right_mm: PoseArray
    radians: PoseArray

    def __post_init__(self) -> None:
        for name, most in (("down_mm", MOST_MM), ("right_mm", MOST_MM), ("radians", np.pi)):
            values = np.array(getattr(self, name), np.float64)
            if values.ndim != 1 or not LEAST_SIDE <= len(values) <= MOST_SIDE:
                raise ValueError(
                    f"{name} must have one value for each of {LEAST_SIDE} to {MOST_SIDE} lines, "
                    f"not the shape {values.shape}"
                )
            if len(values) != np.size(self.down_mm):
                raise ValueError(
                    f"{name} must have {np.size(self.down_mm)} lines as down_mm has, "
                    f"not {len(values)}"
                )
            if not np.isfinite(values).all() or np.abs(values).max() > most:
                raise ValueError(f"{name} must lie within -{most:g} to {most:g} and be finite")
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    @property
    def lines(self) -> int:
        """Number of phase-encoding lines."""
        return len(self.down_mm)

    @property
    def largest_mm(self) -> float:
        """Largest displacement of the middle of the object."""
        return float(np.hypot(self.down_mm, self.right_mm).max())

    @property
    def largest_degrees(self) -> float:
        """Largest angle, without its sign."""
        return float(np.degrees(np.abs(self.radians).max()))


def moved_kspace(
    image: NDArray[Any], poses: Poses, pixel_mm: float, phase_axis: int
) -> ComplexArray:
    """K-space, complex64 (..., rows, columns), of ``image`` moving from line to line.

    ``image`` (..., rows, columns), real or complex, is the object where all poses are zero; images
    of a stack move together. Line n along ``phase_axis`` (0: rows are phase-encoded, 1: columns) is
    measured from the object in pose n. Lines with a zero pose are those of the FFT to the last bit.
    Frequencies beyond what the pixels hold are taken as nil where a rotation brings them in; what
    leaves the image comes in on its other side.

    Raises:
        ValueError: not finite images with sides of 16 to 4096 pixels, pixels outside 0.05 to 10 mm,
            a phase axis other than 0 and 1, or poses for another number of lines.
    """
    values = np.asarray(image)
    if (
        values.ndim < 2
        or not LEAST_SIDE <= min(values.shape[-2:]) <= max(values.shape[-2:]) <= MOST_SIDE
    ):
        raise ValueError(
            f"image must be (..., rows, columns) with sides of {LEAST_SIDE} to {MOST_SIDE}, "
            f"not of shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("image has NaN or infinite values: set them to zero first")
    within("pixel_mm", pixel_mm, 0.05, 10)
    if phase_axis not in (0, 1):
        raise ValueError(f"phase_axis must be 0 or 1, not {phase_axis}")
    rows, columns = values.shape[-2:]
    if poses.lines != (rows, columns)[phase_axis]:
        raise ValueError(
            f"poses must be for the image's {(rows, columns)[phase_axis]} lines, not {poses.lines}"
        )
    stack = np.ascontiguousarray(values, np.complex64).reshape(-1, rows, columns)
    kspace = _centred_fft(stack)
    v = (np.arange(rows) - rows // 2) / rows
    u = (np.arange(columns) - columns // 2) / columns
    turned = np.flatnonzero(poses.radians)
    shifted = np.flatnonzero((poses.down_mm != 0) | (poses.right_mm != 0))
    # As (phase, read), so that lines are always rows.
    lines = kspace if phase_axis == 0 else kspace.swapaxes(1, 2)
    if turned.size:
        down, right = _frequencies(v, u, phase_axis, turned)
        cos = np.cos(poses.radians[turned])[:, None]
        sin = np.sin(poses.radians[turned])[:, None]
        lines[:, turned] = _sampled(stack, down * cos - right * sin, right * cos + down * sin)
    if shifted.size:
        down, right = _frequencies(v, u, phase_axis, shifted)
        cycles = down * poses.down_mm[shifted, None] + right * poses.right_mm[shifted, None]
        lines[:, shifted] *= np.exp(-2j * np.pi / pixel_mm * cycles).astype(np.complex64)
    return kspace.reshape(values.shape)


def _centred_fft(stack: ComplexArray) -> ComplexArray:
    """Centred unitary FFT of images (images, rows, columns)."""
    axes = (1, 2)
    found = fft.fft2(fft.ifftshift(stack, axes), axes=axes, norm="ortho", workers=THREADS)
    return np.ascontiguousarray(fft.fftshift(found, axes), np.complex64)


def _frequencies(
    v: PoseArray, u: PoseArray, phase_axis: int, lines: NDArray[np.intp]
) -> tuple[PoseArray, PoseArray]:
    """Cycles per pixel downwards and to the right, to be broadcast to (lines, read)."""
    return (v[lines, None], u[None, :]) if phase_axis == 0 else (v[None, :], u[lines, None])


def _sampled(stack: ComplexArray, down: PoseArray, right: PoseArray) -> ComplexArray:
    """The spectra (images, *places) of images at any places, in cycles per pixel."""
    held = (np.abs(down) <= 0.5) & (np.abs(right) <= 0.5)
    found = finufft.nufft2d2(
        (2 * np.pi * down[held]).astype(np.float32),
        (2 * np.pi * right[held]).astype(np.float32),
        stack,
        eps=TOLERANCE,
        isign=-1,
        nthreads=THREADS,
    )
    spectra = np.zeros((len(stack), *held.shape), np.complex64)
    spectra[:, held] = np.asarray(found).reshape(len(stack), -1)
    spectra /= np.float32(np.sqrt(stack[0].size))
    return spectra
