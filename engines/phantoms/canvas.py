"""One slice being drawn: coordinates in mm, and paint that covers pixels in part at edges.

Whatever is painted lies on top of what was there, as an anatomist would lay organs into a body. A
pixel at an edge holds both by their shares. All shapes are drawn through bent coordinates, so that
nothing is quite straight or quite round.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray
from engines.phantoms.contour import TURN, Contour

AIR_HU = -1000.0
Box = tuple[slice, slice]
Paint = float | FloatArray


@dataclass(slots=True)
class Canvas:
    """A slice at height ``z`` (mm): values in the phantom's unit and
    coordinates in mm, float32 (size, size).

    ``x`` and ``y`` are the bent coordinates of each pixel; ``reach_mm`` is the most by which they
    differ from the straight ones, and ``origin`` (x, y of the body's middle in the field, mm) and
    ``turn`` (radians) say how the body lies. ``edge_mm`` is the least width of an edge,
    ``slice_mm`` the thickness that blurs what runs through the slice at a slant.
    """

    values: FloatArray
    x: FloatArray
    y: FloatArray
    pixel_mm: float
    z: float
    origin: tuple[float, float]
    turn: float
    reach_mm: float
    edge_mm: float
    slice_mm: float
    _rings: tuple[FloatArray, NDArray[np.int32]] | None = None

    def box(self, x: float, y: float, reach: float) -> Box | None:
        """The pixels within ``reach`` mm of a point, or ``None`` where the field ends before."""
        size, half = len(self.values), len(self.values) * self.pixel_mm / 2
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        column = x * cos - y * sin + self.origin[0] + half
        row = x * sin + y * cos + self.origin[1] + half
        far = reach + self.reach_mm + self.pixel_mm
        ends = [
            (
                max(0, int((at - far) / self.pixel_mm)),
                min(size, int((at + far) / self.pixel_mm) + 2),
            )
            for at in (row, column)
        ]
        if any(low >= high for low, high in ends):
            return None
        return slice(*ends[0]), slice(*ends[1])

    def depth(self, contour: Contour) -> tuple[Box, FloatArray] | None:
        """Depth inside ``contour`` in mm, negative outside, and the pixels it is of."""
        box = self.box(contour.x, contour.y, float(contour.radii.max()))
        if box is None:
            return None
        away, index = self.polar(contour.x, contour.y, box)
        return box, (contour.radii[index] - away) * contour.slant()[index]

    def polar(self, x: float, y: float, box: Box) -> tuple[FloatArray, NDArray[np.int32]]:
        """Distance from a point (mm) and index into ``ANGLES``; kept for the body's middle."""
        if x == 0 and y == 0:
            if self._rings is None:
                self._rings = _polar(self.x, self.y)
            return self._rings[0][box], self._rings[1][box]
        return _polar(self.x[box] - np.float32(x), self.y[box] - np.float32(y))

    def cover(self, depth: FloatArray, soft_mm: float = 0.0) -> FloatArray:
        """Share of each pixel, 0 to 1, that lies deeper than 0; ``soft_mm`` widens the edge."""
        width = np.float32(max(self.pixel_mm, self.edge_mm, soft_mm))
        share: FloatArray = np.clip(depth / width + np.float32(0.5), 0, 1)
        return share

    def sheet(self, away: FloatArray, half_mm: FloatArray | float) -> FloatArray:
        """Share of each pixel that lies within ``half_mm`` of a middle that is ``away`` mm off.

        Right for what is thinner than a pixel too: a fine line has no gaps.
        """
        share: FloatArray = self.cover(half_mm + away) + self.cover(half_mm - away) - 1
        return np.maximum(share, 0)

    def lay(self, box: Box, cover: FloatArray, paint: Paint) -> None:
        """Paint what ``cover`` says; ``paint`` is a value, or one for each pixel of the slice."""
        here = self.values[box]
        colour = np.float32(paint) if not isinstance(paint, np.ndarray) else paint[box]
        here += cover * (colour - here)

    def fill(
        self,
        contour: Contour | None,
        paint: Paint,
        inside: FloatArray | float | None = None,
        soft_mm: float = 0.0,
    ) -> None:
        """Fill an outline; ``inside`` (shares of the whole slice) keeps the paint within bounds."""
        found = None if contour is None else self.depth(contour)
        if contour is None or found is None:
            return
        box, depth = found
        cover = self.cover(depth, max(soft_mm, self._blur(contour)))
        self.lay(box, _kept(cover, inside, box), paint)

    def bone(
        self,
        contour: Contour | None,
        cortex_hu: float,
        cortex_mm: float,
        marrow: Paint,
        inside: FloatArray | float | None = None,
    ) -> None:
        """A bone: a shell of ``cortex_mm`` around ``marrow``."""
        self.bones([contour], cortex_hu, cortex_mm, marrow, inside)

    def bones(
        self,
        contours: Iterable[Contour | None],
        cortex_hu: float,
        cortex_mm: float,
        marrow: Paint,
        inside: FloatArray | float | None = None,
    ) -> None:
        """Parts of one bone: where they overlap there is marrow and no wall between them."""
        parts = []
        for contour in contours:
            found = None if contour is None else self.depth(contour)
            if contour is None or found is None:
                continue
            box, depth = found
            cover = _kept(self.cover(depth, self._blur(contour)), inside, box)
            self.lay(box, cover, cortex_hu)
            parts.append((box, cover * self.cover(depth - np.float32(cortex_mm), 0.8)))
        for box, cover in parts:
            self.lay(box, cover, marrow)

    def tubes(
        self,
        segments: FloatArray,
        paint: Paint | FloatArray,
        inside: FloatArray | float | None = None,
        grow_mm: float = 0.0,
    ) -> None:
        """Round pipes cut by the slice.

        ``segments`` (n, 8) holds the ends x, y, z, x, y, z and both radii, mm; ``grow_mm`` widens
        them. Only those that meet the slice cost anything.
        """
        if not len(segments):
            return
        # Half the slice counts for pipes thinner than it: more of them is seen, but fainter.
        reach = np.maximum(segments[:, 6], segments[:, 7]) + grow_mm
        slab = np.maximum(self.slice_mm / 2 - reach, 0)
        low = np.minimum(segments[:, 2], segments[:, 5]) - reach - slab
        high = np.maximum(segments[:, 2], segments[:, 5]) + reach + slab
        seen = (low < self.z) & (high > self.z) & (reach > 0)
        for row, half in zip(segments[seen].tolist(), slab[seen].tolist(), strict=True):
            self._tube(row, half, grow_mm, paint, inside)

    def _tube(
        self,
        row: list[float],
        half: float,
        grow_mm: float,
        paint: Paint,
        inside: FloatArray | float | None,
    ) -> None:
        """One pipe; the slice is taken to be ``half`` mm thicker on both sides."""
        x0, y0, z0, x1, y1, z1, r0, r1 = row
        dx, dy, dz = x1 - x0, y1 - y0, z1 - z0
        steps = max(dx * dx + dy * dy + dz * dz, 1e-6)
        most = max(r0, r1) + grow_mm
        # The part of the pipe within a radius of the slice bounds the pixels to look at.
        near, far = 0.0, 1.0
        if abs(dz) > 1e-6:
            ends = [(self.z + far_off - z0) / dz for far_off in (-most - half, most + half)]
            near, far = (min(max(end, 0.0), 1.0) for end in sorted(ends))
        middle = (near + far) / 2
        along = math.hypot(dx, dy)
        box = self.box(x0 + middle * dx, y0 + middle * dy, (far - near) / 2 * along + most)
        if box is None:
            return
        ax, ay = self.x[box] - np.float32(x0), self.y[box] - np.float32(y0)
        az = self.z - z0
        t = np.clip((ax * np.float32(dx) + ay * np.float32(dy) + az * dz) / np.float32(steps), 0, 1)
        ex, ey = ax - t * np.float32(dx), ay - t * np.float32(dy)
        ez = np.maximum(np.abs(np.float32(az) - t * np.float32(dz)) - np.float32(half), 0)
        cover = self.sheet(
            np.sqrt(ex * ex + ey * ey + ez * ez),
            np.asarray(t * (r1 - r0) + (r0 + grow_mm), np.float32),
        )
        if half > 0:  # it lies in a thicker slice and fills it only in part
            slant = max(along / math.sqrt(steps), 0.05)
            cover *= np.float32(min(1.0, math.pi / 2 * most / slant / self.slice_mm))
        self.lay(box, _kept(cover, inside, box), paint)

    def share(self, contour: Contour | None, soft_mm: float = 0.0) -> FloatArray:
        """Share of each pixel of the whole slice that lies in ``contour``."""
        whole = np.zeros_like(self.values)
        found = None if contour is None else self.depth(contour)
        if contour is not None and found is not None:
            whole[found[0]] = self.cover(found[1], max(soft_mm, self._blur(contour)))
        return whole

    def _blur(self, contour: Contour) -> float:
        """Width (mm) over which the slice's thickness blurs the rim of ``contour``."""
        return min(self.slice_mm * contour.steep, float(contour.radii.max()))


def _polar(dx: FloatArray, dy: FloatArray) -> tuple[FloatArray, NDArray[np.int32]]:
    """Radius in mm and index into ``ANGLES``."""
    turns = np.arctan2(dy, dx) * np.float32(TURN / (2 * np.pi)) + np.float32(TURN + 0.5)
    return np.sqrt(dx * dx + dy * dy), turns.astype(np.int32) & (TURN - 1)


def _kept(cover: FloatArray, inside: FloatArray | float | None, box: Box) -> FloatArray:
    """``cover`` kept within bounds: shares of the whole slice, or one share for all."""
    if inside is None:
        return cover
    return cover * (inside[box] if isinstance(inside, np.ndarray) else np.float32(inside))
