"""The spine: bodies and discs by turns, canal with cord, arches and processes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, bump, superellipse
from engines.phantoms.ct.body import Tissues, Torso


@dataclass(frozen=True, slots=True)
class Spine:
    """One spine. ``y`` is the middle of the vertebral body; lengths in mm."""

    y: float
    half_x: float
    half_y: float
    pitch_mm: float
    shift_mm: float
    disc_hu: float
    cord: bool
    wide: float
    twist: float

    def draw(self, canvas: Canvas, torso: Torso, tissues: Tissues) -> None:
        """Draw the vertebra, or the disc, that the slice meets."""
        place = ((canvas.z + self.shift_mm) / self.pitch_mm) % 1.0
        # 1 in a body, 0 in a disc (a fifth of the pitch), endplates between them.
        body = float(np.clip((0.5 - abs(place - 0.5)) * 16 - 1.1, 0, 1))
        waist = 1 - 0.09 * np.sin(np.pi * np.clip((place - 0.1) / 0.8, 0, 1))
        plate = float(np.exp(-((((0.5 - abs(place - 0.5)) - 0.12) / 0.035) ** 2)))
        a, b, y = self.half_x * waist, self.half_y * waist, self.y
        radii = superellipse(a, b, 0, 2.3) * (1 - 0.20 * bump(np.pi / 2, 0.5))
        core = Contour(0, y, radii.astype(np.float32))
        cortex, marrow = torso.cortex_hu, tissues.marrow
        self._draw_arch(canvas, cortex, marrow, place, b)
        canvas.fill(core.grown(0.4), self.disc_hu + 3 * tissues.grain)
        canvas.bone(core, cortex * 0.62, 1.0, marrow + np.float32(0.5 * cortex * plate), body)
        sac = Contour(0, y + b + 7.5, superellipse(10.5, 8.0, 0, 2.2).astype(np.float32))
        canvas.fill(sac.grown(1.5), -30.0)
        canvas.fill(sac, 18.0)
        if self.cord:
            canvas.fill(Contour(0, y + b + 7.5, superellipse(5, 4, 0).astype(np.float32)), 40.0)

    def _draw_arch(
        self, canvas: Canvas, cortex: float, marrow: np.ndarray, place: float, b: float
    ) -> None:
        """Pedicles, laminae, facets, processes: all that stands behind the body."""
        y, z, w = self.y, canvas.z, self.wide
        pedicle = float(np.clip(1.6 - abs(place - 0.62) * 7, 0, 1))
        cross = float(np.clip(1.5 - abs(place - 0.60) * 9, 0, 1))
        back = float(np.clip(1.6 - abs(place - 0.32) * 5, 0, 1))
        canal = y + b + 8
        rows, strong = [], []
        for side in (-1, 1):
            rows += [
                [side * self.half_x * 0.68, y + b * 0.6, z, side * 14, canal + 3, z, 4.6, 4.2],
                [side * 15, canal + 1, z, side * (14 + w), canal + 5 + self.twist * w, z, 4.0, 2.8],
                [side * 14, canal + 3, z, side * 3, canal + 14, z, 3.6, 3.0],
                [side * 17, canal + 5, z, side * 17, canal + 9, z, 6.5, 5.5],
            ]
            strong += [pedicle, cross, max(back, pedicle), max(back, 1 - pedicle)]
        rows.append([0, canal + 14, z, self.twist, canal + 15 + 20 * w / 22, z, 3.0, 2.8])
        strong.append(max(back, 0.35))
        for row, share in zip(rows, strong, strict=True):
            if share <= 0.02:
                continue
            segment = np.array([row], np.float32)
            canvas.tubes(segment, cortex * 0.9, share)
            canvas.tubes(segment, marrow + np.float32(90), share, grow_mm=-1.3)


def random_spine(rng: np.random.Generator, torso: Torso, lumbar: bool) -> Spine:
    """A random spine for ``torso``: lumbar, or thoracic with ribs and cord."""
    scale = torso.scale
    half_x = float(rng.uniform(20, 24) if lumbar else rng.uniform(14.5, 18)) * scale
    half_y = float(rng.uniform(15, 18) if lumbar else rng.uniform(13, 16)) * scale
    return Spine(
        y=torso.half_y * 0.95 - float(rng.uniform(60, 70)) * scale,
        half_x=half_x,
        half_y=half_y,
        pitch_mm=float(rng.uniform(32, 37) if lumbar else rng.uniform(24, 29)) * scale,
        shift_mm=float(rng.uniform(0, 40)),
        disc_hu=float(rng.uniform(70, 110)),
        cord=not lumbar,
        wide=float(rng.uniform(16, 26)) * scale,
        twist=float(rng.normal(0, 0.12)),
    )
