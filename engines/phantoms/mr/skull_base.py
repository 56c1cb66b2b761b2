"""The base of the skull in signal: orbits and eyes, air cells with their mucosa, petrous bones.

Shapes are those of the CT phantom's skull base.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump
from engines.phantoms.ct.skull_base import SkullBase
from engines.phantoms.texture import PARENCHYMA, STRANDS, TRABECULAE, Textures

HIGHEST_MM = 62.0
"""Nothing of it lies above this z."""


def draw_skull_base(
    base: SkullBase,
    canvas: Canvas,
    textures: Textures,
    outer: Contour,
    signals: Mapping[str, float],
) -> None:
    """Draw what of ``base`` the slice at ``canvas.z`` meets; ``outer`` is the skull's outline."""
    z = canvas.z
    grain = 1 + np.float32(0.03) * textures.at(PARENCHYMA, z)
    for ear in base.ears:
        canvas.fill(ear.at(z), signals["cartilage"] * grain)
        canvas.fill(shrunk(ear, z, 2.4), signals["gas"])
    if z > HIGHEST_MM:
        return
    within = np.zeros_like(canvas.values)
    found = canvas.depth(outer)
    if found is not None:
        within[found[0]] = canvas.cover(found[1])
    spongy = signals["marrow"] * np.clip(0.35 + 0.06 * textures.at(TRABECULAE, z), 0, 1)
    walls = textures.lines(STRANDS, z, 0.16, 4)
    cells = np.asarray(signals["mucosa"] * 0.6 * walls, np.float32)
    fat = signals["fat"] * grain * (1 - np.float32(0.25) * textures.lines(STRANDS, z, 0.2, 3))
    bone, mucosa = signals["bone"], signals["mucosa"]
    for ridge in base.ridges:
        canvas.bone(ridge.at(z), bone, 1.4, spongy, within)
    for part in base.petrous:
        canvas.fill(part.at(z), bone, within)
        canvas.fill(shrunk(part, z, 5.0), spongy, within, 2.0)
    for cell in base.cells:
        canvas.fill(cell.at(z), cells * np.float32(0.5), within)
    for sinus in base.sinuses:
        canvas.fill(sinus.at(z), bone, within)
        canvas.fill(shrunk(sinus, z, 1.2), mucosa, within)
        canvas.fill(shrunk(sinus, z, 2.2), cells * np.float32(0.7), within)
    for orbit in base.orbits:
        canvas.bone(orbit.at(z), bone, 1.5, fat)
    for muscle in base.muscles:
        canvas.fill(muscle.at(z), signals["muscle"] * grain)
    for eye in base.eyes:
        canvas.fill(eye.at(z), signals["ligament"])
        canvas.fill(shrunk(eye, z, 1.0), signals["vitreous"])
    for lens in base.lenses:
        canvas.fill(lens.at(z), signals["lens"])


def shrunk(shape: Lump, z: float, by_mm: float) -> Contour | None:
    """The cut at ``z``, ``by_mm`` inside the rim; ``None`` where it is too small for that."""
    cut = shape.at(z)
    return None if cut is None or float(cut.radii.max()) < by_mm * 1.5 else cut.grown(-by_mm)
