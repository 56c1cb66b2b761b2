"""Where a random patient's stomach, small bowel and colon lie, and the muscles behind them."""

from __future__ import annotations

from engines.phantoms.contour import Lump, lump
from engines.phantoms.ct.bowel import Loop, loop, small_bowel
from engines.phantoms.ct.organ_plan import Room
from engines.phantoms.ct.spine import Spine


def plan_gut(room: Room, wall_hu: float) -> tuple[Loop, ...]:
    """Small bowel first, then the colon's frame, then the stomach in front of it."""
    rng, s = room.rng, room.scale
    colon = (0.9, 0.4, 0.1, 0.15, 0.1 if rng.random() < 0.8 else 0.9, 0.3)
    middle, half = room.put(0.0, -0.28, 30), room.size(0.70, 0.50, 80)
    loops = list(small_bowel(rng, middle, half, wall_hu, 95, s))
    for side, v, top, least, most in ((-0.80, 0.16, 75, 15, 25), (0.84, 0.24, 140, 10, 20)):
        for z in range(-40, top, 27):
            wide = room.any(least, most) * s
            at = room.put(side, v + float(rng.normal(0, 0.04)), z)
            loops.append(loop(rng, at, (wide, wide * 1.15, 21 * s), wall_hu, colon, 0.10))
    sag = room.any(60, 115)
    for k in range(9):
        u = -0.72 + 0.18 * k
        at = room.put(u, -0.66 + 0.22 * u * u, sag + 45 * u * u + float(rng.normal(0, 4)))
        wide = room.any(14, 22) * s
        loops.append(loop(rng, at, (wide * 1.3, wide, wide), wall_hu, colon, 0.10))
    stomach = (0.05, 0.1, 0.25, 0.05, 0.1, 0.6)
    for at, half in (
        (room.put(0.28, -0.42, 148), room.size(0.42, 0.38, 44)),
        (room.put(0.50, -0.16, 176), room.size(0.34, 0.46, 42)),
    ):
        loops.append(loop(rng, at, half, wall_hu, stomach, 0.05, 4.5))
    return tuple(loops)


def plan_backs(room: Room, spine: Spine) -> tuple[Lump, ...]:
    """Erector, psoas and quadratus on both sides of ``spine``."""
    rng, s = room.rng, room.scale
    backs = []
    for side in (-1, 1):
        erector = (side * 33 * s, spine.y + 38 * s, 60.0)
        psoas = (side * (spine.half_x + 15 * s), spine.y - 4 * s, -10 * s)
        quadratus = (side * (spine.half_x + 44 * s), spine.y + 18 * s, 20 * s)
        backs += [
            lump(rng, erector, (27 * s, 23 * s, 600), side * 0.35, 2.4, 0.04, lean=(0, 0)),
            lump(
                rng,
                psoas,
                (18 * s, 22 * s, 125 * s),
                side * 0.3,
                2.0,
                0.04,
                lean=(-side * 0.12, 0.04),
            ),
            lump(
                rng,
                quadratus,
                (22 * s, 10 * s, 85 * s),
                side * -0.35,
                2.0,
                0.05,
                lean=(-side * 0.1, 0.0),
            ),
        ]
    return tuple(backs)
