"""The ring of the pelvis with sacrum, hip joints and the upper ends of the femurs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Lump, lump
from engines.phantoms.ct.body import Tissues, Torso
from engines.phantoms.vessels import path


@dataclass(frozen=True, slots=True)
class PelvicBones:
    """One bony pelvis; ``hip`` is the middle of the left hip joint (x, y, z), mm."""

    hip: tuple[float, float, float]
    head_mm: float
    cortex_mm: float
    sacrum: tuple[Lump, ...]
    holes: tuple[Lump, ...]
    wings: tuple[Lump, ...]
    sockets: tuple[Lump, ...]
    joints: tuple[Lump, ...]
    heads: tuple[Lump, ...]
    necks: FloatArray
    rami: FloatArray

    def draw(self, canvas: Canvas, torso: Torso, tissues: Tissues) -> None:
        """Draw what the slice at ``canvas.z`` cuts."""
        z, cortex, marrow = canvas.z, torso.cortex_hu, tissues.marrow
        for bones in (self.sacrum, self.wings):
            canvas.bones([b.at(z) for b in bones], cortex, self.cortex_mm, marrow)
        for hole in self.holes:
            canvas.fill(hole.at(z), -20.0)
        canvas.tubes(self.rami, cortex)
        canvas.tubes(self.rami, marrow, grow_mm=-self.cortex_mm - 0.4)
        sockets = [socket.at(z) for socket in self.sockets]
        canvas.bones(sockets, cortex, self.cortex_mm + 0.3, marrow)
        for joint in self.joints:
            cut = joint.at(z)
            if cut is not None:
                canvas.fill(cut.grown(1.6), cortex * 0.9, canvas.share(cut.grown(2.2)))
                canvas.fill(cut, 60.0)
        canvas.tubes(self.necks, cortex)
        canvas.tubes(self.necks, marrow - np.float32(60), grow_mm=-self.cortex_mm - 1.2)
        for head in self.heads:
            canvas.bone(head.at(z), cortex * 0.8, self.cortex_mm * 0.8, marrow + np.float32(110))


def plan_pelvic_bones(rng: np.random.Generator, torso: Torso) -> PelvicBones:
    """Random bones for ``torso``."""
    s = torso.scale
    u = rng.uniform
    hx, hy, hz = float(u(84, 94)) * s, 6.0 * s + float(rng.normal(0, 4)), 42 * s
    back = 0.66 * torso.half_y
    sacrum = [
        lump(
            rng, (0, back - 6 * s, 140 * s), (56 * s, 21 * s, 70 * s), 0, 1.7, 0.05, lean=(0, -0.10)
        ),
        lump(
            rng, (0, back + 8 * s, 75 * s), (33 * s, 12 * s, 42 * s), 0, 2.0, 0.06, lean=(0, 0.12)
        ),
        lump(rng, (0, back + 2 * s, 40 * s), (10 * s, 7 * s, 24 * s), 0, 2.0, 0.08, lean=(0, 0.4)),
        lump(rng, (0, back + 17 * s, 130 * s), (5 * s, 14 * s, 60 * s), 0, 2, 0.1, lean=(0, -0.10)),
    ]
    holes = [
        lump(
            rng, (0, back + 12 * s, 140 * s), (9 * s, 5 * s, 60 * s), 0, 1.8, 0.06, lean=(0, -0.08)
        )
    ]
    wings, sockets, joints, heads, necks, rami = [], [], [], [], [], []
    for side in (-1, 1):
        holes += [
            lump(
                rng,
                (side * 22 * s, back - 2 * s, z * s),
                (5 * s, 6 * s, 6.5 * s),
                side * 0.3,
                2,
                0.08,
            )
            for z in (95, 120, 146)
        ]
        # The wing: a plate from the sacrum forwards and outwards, made of three leaves.
        for x, y, a, b, turn in (
            (66, 40, 27, 7.5, 0.95),
            (86, 10, 27, 4.6, 0.85),
            (104, -17, 22, 6.5, 0.95),
        ):
            at = (side * x * s * 1.02, hy + y * s, 118 * s)
            wings.append(
                lump(
                    rng,
                    at,
                    (a * s, b * s, 62 * s),
                    -side * turn if side > 0 else turn,
                    2.2,
                    0.05,
                    lean=(side * 0.22, -0.06),
                )
            )
        head = (side * hx, hy, hz)
        sockets += [
            lump(
                rng,
                (side * (hx - 15 * s), hy + 3 * s, 48 * s),
                (23 * s, 33 * s, 34 * s),
                side * 0.15,
                2.1,
                0.05,
            ),
            lump(
                rng,
                (side * (hx - 6 * s), hy + 24 * s, 42 * s),
                (14 * s, 13 * s, 28 * s),
                side * 0.5,
                2.0,
                0.06,
            ),
            lump(
                rng,
                (side * (hx - 22 * s), hy + 34 * s, 8 * s),
                (12 * s, 17 * s, 24 * s),
                side * 0.3,
                2.1,
                0.06,
            ),
        ]
        r = float(u(22, 26)) * s
        joints.append(
            lump(rng, head, (r + 3.2 * s, r + 3.2 * s, r + 3.2 * s), rough=0.01, lean=(0, 0))
        )
        heads.append(lump(rng, head, (r, r, r), rough=0.015, lean=(0, 0)))
        necks.append(
            path(
                [
                    head,
                    (side * (hx + 26 * s), hy + 6 * s, 24 * s),
                    (side * (hx + 42 * s), hy + 8 * s, 14 * s),
                    (side * (hx + 36 * s), hy + 6 * s, -30 * s),
                    (side * (hx + 30 * s), hy, -90 * s),
                ],
                [16 * s, 14 * s, 17 * s, 16 * s, 13 * s],
            )
        )
        necks.append(
            path(
                [
                    (side * (hx + 42 * s), hy + 8 * s, 14 * s),
                    (side * (hx + 44 * s), hy + 14 * s, 30 * s),
                ],
                [15 * s, 11 * s],
            )
        )
        rami.append(
            path(
                [
                    (side * (hx - 18 * s), hy - 24 * s, 44 * s),
                    (side * 45 * s, hy - 46 * s, 30 * s),
                    (side * 14 * s, hy - 52 * s, 12 * s),
                ],
                [13 * s, 8 * s, 9 * s],
            )
        )
        rami.append(
            path(
                [
                    (side * 11 * s, hy - 50 * s, 14 * s),
                    (side * 11 * s, hy - 44 * s, -6 * s),
                    (side * 40 * s, hy + 8 * s, -26 * s),
                    (side * (hx - 24 * s), hy + 34 * s, -10 * s),
                ],
                [9 * s, 7.5 * s, 7 * s, 12 * s],
            )
        )
    return PelvicBones(
        hip=(hx, hy, hz),
        head_mm=r,
        cortex_mm=float(u(1.1, 2.0)),
        sacrum=tuple(sacrum),
        holes=tuple(holes),
        wings=tuple(wings),
        sockets=tuple(sockets),
        joints=tuple(joints),
        heads=tuple(heads),
        necks=np.concatenate(necks),
        rami=np.concatenate(rami),
    )
