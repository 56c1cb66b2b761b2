"""What lies between the lungs: fat, heart, great vessels, airway, oesophagus, nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump, lump
from engines.phantoms.ct.body import Tissues, Torso
from engines.phantoms.ct.contrast import Contrast
from engines.phantoms.ct.spine import Spine
from engines.phantoms.texture import RIPPLE, STRANDS, Textures
from engines.phantoms.vessels import path


@dataclass(frozen=True, slots=True)
class Mediastinum:
    """One mediastinum; mm and HU. ``chambers`` holds lumps with the value of their blood."""

    scale: float
    half_y: float
    spine_y: float
    fatness: float
    heart: Lump
    chambers: tuple[tuple[Lump, float], ...]
    muscle_hu: float
    pipes: tuple[tuple[FloatArray, float], ...]
    airway: FloatArray
    gullet: FloatArray
    gullet_gas: float
    nodes: tuple[Lump, ...]
    calcium: tuple[Lump, ...]

    def draw(
        self,
        canvas: Canvas,
        textures: Textures,
        tissues: Tissues,
        inside: FloatArray,
        chest: Contour,
    ) -> None:
        """Draw it over the lungs."""
        z, s = canvas.z, self.scale
        whole = (slice(None), slice(None))
        between = self._between(canvas, textures) * inside
        soft = np.clip(textures.at(STRANDS, z, 8) - np.float32(self.fatness), 0, 1) * 90
        canvas.lay(whole, between, tissues.fat + soft)
        for pipe, _ in self.pipes:
            canvas.tubes(pipe, 40.0, inside, grow_mm=1.2)
        cut = self.heart.at(z)
        if cut is not None:
            canvas.fill(cut.grown(4.5 * s), tissues.fat, inside)
            canvas.fill(cut, self.muscle_hu + 4 * tissues.grain, inside)
            within = canvas.share(cut.grown(-2.0)) * inside
            for chamber, blood in self.chambers:
                canvas.fill(chamber.at(z), blood + 3 * tissues.grain, within, 2.0)
        for node in self.nodes:
            canvas.fill(node.at(z), 45.0, inside)
        for pipe, blood in self.pipes:
            canvas.tubes(pipe, blood + 2 * tissues.grain, inside)
        canvas.tubes(self.gullet, 42.0, inside)
        canvas.tubes(self.gullet, self.gullet_gas, inside, grow_mm=-4.0 * s)
        canvas.tubes(self.airway, 25.0, None, grow_mm=1.5)
        canvas.tubes(self.airway, -990.0, None)
        for spot in self.calcium:
            canvas.fill(spot.at(z), 700.0)

    def _between(self, canvas: Canvas, textures: Textures) -> FloatArray:
        """Share of each pixel that lies between the lungs: bounds in x that depend on y."""
        z, s = canvas.z, self.scale
        y = canvas.y
        front = np.clip((-y - 0.55 * self.half_y) / (0.35 * self.half_y), 0, 1)
        back = np.exp(-(((y - self.spine_y) / (24 * s)) ** 2))
        waist = (
            24.0 + 8 * np.exp(-(((z / s - 120) / 35) ** 2)) + 5 * np.clip((60 - z / s) / 40, 0, 1)
        )
        middle = np.float32(float(waist) * s) * np.exp(-(((y + 5) / (0.8 * self.half_y)) ** 4))
        bounds = np.maximum(middle, np.maximum(22 * s * back, (8 + 16 * front) * s))
        bounds = bounds + 3 * textures.at(RIPPLE, z, 5)
        return canvas.cover(bounds - np.abs(canvas.x - np.float32(2 * s)))


def plan_mediastinum(
    rng: np.random.Generator, torso: Torso, spine: Spine, contrast: Contrast
) -> Mediastinum:
    """A random mediastinum for ``torso`` in front of ``spine``."""
    s = torso.scale
    u = rng.uniform
    front = spine.y - spine.half_y
    big = float(u(0.9, 1.18)) * s
    heart_at = (float(24 + rng.normal(0, 4)) * s, -0.30 * torso.half_y, 42 * s)
    heart = lump(
        rng, heart_at, (60 * big, 46 * big, 62 * big), 0.55, 2.2, 0.035, lean=(-0.12, 0.05)
    )
    if contrast.phase == "arterial":
        right, left = float(u(150, 330)), contrast.artery
    else:
        right = left = contrast.artery
    hx, hy, hz = heart_at

    def chamber(
        x: float, y: float, z: float, half: tuple[float, float, float], turn: float
    ) -> Lump:
        """A chamber at an offset from the heart's middle."""
        wide = (half[0] * big, half[1] * big, half[2] * big)
        return lump(rng, (hx + x * big, hy + y * big, hz + z * big), wide, turn, 2, 0.08)

    chambers = (
        (chamber(-38, 2, 6, (19, 24, 34), 0.3), right),
        (chamber(-8, -22, -2, (32, 16, 36), 0.5), right),
        (chamber(22, 4, -8, (31, 17, 36), 0.62), left),
        (chamber(-6, 26, 26, (30, 17, 24), 0.1), left),
        (chamber(-8, -4, 34, (15, 15, 26), 0.0), left),
    )
    r = float(u(11, 16)) * s
    arch = 158 * s
    down = (24 * s, front + 3 * s)
    aorta = path(
        [
            (16 * s, front - 4 * s, -60),
            (down[0], down[1], 60 * s),
            (down[0], down[1], arch - 22 * s),
            (20 * s, front - 14 * s, arch - 6 * s),
            (4 * s, front - 42 * s, arch),
            (-10 * s, front - 62 * s, arch - 14 * s),
            (-12 * s, front - 66 * s, arch - 35 * s),
            (-2 * s, hy - 2, hz + 30 * s),
        ],
        [r * 0.85, r * 0.9, r * 0.95, r, r * 1.05, r * 1.15, r * 1.2, r * 1.15],
    )
    trunk = path(
        [
            (22 * s, hy - 18 * s, hz + 34 * s),
            (24 * s, front - 62 * s, 112 * s),
            (20 * s, front - 44 * s, 126 * s),
            (44 * s, front - 22 * s, 126 * s),
        ],
        [13 * s, 13 * s, 12 * s, 9 * s],
    )
    crossing = path(
        [
            (20 * s, front - 46 * s, 122 * s),
            (-14 * s, front - 40 * s, 116 * s),
            (-44 * s, front - 34 * s, 112 * s),
        ],
        [11 * s, 10 * s, 8 * s],
    )
    veins = [
        path(
            [(side * 62 * s, 16 * s, z * s), (side * 20 * s, hy + 24 * s, (z - 8) * s)],
            [4 * s, 7 * s],
        )
        for side in (-1, 1)
        for z in (78.0, 100.0)
    ]
    cava = path(
        [
            (-34 * s, hy + 4, 60 * s),
            (-32 * s, front - 50 * s, 110 * s),
            (-28 * s, front - 52 * s, 165 * s),
            (-30 * s, front - 50 * s, 230 * s),
        ],
        [10 * s, 9.5 * s, 9 * s, 7 * s],
    )
    low = path(
        [(-26 * s, front - 18 * s, -60), (-28 * s, front - 26 * s, 30 * s)], [12 * s, 12 * s]
    )
    left_vein = path(
        [
            (-26 * s, front - 56 * s, 168 * s),
            (15 * s, front - 64 * s, 178 * s),
            (40 * s, front - 58 * s, 195 * s),
        ],
        [7 * s, 6.5 * s, 6 * s],
    )
    branches = [
        path(
            [(x * s, front - d * s, arch), (x * 1.8 * s, front - (d + 2) * s, 240 * s)],
            [w * s, w * 0.85 * s],
        )
        for x, d, w in ((-12, 56, 6.5), (4, 44, 4.2), (16, 26, 5.2))
    ]
    azygos = path(
        [
            (-4 * s, front + 1 * s, -60),
            (-6 * s, front - 1 * s, 135 * s),
            (-20 * s, front - 20 * s, 140 * s),
        ],
        [3.5 * s, 4 * s, 4.5 * s],
    )
    pipes = [(v, left) for v in veins] + [
        (low, contrast.vein),
        (left_vein, float(u(0.6, 1.2)) * right),
        (azygos, contrast.vein),
        (trunk, right),
        (crossing, right),
        (cava, float(u(0.8, 1.3)) * right),
        (aorta, left),
    ]
    pipes += [(b, left) for b in branches]
    top = (float(rng.normal(-1, 2)) * s, front - 26 * s)
    w = float(u(7.5, 10)) * s
    airway = np.concatenate(
        [
            path([(top[0], top[1] - 6 * s, 260 * s), (top[0], top[1], 128 * s)], [w, w]),
            path(
                [
                    (top[0], top[1], 130 * s),
                    (-34 * s, top[1] + 2, 108 * s),
                    (-46 * s, top[1] + 6, 98 * s),
                ],
                [w * 0.8, w * 0.7, w * 0.5],
            ),
            path(
                [
                    (top[0], top[1], 130 * s),
                    (38 * s, top[1] + 4, 104 * s),
                    (50 * s, top[1] + 8, 94 * s),
                ],
                [w * 0.8, w * 0.62, w * 0.45],
            ),
        ]
    )
    gullet = path(
        [
            (4 * s, front - 8 * s, 260 * s),
            (6 * s, front - 9 * s, 120 * s),
            (9 * s, front - 14 * s, 40 * s),
            (16 * s, front - 24 * s, -60),
        ],
        [7 * s, 7 * s, 7.5 * s, 8 * s],
    )
    nodes = tuple(
        lump(
            rng,
            (float(rng.normal(-4, 18)) * s, front - float(u(15, 60)) * s, float(u(70, 190)) * s),
            (k, k * 0.65, k),
            u(0, 3),
            2,
            0.06,
        )
        for k in rng.uniform(2, 6, 18)
    )
    calcium = []
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(1, 8))):
            turn, k = u(0, 2 * np.pi), float(u(0.8, 2.2))
            calcium.append(
                lump(
                    rng,
                    (
                        down[0] + r * 0.9 * np.cos(turn),
                        down[1] + r * 0.9 * np.sin(turn),
                        float(u(0, 140)) * s,
                    ),
                    (k * 1.6, k, k * 2),
                    turn + 1.57,
                    2,
                    0.2,
                )
            )
    return Mediastinum(
        scale=s,
        half_y=torso.half_y - torso.wall_mm,
        spine_y=spine.y,
        fatness=float(u(0.1, 1.2)),
        heart=heart,
        chambers=chambers,
        muscle_hu=contrast.muscle + (float(u(20, 50)) if contrast.phase != "none" else 0),
        pipes=tuple(pipes),
        airway=airway,
        gullet=gullet,
        gullet_gas=float(rng.choice([-900.0, 35.0])),
        nodes=nodes,
        calcium=tuple(calcium),
    )
