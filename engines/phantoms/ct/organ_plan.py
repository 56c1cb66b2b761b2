"""Where a random patient's abdominal organs lie, how large they are and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray
from engines.phantoms.contour import Lump, lump
from engines.phantoms.ct.body import Torso
from engines.phantoms.ct.contrast import Contrast
from engines.phantoms.ct.organs import Kidney, Organs, Pipe
from engines.phantoms.ct.spine import Spine
from engines.phantoms.vessels import path, tree, wavy

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Room:
    """The cavity to furnish: half axes and scale, and the spine's front, mm."""

    rng: np.random.Generator
    scale: float
    half_x: float
    half_y: float
    front: float
    shift: float

    def put(self, u: float, v: float, z: float) -> Point:
        """A point from shares of the cavity's half axes; z is of an average adult."""
        return u * self.half_x, v * self.half_y, z * self.scale + self.shift

    def size(self, u: float, v: float, z: float) -> Point:
        """Half axes from shares of the cavity's, each up to 10 % off."""
        off = self.rng.uniform(0.9, 1.1, 3)
        return (
            u * self.half_x * float(off[0]),
            v * self.half_y * float(off[1]),
            z * self.scale * float(off[2]),
        )

    def any(self, low: float, high: float) -> float:
        """A random number between two."""
        return float(self.rng.uniform(low, high))


def room_of(rng: np.random.Generator, torso: Torso, spine: Spine) -> Room:
    """The room inside ``torso`` in front of ``spine``."""
    s = torso.scale
    half_x, half_y = torso.half_x - torso.wall_mm, torso.half_y - torso.wall_mm
    return Room(rng, s, half_x, half_y, spine.y - spine.half_y, float(rng.normal(0, 7)) * s)


def plan_organs(room: Room, spine: Spine, contrast: Contrast) -> Organs:
    """Random organs for ``room``."""
    rng, s = room.rng, room.scale
    liver = (
        lump(rng, room.put(-0.52, -0.02, 138), room.size(0.56, 0.98, 80), 0.15, 2.2, 0.04),
        lump(rng, room.put(-0.08, -0.48, 158), room.size(0.55, 0.36, 52), 0.12, 2.0, 0.06),
        lump(rng, room.put(-0.16, 0.12, 150), room.size(0.20, 0.20, 32), 0.2, 2.0, 0.08),
    )
    dent = (np.pi + 0.1, 0.7, 0.22)
    spleen = lump(rng, room.put(0.74, 0.22, 154), room.size(0.26, 0.50, 58), 0.35, 2.2, 0.05, dent)
    kidneys, cysts = _kidneys(room, spine)
    pancreas = tuple(
        lump(
            rng,
            room.put(-0.14 + 0.13 * k, -0.13 + 0.02 * (k - 2) ** 2, 118 + 5 * k),
            (15 * s, 9 * s, 15 * s),
            -0.2,
            2,
            0.12,
        )
        for k in range(6)
    )
    nodes = tuple(
        lump(
            rng,
            room.put(rng.normal(0, 0.25), rng.normal(0, 0.2), rng.uniform(0, 140)),
            (r, r * 0.7, r),
        )
        for r in rng.uniform(1.5, 4.5, 16)
    )
    gallbladder = None
    if rng.random() < 0.8:
        bladder = lump(rng, room.put(-0.30, -0.40, 100), (15 * s, 20 * s, 26 * s), 0.6, 2, 0.04)
        gallbladder = (bladder, room.any(2, 16))
    pipes, calcium = _great_vessels(room, contrast, kidneys)
    return Organs(
        contrast=contrast,
        grain_hu=room.any(2, 5),
        liver=liver,
        liver_pipes=_liver_vessels(room, contrast, liver[0]),
        lesions=_lesions(room, contrast),
        gallbladder=gallbladder,
        spleen=spleen,
        pancreas=pancreas,
        kidneys=kidneys,
        cysts=cysts,
        pipes=pipes,
        mesentery=_mesentery(room, contrast),
        nodes=nodes,
        calcium=calcium,
    )


def _kidneys(room: Room, spine: Spine) -> tuple[tuple[Kidney, ...], tuple[tuple[Lump, float], ...]]:
    """Both kidneys beside the spine, and cysts."""
    rng, s = room.rng, room.scale
    kidneys, cysts = [], []
    for side in (-1, 1):
        height = (82 if side < 0 else 92) * s + room.shift
        across = side * (47 + spine.half_x * 0.6) * s
        at = (across, spine.y - 2 * s + float(rng.normal(0, 4)), height)
        turn = side * -0.45
        dent = ((np.pi if side > 0 else 0.0) + side * 0.35, 0.5, 0.42)
        a, b, h = room.any(26, 32) * s, room.any(24, 29) * s, room.any(48, 58) * s
        lean = (side * 0.08, -0.06)
        small = (a - 7 * s, b - 7 * s, h - 9 * s)
        inner = (at[0] - side * 9 * s, at[1] - 4 * s, height)
        tip = (inner[0] - side * 3 * s, inner[1], height)
        kidneys.append(
            Kidney(
                lump(rng, at, (a, b, h), turn, 2.0, 0.03, dent, lean),
                lump(rng, at, small, turn, 2.0, 0.17, dent, lean),
                lump(rng, inner, (11 * s, 8 * s, 24 * s), turn, 2.0, 0.16, lean=lean),
                lump(rng, tip, (6 * s, 3.5 * s, 11 * s), turn, 2.0, 0.15, lean=lean),
            )
        )
        if rng.random() < 0.35:
            r = room.any(3, 16) * s
            where = (
                at[0] + side * a * 0.8,
                at[1] + float(rng.normal(0, 8)),
                height + room.any(-30, 30),
            )
            cysts.append((lump(rng, where, (r, r, r), rough=0.02), room.any(-2, 15)))
    return tuple(kidneys), tuple(cysts)


def _liver_vessels(room: Room, contrast: Contrast, lobe: Lump) -> tuple[Pipe, ...]:
    """Portal branches from the hilum, hepatic veins from the dome; darker than unenhanced liver."""
    rng, s = room.rng, room.scale
    centre = np.array(lobe.centre)
    half = np.array(lobe.half) * (1.1, 0.95, 1.0)

    def within(points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Roughly inside the liver."""
        inside: NDArray[np.bool_] = (((points - centre) / half) ** 2).sum(axis=1) < 1
        return inside

    hilum = room.put(-0.20, -0.05, 130)
    portal = [
        tree(rng, hilum, room.put(-0.75, 0.1, 130), 5.5 * s, 30 * s, 8, within, 0.6),
        tree(rng, hilum, room.put(-0.25, -0.7, 150), 4.5 * s, 26 * s, 7, within, 0.6),
    ]
    dome = room.put(-0.18, 0.25, 185)
    aims = ((-0.85, 0.2, 120), (-0.55, -0.5, 120), (-0.05, -0.6, 150))
    hepatic = [tree(rng, dome, room.put(*aim), 4.5 * s, 36 * s, 7, within, 0.5) for aim in aims]
    plain = contrast.phase == "none"
    first = contrast.liver - 12 if plain else contrast.portal
    second = contrast.liver - 14 if plain else contrast.vein
    return (*(Pipe(p, first) for p in portal), *(Pipe(p, second) for p in hepatic))


def _lesions(room: Room, contrast: Contrast) -> tuple[tuple[Lump, float], ...]:
    """Lesions of the liver in six patients of ten: 3 to 24 mm, 5 to 40 HU, some calcified."""
    rng, lesions = room.rng, []
    for _ in range(int(rng.integers(0, 7)) if rng.random() < 0.6 else 0):
        r = float(np.exp(room.any(np.log(1.5), np.log(12)))) * room.scale
        where = room.put(room.any(-0.95, -0.1), room.any(-0.7, 0.7), room.any(80, 195))
        value = contrast.liver + float(rng.choice([-1, -1, -1, 1])) * room.any(5, 40)
        if rng.random() < 0.06:
            value = 400.0
        lesions.append((lump(rng, where, (r, r * room.any(0.8, 1.25), r), rough=0.06), value))
    return tuple(lesions)


def _great_vessels(
    room: Room, contrast: Contrast, kidneys: tuple[Kidney, ...]
) -> tuple[tuple[Pipe, ...], FloatArray]:
    """Aorta, cava, portal vein and their branches; also calcium in the aorta's wall."""
    rng, s, front, up = room.rng, room.scale, room.front, room.shift
    r = room.any(8, 12.5) * s
    aorta = [(6 + float(rng.normal(0, 3)), front - r - 1.5, z) for z in (-80.0, 0.0, 70.0, 300.0)]
    cava = [(-19 * s + float(rng.normal(0, 2)), front - 9 * s, z) for z in (-80.0, 40.0, 300.0)]
    hilum = room.put(-0.20, -0.05, 130)
    root = (-14 * s, front - 14 * s, 60 * s + up)
    pipes = [
        Pipe(
            path([root, hilum, room.put(-0.26, -0.06, 140)], [5.5 * s, 6.5 * s, 6 * s]),
            contrast.portal,
        ),
        Pipe(wavy(rng, hilum, room.put(0.62, 0.15, 145), 4.5 * s, 0.03), contrast.portal),
        Pipe(path(cava, [10.5 * s] * 3), contrast.vein),
    ]
    for kidney in kidneys:
        x, y, z = kidney.pelvis.centre
        start = (cava[1][0], cava[1][1], z + 3)
        pipes.append(Pipe(wavy(rng, start, (x, y - 4, z), 4.5 * s, 0.04), contrast.vein))
        start = (aorta[2][0], aorta[2][1], z)
        pipes.append(Pipe(wavy(rng, start, (x, y, z), 2.6 * s, 0.04), contrast.artery))
    pipes.append(Pipe(path(aorta, [r * 0.9, r * 0.92, r, r * 1.1]), contrast.artery))
    upper = [
        (6.0, front - 2 * r, 108 * s + up),
        (5.0, front - 2 * r - 9 * s, 98 * s + up),
        (2.0, front - 2 * r - 14 * s, 0.0),
    ]
    pipes.append(Pipe(path(upper, [3.5 * s, 3.2 * s, 2.4 * s]), contrast.artery))
    for x in (-13 * s, 17 * s):  # crura of the diaphragm
        start, stop = (x, front - 10 * s, 110 * s + up), (x * 1.4, front + 6 * s, 185 * s + up)
        pipes.append(Pipe(wavy(rng, start, stop, 4 * s, 0.02), contrast.muscle))
    plaques = []
    for _ in range(14 if rng.random() < 0.4 else 0):
        turn, z = room.any(0, 2 * np.pi), room.any(-20, 160)
        (x, y, _), far = aorta[1], turn + 0.4
        row = [x + r * np.cos(turn), y + r * np.sin(turn), z]
        plaques.append([*row, x + r * np.cos(far), y + r * np.sin(far), z + 6, 0.9, 1.3])
    return tuple(pipes), np.array(plaques, np.float32).reshape(-1, 8)


def _mesentery(room: Room, contrast: Contrast) -> Pipe:
    """Vessels that fan out from the root of the mesentery to the bowel."""
    rng, s = room.rng, room.scale
    twigs = []
    for k in range(24):
        level = k // 6
        start = (2.0, room.front - 22 * s, (95 - 25 * level) * s + room.shift)
        height = 100 - 35 * level + float(rng.normal(0, 25))
        aim = room.put(room.any(-0.9, 0.9), -0.6, height)
        twigs.append(tree(rng, start, aim, 2.4 * s, 26 * s, 6, None, 0.5, 0.4))
    return Pipe(np.concatenate(twigs), 0.4 * (contrast.portal + contrast.artery))
