"""The organs of an abdomen as MR shows them; where they lie is planned as for CT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import ANGLES, Contour
from engines.phantoms.ct.body import Tissues
from engines.phantoms.ct.bowel import Loop
from engines.phantoms.ct.organs import Kidney, Organs
from engines.phantoms.texture import FIBRES, RIPPLE, Textures

LESIONS = ("cyst", "haemangioma", "metastasis")
LESION_CHANCES = (0.4, 0.25, 0.35)
GRAIN = np.float32(0.03)
"""Texture of an organ, as a share of its signal."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one examination shows: signals of vessels and contents, and the kinds of lesions.

    Arteries are flow voids; veins hold some of the blood's signal. ``stool``, ``bile`` and
    ``juice`` are contents; ``sludge`` is the share of the gallbladder that sediment fills.
    """

    artery: float
    vein: float
    portal: float
    bile: float
    juice: float
    stool: float
    sludge: float
    kinds: tuple[str, ...]


def random_look(rng: np.random.Generator, signals: Mapping[str, float], contrast: str) -> Look:
    """A random examination; the same choices in every contrast for the same generator."""
    void, blood = signals["vessel"], signals["blood"]
    shares = rng.uniform((0.0, 0.05, 0.1), (0.08, 0.55, 0.6))
    artery, vein, portal = (float(void + share * (blood - void)) for share in shares)
    # Bile that the gallbladder has thickened is bright in T1, juice isn't pure water.
    thick, thin, firm = rng.uniform((0.0, 0.0, 0.0), (1.0, 0.5, 1.0))
    bright = signals["fat"] if contrast == "T1" else signals["bowel_content"]
    content, wall = signals["bowel_content"], signals["bowel_wall"]
    return Look(
        artery=artery,
        vein=vein,
        portal=portal,
        bile=float(signals["bile"] + 0.5 * thick**2 * (bright - signals["bile"])),
        juice=float(signals["fluid"] + thin * (content - signals["fluid"])),
        stool=float(0.6 * wall + 0.4 * firm * (content - wall)),
        sludge=float(max(rng.uniform(-1.5, 0.45), 0.0)),
        kinds=tuple(str(k) for k in rng.choice(LESIONS, 8, p=LESION_CHANCES)),
    )


def draw_organs(
    canvas: Canvas,
    textures: Textures,
    tissues: Tissues,
    inside: FloatArray,
    organs: Organs,
    loops: tuple[Loop, ...],
    signals: Mapping[str, float],
    look: Look,
) -> None:
    """Draw all, back to front; ``inside`` is the cavity's share of each pixel."""
    z, c = canvas.z, organs.contrast
    grain = 1 + GRAIN * tissues.grain
    canvas.tubes(organs.mesentery.segments, organs.mesentery.value, inside)
    for node in organs.nodes:
        canvas.fill(node.at(z), c.spleen * grain, inside)
    for bowel in loops:
        _draw_bowel(canvas, textures, grain, inside, bowel, look)
    lobules = np.float32(0.09) * textures.at(FIBRES, z, 8)
    pancreas = np.asarray(signals["pancreas"] * (grain + lobules), np.float32)
    for part in organs.pancreas:
        canvas.fill(part.at(z), pancreas, inside)
    canvas.fill(organs.spleen.at(z), c.spleen * grain, inside)
    for kidney in organs.kidneys:
        _draw_kidney(canvas, kidney, organs, tissues, grain, inside)
    for cyst, _ in organs.cysts:
        canvas.fill(cyst.at(z), signals["cyst"] * grain, inside)
    _draw_liver(canvas, organs, grain, inside, signals, look)
    for pipe in organs.pipes:
        # The wall of a great vessel is a thin bright line around the void.
        canvas.tubes(pipe.segments, signals["bowel_wall"], grow_mm=0.8)
        canvas.tubes(pipe.segments, pipe.value * grain)
    canvas.tubes(organs.calcium, signals["bone"])


def _draw_liver(
    canvas: Canvas,
    organs: Organs,
    grain: FloatArray,
    inside: FloatArray,
    signals: Mapping[str, float],
    look: Look,
) -> None:
    """The liver, vessels and ducts in it, lesions by their kind, and the gallbladder."""
    z, c = canvas.z, organs.contrast
    within = np.zeros_like(canvas.values)
    for part in organs.liver:
        np.maximum(within, canvas.share(part.at(z)), out=within)
    within *= inside
    canvas.lay((slice(None), slice(None)), within, c.liver * grain)
    tract = 0.5 * (signals["fat"] + signals["bile"])
    for pipe in organs.liver_pipes[:2]:
        # Fat and a bile duct go with the portal branches.
        wide = pipe.segments[pipe.segments[:, 6] > 1.6]
        duct = wide + np.array([1.5, -2.0, 0, 1.5, -2.0, 0, 0, 0], np.float32)
        canvas.tubes(duct, 0.5 * (tract + c.liver), within, grow_mm=-0.6)
    for pipe in organs.liver_pipes:
        canvas.tubes(pipe.segments, pipe.value, within)
    for (lesion, _), kind in zip(organs.lesions, look.kinds, strict=False):
        cut = lesion.at(z)
        if cut is None:
            continue
        soft = 0.0 if kind == "cyst" else 1.5
        canvas.fill(cut, signals[kind] * grain, within, soft)
        if kind == "metastasis" and float(cut.radii.min()) > 5:
            canvas.fill(cut.grown(-0.5 * cut.radii), signals["necrosis"], within, 3.0)
    if organs.gallbladder is None:
        return
    cut = organs.gallbladder[0].at(z)
    found = None if cut is None else canvas.depth(cut)
    if cut is None or found is None:
        return
    canvas.fill(cut.grown(1.3), signals["bowel_wall"], inside)
    canvas.fill(cut, look.bile * (0.7 + 0.3 * grain), inside)
    if look.sludge > 0:
        box, depth = found
        floor = cut.y + float(cut.radii[256]) * (1 - 2 * look.sludge)
        low = np.minimum(depth, canvas.y[box] - np.float32(floor))
        canvas.lay(box, canvas.cover(low, 1.5) * inside[box], 0.6 * look.bile + 0.4 * c.liver)


def _draw_kidney(
    canvas: Canvas,
    kidney: Kidney,
    organs: Organs,
    tissues: Tissues,
    grain: FloatArray,
    inside: FloatArray,
) -> None:
    """Cortex, pyramids of the medulla, fat at the hilum, pelvis."""
    z, c = canvas.z, organs.contrast
    outside = kidney.outside.at(z)
    if outside is not None:
        canvas.fill(outside.grown(0.7), 0.5 * c.muscle, inside)
    canvas.fill(outside, c.cortex * grain, inside)
    medulla = kidney.medulla.at(z)
    if medulla is not None:
        turn = float(kidney.medulla.phases[0]) + 0.03 * z
        columns = 0.80 + 0.20 * np.tanh(2.5 * np.cos(7 * ANGLES + turn))
        pyramids = replace(medulla, radii=(medulla.radii * columns).astype(np.float32))
        canvas.fill(pyramids, c.medulla * grain, inside, 1.5)
    canvas.fill(kidney.sinus.at(z), tissues.fat, inside)
    canvas.fill(kidney.pelvis.at(z), c.urine * grain, inside)


def _draw_bowel(
    canvas: Canvas,
    textures: Textures,
    grain: FloatArray,
    inside: FloatArray,
    bowel: Loop,
    look: Look,
) -> None:
    """A cut of bowel: wall, folds, and what fills it; gas lies above fluid and has no signal."""
    cut, z = bowel.lump.at(canvas.z), canvas.z
    if cut is None or float(cut.radii.max()) < 2:
        return
    canvas.fill(cut, bowel.wall_hu * grain, inside)
    if bowel.filling == "collapsed" or float(cut.radii.min()) < bowel.wall_mm * 1.2:
        return
    lumen = cut.grown(-bowel.wall_mm)
    if bowel.filling == "gas":
        canvas.fill(lumen, 0.0, inside)
    elif bowel.filling == "stool":
        fine = textures.at(FIBRES, z, 8)
        bubbles = fine + np.float32(0.5) * textures.at(RIPPLE, z, 8)
        gas = np.clip((bubbles - np.float32(1.6 - 1.5 * bowel.level)) * 2, 0, 1)
        canvas.fill(lumen, look.stool * np.maximum(1 + 0.15 * fine, 0) * (1 - gas), inside)
    else:
        # CT's random contents, 8 to 45 HU, say how much of them isn't water.
        solid = np.clip((bowel.content_hu - 8) / 37, 0, 1) ** 0.7
        paint = look.juice + solid * (0.5 * (look.stool + bowel.wall_hu) - look.juice)
        clumps = 1 + np.float32(0.10 * solid) * textures.at(FIBRES, z, 8)
        canvas.fill(_folded(lumen, bowel), paint * grain * np.maximum(clumps, 0), inside)
        found = canvas.depth(lumen)
        if bowel.filling == "level" and found is not None:
            box, depth = found
            top = np.float32(lumen.y + (bowel.level * 1.6 - 0.8) * float(lumen.radii[768]))
            gas = canvas.cover(np.minimum(depth, top - canvas.y[box]))
            canvas.lay(box, gas * inside[box], 0.0)


def _folded(lumen: Contour, bowel: Loop) -> Contour:
    """The lumen with the folds that stand into it."""
    size = float(np.median(lumen.radii))
    count = max(round(size * 2 * np.pi / 5.5), 5)
    fold = np.maximum(np.cos(count * ANGLES + float(bowel.lump.phases[0])), 0) ** 4
    return lumen.grown((-min(0.28 * size, 3.5) * fold).astype(np.float32))
