"""The vertebra that a slice cuts: where pedicle screws belong.

Found by its canal, soft tissue with a ring of bone around it: discs, which have no pedicles, a
symphysis, a coccyx and bowel full of contrast medium have none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.ct.metal_sites import BONE_HU, Anatomy, Point

CANAL_MM = (3.0, 18.0)
"""From its middle a canal has no bone up to the first, and bone before the second,"""
DIRECTIONS, LEAST_CLOSED = 16, 0.85
"""in this share of so many directions: pedicles and laminae close it."""
ASIDE_MM = 25.0
"""A spine lies within this far from the middle of the body, if the patient lies straight."""
BODY_MM, LEAST_BODY_MM2 = (30.0, 45.0), 250.0
"""The vertebral body is looked for so far to the sides and in front of the canal, and has at least
so much bone."""


@dataclass(frozen=True, slots=True)
class Vertebra:
    """A vertebral body: its centre, half its width and the distance back to the pedicles, mm."""

    centre: Point
    half_width: float
    canal: float

    def point(self, aside: float, forward: float) -> Point:
        """The point so many mm aside of the centre (to growing x) and in front of it."""
        return self.centre[0] + aside, self.centre[1] - forward


def vertebra(found: Anatomy) -> Vertebra:
    """The vertebra that the slice cuts at its pedicles.

    Raises:
        NoPlaceError: no canal with bone all around, or too little bone in front of it.
    """
    canal_x, canal_y = _canal(found)
    x, y = found.grid()
    ahead = canal_y - y
    near = found.bone & (np.abs(x - canal_x) < BODY_MM[0])
    near &= (ahead > CANAL_MM[0]) & (ahead < BODY_MM[1])
    if near.sum() * found.step_mm**2 < LEAST_BODY_MM2:
        raise NoPlaceError("no place for pedicle screws: no vertebra is found before the canal")
    # The body is where most bone lies within reach; its sides are where that thins out.
    blob = ndimage.gaussian_filter(near.astype(np.float32), 7 / found.step_mm)
    row, _ = np.unravel_index(int(np.argmax(blob)), blob.shape)
    centre_y = float(row) * found.step_mm
    weights = near & (np.abs(y - centre_y) < 10)
    spread = float(np.sqrt(np.mean((x[weights] - canal_x) ** 2)))
    half = float(np.clip(1.5 * spread, 13, 26))
    # Pedicles lie beside the canal's front.
    return Vertebra((canal_x, centre_y), half, float(np.clip(canal_y - centre_y - 4, 8, 28)))


def _canal(found: Anatomy) -> Point:
    """The middle of the spinal canal.

    Raises:
        NoPlaceError: there is none behind the middle of the body.
    """
    x, y = found.grid()
    likely = found.body & (np.abs(x - found.middle[0]) < ASIDE_MM)
    likely &= (y > found.middle[1] - 0.05 * found.depth) & (found.values > -100)
    clear = ndimage.distance_transform_edt(~found.bone) * found.step_mm
    places = np.argwhere(likely & (clear > CANAL_MM[0]))
    closed = _closed(found, places) if len(places) else np.zeros(0)
    if not np.any(closed >= LEAST_CLOSED):
        raise NoPlaceError("no place for pedicle screws: no vertebra with a canal is found")
    best = places[closed >= closed.max() - 1e-6]
    row, column = best[int(np.argmax(clear[best[:, 0], best[:, 1]]))]
    return float(column) * found.step_mm, float(row) * found.step_mm


def _closed(found: Anatomy, places: NDArray[np.intp]) -> NDArray[np.float64]:
    """In which share of directions there is bone near each of ``places`` (count, 2)."""
    angles = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
    steps = np.arange(CANAL_MM[0], CANAL_MM[1], 0.7 * found.step_mm) / found.step_mm
    away = np.stack([np.sin(angles)[:, None] * steps, np.cos(angles)[:, None] * steps])
    at = places.T[:, :, None, None] + away[:, None]
    values = ndimage.map_coordinates(found.values, at, order=1, mode="nearest")
    return np.asarray((values > BONE_HU).any(axis=-1).mean(axis=-1), np.float64)
