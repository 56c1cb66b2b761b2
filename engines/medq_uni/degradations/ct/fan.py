"""The fan beam of a scanner: where its rays run, and how its readings become parallel ones.

An arc of equal angles around the source, a full turn. The ray of view b and fan angle g is the
parallel ray of angle ``b + g`` at ``R sin g`` from the centre (Kak and Slaney, section 3.4). Over a
full turn each line is seen from both ends; with the detector shifted by a quarter element the two
lie interleaved. Rebinning interpolates cubically, first between views, then between rays, and so
correlates the noise of neighbours, the more the farther they are from the centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray
from engines.medq_uni.degradations.ct.scan import ELEMENT_MM, FIELD_MM
from engines.medq_uni.degradations.projection import ParallelBeam

SOURCE_MM = 570.0
"""Distance of the source from the centre of rotation."""


@dataclass(frozen=True, slots=True)
class FanBeam:
    """Equiangular rays over a full turn of ``views``; elements cover a field of 500 mm."""

    views: int
    quarter_offset: bool = True

    @property
    def fan_angles(self) -> NDArray[np.float64]:
        """Angle of every element's ray to the central ray in radians, growing."""
        step = ELEMENT_MM / SOURCE_MM
        half = int(np.ceil(np.arcsin(FIELD_MM / 2 / SOURCE_MM) / step))
        index = np.arange(-half, half) + 0.5
        shift: float = 0.25 if self.quarter_offset else 0.0
        return np.asarray((index + shift) * step, np.float64)

    @property
    def positions_mm(self) -> NDArray[np.float64]:
        """Distance of every element's ray from the centre of rotation in mm."""
        return np.asarray(SOURCE_MM * np.sin(self.fan_angles), np.float64)

    def rays(self, beam: ParallelBeam, sinogram: FloatArray) -> FloatArray:
        """What (views, elements) of the fan see, from a parallel (views, detectors) of ``beam``."""
        across = self.positions_mm / beam.detector_mm + beam.detectors // 2
        across = np.clip(across, 0, beam.detectors - 1.001)
        column = np.floor(across).astype(np.intp)
        rest = (across - column).astype(np.float32)
        turn = np.concatenate([sinogram, np.roll(sinogram[:, ::-1], 1, axis=1)])
        seen = turn[:, column] * (1 - rest) + turn[:, column + 1] * rest
        wrapped = np.concatenate([seen, seen[:1]]).ravel()
        flat, share = _parallel_views(self, beam.views)
        found = wrapped.take(flat) * (1 - share)
        found += wrapped[self.fan_angles.size :].take(flat) * share
        return np.asarray(found, np.float32)

    def to_parallel(self, readings: FloatArray, beam: ParallelBeam) -> FloatArray:
        """Parallel (views, detectors) of ``beam`` from (views, elements); 0 outside the field."""
        elements = readings.shape[1]
        flat, weights = _fan_views(self, beam.views)
        wrapped = np.concatenate([readings[-1:], readings, readings[:2]]).ravel()
        turn = np.zeros(flat.shape, np.float32)
        for tap, weight in enumerate(weights):
            turn += wrapped[tap * elements :].take(flat) * weight
        # What is seen at s is seen again at -s half a turn on: interleaved, or the same.
        first, second = turn[: beam.views], turn[beam.views :]
        lattice, step = self.fan_angles, ELEMENT_MM / SOURCE_MM
        if self.quarter_offset:
            lattice, step = np.concatenate([lattice, -lattice]), step / 2
            order = np.argsort(lattice, kind="stable")
            both, lattice = np.concatenate([first, second], axis=1)[:, order], lattice[order]
        else:
            both = (first + second[:, ::-1]) / 2
        wanted = beam.positions_mm
        across = (np.arcsin(np.clip(wanted / SOURCE_MM, -1, 1)) - lattice[0]) / step
        across = np.clip(across, 1, lattice.size - 2.001)
        index = np.floor(across).astype(np.intp)
        result = np.zeros((beam.views, beam.detectors), np.float32)
        for tap, share in enumerate(cubic(across - index)):
            result += both[:, index - 1 + tap] * share
        result[:, np.abs(wanted) >= FIELD_MM / 2] = 0
        return result


@lru_cache(maxsize=2)
def _parallel_views(fan: FanBeam, views: int) -> tuple[NDArray[np.intp], FloatArray]:
    """For every ray of the fan: its place in (2 views, elements) and the share of the next view."""
    turn = np.arange(fan.views)[:, None] * (2 * np.pi / fan.views) + fan.fan_angles
    place = (turn % (2 * np.pi)) * (views / np.pi)
    first = np.minimum(np.floor(place), 2 * views - 1)
    flat = first.astype(np.intp) * fan.fan_angles.size + np.arange(fan.fan_angles.size)
    return flat, (place - first).astype(np.float32)


@lru_cache(maxsize=2)
def _fan_views(fan: FanBeam, views: int) -> tuple[NDArray[np.intp], FloatArray]:
    """For every parallel view and element: its place in the fan's (views, elements), and weights of
    the views at -1, 0, 1 and 2 from there.
    """
    turn = np.arange(2 * views)[:, None] * (np.pi / views) - fan.fan_angles
    place = (turn % (2 * np.pi)) * (fan.views / (2 * np.pi))
    first = np.minimum(np.floor(place), fan.views - 1)
    flat = first.astype(np.intp) * fan.fan_angles.size + np.arange(fan.fan_angles.size)
    return flat, cubic(place - first)


def cubic(share: NDArray[np.float64]) -> FloatArray:
    """Weights (4, ...) of the neighbours at -1, 0, 1 and 2 for a place ``share`` after 0.

    Cubic convolution (Keys, IEEE Trans Acoust Speech Signal Process 1981;29:1153).
    """
    s = share
    return np.stack(
        [
            ((2 - s) * s - 1) * s / 2,
            ((3 * s - 5) * s * s + 2) / 2,
            ((4 - 3 * s) * s + 1) * s / 2,
            (s - 1) * s * s / 2,
        ]
    ).astype(np.float32)
