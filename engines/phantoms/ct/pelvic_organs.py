"""Where a random pelvis's muscles, organs, bowel and vessels lie, from the hip joint's place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.phantoms.contour import Lump, lump
from engines.phantoms.ct.bowel import Loop, loop, small_bowel
from engines.phantoms.ct.contrast import Contrast
from engines.phantoms.ct.organs import Pipe
from engines.phantoms.vessels import path, tree

Organ = tuple[Lump, float, float]
"""A hollow organ: outside, HU of its wall, HU within."""

MUSCLES: tuple[tuple[tuple[float, ...], tuple[float, ...], float, tuple[float, float]], ...] = (
    ((-22, 66, 70), (60, 31, 120), -0.55, (-0.10, 0.05)),  # gluteus maximus
    ((22, 8, 95), (25, 50, 85), -0.35, (0.06, -0.05)),  # gluteus medius
    ((4, 14, 92), (12, 36, 70), -0.45, (0.04, 0.0)),  # gluteus minimus
    ((-24, -36, 80), (24, 24, 150), 0.5, (-0.14, 0.12)),  # iliopsoas
    ((-38, 16, 30), (8, 34, 45), 0.12, (0, 0)),  # obturator internus
    ((30, -40, 40), (20, 18, 120), 0.6, (0.05, 0)),  # tensor
    ((8, -52, 10), (20, 13, 75), 0.1, (0, 0)),  # sartorius, rectus femoris
    ((-42, -44, 2), (22, 13, 40), 0.5, (0, 0)),  # pectineus
    ((-30, 8, -6), (24, 24, 32), 0.5, (0, 0)),  # obturator externus, adductors
    ((20, 34, 25), (24, 10, 26), -0.3, (0, 0)),  # short rotators
    ((46, 2, 5), (9, 42, 70), -0.1, (0, 0)),  # vastus and tract
    ((-34, 44, 105), (30, 9, 22), 0.7, (0, 0)),  # piriformis
)
"""Place from the hip joint (x outwards, y back; z is height), half axes, all mm of an adult;
turn; lean."""


@dataclass(frozen=True, slots=True)
class Hip:
    """Where to put things: the left hip joint, mm, and the body's scale."""

    rng: np.random.Generator
    x: float
    y: float
    scale: float

    def any(self, low: float, high: float) -> float:
        """A random number between two."""
        return float(self.rng.uniform(low, high))


def plan_muscles(hip: Hip, half_y: float) -> tuple[Lump, ...]:
    """The muscles of ``MUSCLES`` on both sides, and the erectors."""
    rng, s = hip.rng, hip.scale
    muscles = []
    for side in (-1, 1):
        for (x, y, z), (a, b, c), turn, (out, back) in MUSCLES:
            at = (side * (hip.x + x * s), hip.y + y * s, z * s)
            half = (a * s, b * s, c * s)
            muscles.append(lump(rng, at, half, side * turn, 2.15, 0.05, lean=(side * out, back)))
        at = (side * 24 * s, 0.70 * half_y, 170 * s)
        muscles.append(lump(rng, at, (24 * s, 17 * s, 75 * s), side * 0.3, 2.3, 0.05))
    return tuple(muscles)


def plan_hollow(hip: Hip, contrast: Contrast) -> tuple[Organ, ...]:
    """The bladder; uterus and ovaries, or prostate and seminal vesicles."""
    rng, s, y = hip.rng, hip.scale, hip.y
    muscle = contrast.muscle
    urine = hip.any(0, 14) if contrast.urine < 100 else contrast.urine
    full = hip.any(0.55, 1.25) * s
    at = (float(rng.normal(0, 4)), y - 22 * s, 42 * s)
    bladder = lump(rng, at, (40 * full, 31 * full, 34 * full), 0, 2.3, 0.05)
    organs: list[Organ] = [(bladder, hip.any(25, 45), urine)]
    if rng.random() < 0.5:
        at = (float(rng.normal(0, 10)), y + 10 * s, 66 * s)
        womb = lump(rng, at, (34 * s, 21 * s, 30 * s), 0.1, 2, 0.06)
        organs.append((womb, muscle + hip.any(5, 45), muscle + hip.any(-8, 20)))
        for side in (-1, 1):
            r = hip.any(8, 19) * s
            at = (side * 42 * s, y + 4 * s, 80 * s)
            organs.append((lump(rng, at, (r, r * 0.8, r), 0.3, 2, 0.08), muscle, hip.any(8, 40)))
    else:
        gland = lump(rng, (0, y + 4 * s, 12 * s), (24 * s, 19 * s, 19 * s), 0, 2.1, 0.05)
        pouch = lump(rng, (0, y + 16 * s, 38 * s), (30 * s, 6.5 * s, 9 * s), 0, 2, 0.12)
        organs += [
            (gland, muscle + 4, muscle + hip.any(0, 20)),
            (pouch, muscle - 10, muscle - 20),
        ]
    return tuple(organs)


def plan_bowel(hip: Hip, wall: float) -> tuple[Loop, ...]:
    """Small bowel, rectum, sigmoid and caecum."""
    rng, s, y = hip.rng, hip.scale, hip.y
    stool = (0.8, 0.5, 0.2, 0.5, 0.1, 0.2)
    box = (84 * s, 44 * s, 60 * s)
    loops = list(small_bowel(rng, (0, y - 30 * s, 120 * s), box, wall, 80, s))
    for z in range(-20, 110, 22):
        wide = hip.any(13, 24) * s
        at = (float(rng.normal(0, 5)), y + (34 + 0.12 * z) * s, z * s)
        loops.append(loop(rng, at, (wide * 1.1, wide, 18 * s), wall, stool, 0.10, 3.2))
    for k in range(6):
        wide = hip.any(11, 18) * s
        at = ((75 - 13 * k) * s, y + (-18 + 9 * float(np.sin(k))) * s, (135 - 9 * k) * s)
        loops.append(loop(rng, at, (wide * 1.2, wide, wide * 1.3), wall, stool, 0.10, 3.0))
    for z in range(90, 210, 24):
        wide = hip.any(15, 24) * s
        at = (-(84 + 0.1 * (z - 90)) * s, y - 26 * s, z * s)
        chances = (0.9, 0.5, 0.1, 0.1, 0.2, 0.3)
        loops.append(loop(rng, at, (wide, wide * 1.1, 18 * s), wall, chances, 0.10))
    return tuple(loops)


def plan_vessels(hip: Hip, contrast: Contrast) -> tuple[Pipe, ...]:
    """Iliac and femoral vessels, and trees to the organs, the bowel and the glutei."""
    rng, s, x, y = hip.rng, hip.scale, hip.x, hip.y
    pipes = []
    faint = 0.5 * contrast.artery + 15
    for side in (-1, 1):
        line = [
            (side * 10 * s, y + 14 * s, 185 * s),
            (side * 38 * s, y - 2 * s, 125 * s),
            (side * (x - 40 * s), y - 34 * s, 75 * s),
            (side * (x - 20 * s), y - 58 * s, 40 * s),
            (side * (x - 14 * s), y - 56 * s, -40 * s),
        ]
        beside = [(px - side * 9 * s, py + 9 * s, pz) for px, py, pz in line]
        wide = hip.any(4, 5.5) * s
        pipes.append(Pipe(path(beside, [6.5 * s] * 5), contrast.vein))
        pipes.append(Pipe(path(line, [wide * k for k in (1.2, 1.1, 1, 1, 0.9)]), contrast.artery))
        for _ in range(3):
            start = (side * 44 * s, y + 12 * s, 105 * s)
            aim = (side * hip.any(20, 70) * s, y + hip.any(-10, 60) * s, hip.any(0, 70) * s)
            pipes.append(Pipe(tree(rng, start, aim, 3.0 * s, 24 * s, 6, None, 0.5, 0.4), faint))
            start = (side * 15 * s, y, 160 * s)
            aim = (side * hip.any(-30, 60) * s, y - hip.any(20, 60) * s, hip.any(80, 160) * s)
            twigs = tree(rng, start, aim, 2.2 * s, 24 * s, 6, None, 0.5, 0.4)
            pipes.append(Pipe(twigs, contrast.portal))
            start = (side * (x - 40 * s), y + 48 * s, 88 * s)
            aim = (side * (x + hip.any(-30, 20) * s), y + 60 * s, hip.any(20, 140) * s)
            pipes.append(Pipe(tree(rng, start, aim, 2.4 * s, 20 * s, 5, None, 0.5, 0.4), faint))
    return tuple(pipes)
