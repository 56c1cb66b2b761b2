"""The base of the skull: orbits, air cells, petrous bones, and the ears outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump, lump
from engines.phantoms.texture import PARENCHYMA, STRANDS, TRABECULAE, Textures


@dataclass(frozen=True, slots=True)
class SkullBase:
    """Bones, air cells and eyes of one head; HU."""

    cortex: float
    ridges: tuple[Lump, ...]
    petrous: tuple[Lump, ...]
    cells: tuple[Lump, ...]
    sinuses: tuple[Lump, ...]
    orbits: tuple[Lump, ...]
    eyes: tuple[Lump, ...]
    lenses: tuple[Lump, ...]
    muscles: tuple[Lump, ...]
    ears: tuple[Lump, ...]

    def draw(self, canvas: Canvas, textures: Textures, outer: Contour, inner: Contour) -> None:
        """Draw what of it the slice at ``canvas.z`` meets."""
        z = canvas.z
        for ear in self.ears:
            canvas.fill(ear.at(z), 20.0)
            canvas.fill(_shrunk(ear, z, 2.4), -600.0)
        if z > 62:
            return
        spongy = 520 + 170 * textures.at(TRABECULAE, z, 1)
        walls = textures.lines(STRANDS, z, 0.22, 2)
        air = -980 + 1150 * walls
        within = np.zeros_like(canvas.values)
        found = canvas.depth(outer)
        if found is not None:
            within[found[0]] = canvas.cover(found[1])
        for ridge in self.ridges:
            canvas.bone(ridge.at(z), self.cortex * 0.8, 1.2, spongy, within)
        for bone in self.petrous:
            canvas.bone(bone.at(z), self.cortex, 2.0, spongy * 1.5, within)
        for cell in self.cells:
            canvas.fill(cell.at(z), air, within)
        for sinus in self.sinuses:
            canvas.bone(sinus.at(z), self.cortex * 0.6, 1.1, air, within)
        fat = -95 + 8 * textures.at(PARENCHYMA, z, 2)
        for orbit in self.orbits:
            canvas.bone(orbit.at(z), self.cortex * 0.7, 1.3, fat)
        for muscle in self.muscles:
            canvas.fill(muscle.at(z), 45.0)
        for eye in self.eyes:
            canvas.fill(eye.at(z), 45.0)
            canvas.fill(_shrunk(eye, z, 1.2), 12.0)
        for lens in self.lenses:
            canvas.fill(lens.at(z), 85.0)


def _shrunk(shape: Lump, z: float, by_mm: float) -> Contour | None:
    """The cut at ``z``, ``by_mm`` inside the rim; ``None`` where it is too small for that."""
    cut = shape.at(z)
    return None if cut is None or float(cut.radii.max()) < by_mm * 1.5 else cut.grown(-by_mm)


def plan_skull_base(rng: np.random.Generator, half_x: float, half_y: float) -> SkullBase:
    """A random base for a head of ``half_x`` by ``half_y`` mm."""
    ridges, petrous, cells, orbits, eyes, lenses, muscles, ears = ([] for _ in range(8))
    sinuses = [
        lump(rng, (0, -0.86 * half_y, 42), (rng.uniform(8, 26), rng.uniform(4, 8), 16), rough=0.15),
        lump(rng, (0, -0.58 * half_y, 16), (12, 0.24 * half_y, 20), 0, 3.5, rough=0.04),
        lump(rng, (rng.normal(0, 3), -0.22 * half_y, 12), (14, 11, 13), 0, 2.6, rough=0.1),
    ]
    for side in (-1, 1):
        jitter = rng.normal(0, 2, 4)
        ridges += [
            lump(
                rng,
                (side * 0.50 * half_x, -0.36 * half_y + jitter[0], 20),
                (0.36 * half_x, 3.5, 13),
                side * -0.3,
                rough=0.1,
            ),
            lump(rng, (side * 9, -0.08 * half_y, 17), (3.5, 7, 9), side * 0.3, rough=0.15),
        ]
        petrous += [
            lump(
                rng,
                (side * 0.50 * half_x, 0.16 * half_y + jitter[1], 10),
                (0.40 * half_x, 9, 11),
                side * 0.5,
                2.0,
                0.1,
            ),
            lump(
                rng, (side * 0.80 * half_x, 0.26 * half_y, 8), (10, 15, 18), side * -0.2, 2.2, 0.08
            ),
        ]
        cells += [
            lump(
                rng, (side * 0.80 * half_x, 0.28 * half_y, 6), (6.5, 10, 15), side * -0.2, 2.2, 0.15
            ),
            lump(rng, (side * 0.58 * half_x, 0.16 * half_y, 8), (7, 2.5, 5), side * 0.4, 2.0, 0.2),
        ]
        where = (side * 0.43 * half_x, -0.61 * half_y, 14.0)
        orbits.append(lump(rng, where, (17, 24, 19), side * -0.35, 2.0, 0.04, lean=(0, 0)))
        eye = (where[0] + side * 1.5, where[1] - 9, 14 + float(rng.normal(0, 2)))
        eyes.append(lump(rng, eye, (11.8, 11.8, 12), rough=0.01, lean=(0, 0)))
        lenses.append(
            lump(rng, (eye[0], eye[1] - 8, eye[2]), (4.5, 2.0, 4.5), rough=0.02, lean=(0, 0))
        )
        for across, wide in ((-0.75, 2.0), (0.75, 2.0), (0.0, 1.7)):
            at = (where[0] - side * 2 + 10 * across, where[1] + 10, 13.0)
            muscles.append(lump(rng, at, (wide, 12, 6), side * -0.35 + 0.25 * across, rough=0.05))
        ears.append(
            lump(
                rng, (side * (half_x + 2), 0.16 * half_y, 12), (5, 13, 24), side * -0.35, 1.6, 0.16
            )
        )
    return SkullBase(
        cortex=float(rng.uniform(900, 1500)),
        ridges=tuple(ridges),
        petrous=tuple(petrous),
        cells=tuple(cells),
        sinuses=tuple(sinuses),
        orbits=tuple(orbits),
        eyes=tuple(eyes),
        lenses=tuple(lenses),
        muscles=tuple(muscles),
        ears=tuple(ears),
    )
