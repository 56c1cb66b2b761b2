"""The trunk: build, skin, fat, muscle wall, ribs, and what lies outside: table, arms, lines.

Lengths in mm from the body's middle, x to the image's right (the patient's left), y to the back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import ANGLES, Contour, bump, ripple, superellipse
from engines.phantoms.texture import PARENCHYMA, RIPPLE, STRANDS, TRABECULAE, Textures

FRONT, BACK = -np.pi / 2, np.pi / 2


@dataclass(frozen=True, slots=True)
class Tissues:
    """Paint for one slice: fat, muscle and marrow in HU with their texture, float32 (size, size).

    ``grain`` is the unit texture that organs share.
    """

    fat: FloatArray
    muscle: FloatArray
    marrow: FloatArray
    grain: FloatArray


@dataclass(frozen=True, slots=True)
class Torso:
    """Build of one trunk; ``scale`` is 1 for an average adult.

    ``half_x`` and ``half_y`` are of the muscle wall's outside, fat lies on top: ``fat_mm`` in
    front, at the sides and behind. ``marbling`` is the share of fat within muscle.
    """

    scale: float
    half_x: float
    half_y: float
    power: float
    fat_mm: tuple[float, float, float]
    wall_mm: float
    skin_mm: float
    fat_hu: float
    muscle_hu: float
    marbling: float
    marrow_hu: float
    cortex_hu: float
    amplitudes: FloatArray
    phases: FloatArray
    sway: tuple[float, float]

    def muscle(self, z: float) -> Contour:
        """Outside of the muscle wall at height ``z``."""
        swell = 1 + 0.05 * np.sin(z / 90 + self.sway[0])
        radii = superellipse(self.half_x * swell, self.half_y * (2 - swell), 0, self.power)
        drift = np.float32(z * 0.004) * np.where(np.arange(len(self.phases)) % 2, 1, -1)
        radii = radii * (1 + ripple(self.amplitudes, self.phases + drift.astype(np.float32)))
        # The furrow along the spine.
        radii = radii * (1 - 0.05 * bump(BACK, 0.22))
        return Contour(0, 0, radii.astype(np.float32))

    def fat(self, z: float) -> NDArray[np.float64]:
        """Thickness of the fat over ``ANGLES``."""
        front, side, back = self.fat_mm
        up = np.sin(ANGLES)
        total = (
            side + (front - side) * np.maximum(-up, 0) ** 2 + (back - side) * np.maximum(up, 0) ** 2
        )
        total = total * (1 + 9 * ripple(self.amplitudes, self.phases + np.float32(z * 0.006 + 2)))
        result: NDArray[np.float64] = np.maximum(total * (1 - 0.35 * bump(BACK, 0.3)), 1.5)
        return result

    def skin(self, z: float) -> Contour:
        """The outside of the skin."""
        return self.muscle(z).grown((self.fat(z) + self.skin_mm).astype(np.float32))

    def wall(self) -> NDArray[np.float64]:
        """Thickness of the muscle wall over ``ANGLES``: thin in front, thick behind."""
        back = self.wall_mm * (1 + 1.6 * bump(BACK, 0.55) - 0.35 * bump(FRONT, 0.5))
        result: NDArray[np.float64] = back * (1 - 0.5 * bump(FRONT, 0.05))
        return result

    def cavity(self, z: float) -> Contour:
        """Inside of the muscle wall."""
        return self.muscle(z).grown((-self.wall()).astype(np.float32))

    def tissues(self, canvas: Canvas, textures: Textures) -> Tissues:
        """The paints of this slice."""
        z = canvas.z
        grain = textures.at(PARENCHYMA, z)
        fat = np.float32(self.fat_hu) + 6 * grain + 38 * textures.lines(STRANDS, z, 0.07)
        share = np.clip(textures.at(RIPPLE, z, 8) + np.float32(0.6), 0, 2)
        streaks = textures.lines(STRANDS, z, 0.12 + 0.3 * self.marbling, 2) * share
        muscle = np.float32(self.muscle_hu) + 5 * grain - (14 + 42 * self.marbling) * streaks
        marrow = np.float32(self.marrow_hu) + 32 * textures.at(TRABECULAE, z) + 18 * grain
        return Tissues(fat, muscle, np.maximum(marrow, -60), grain)

    def draw(self, canvas: Canvas, textures: Textures, tissues: Tissues) -> Contour:
        """Skin, fat and muscle wall; the cavity is left full of fat. Returns its outline."""
        z = canvas.z
        skin, muscle, cavity = self.skin(z), self.muscle(z), self.cavity(z)
        canvas.fill(skin, 25.0)
        canvas.fill(skin.grown(-self.skin_mm), tissues.fat)
        found = canvas.depth(muscle)
        if found is not None:
            box, depth = found
            canvas.lay(box, canvas.cover(depth), tissues.muscle)
            # Fascia: the flank's three muscles slide on thin sheets of fat.
            flank = (1 - bump(FRONT, 0.55)) * (1 - bump(BACK, 0.75))
            index = canvas.polar(0, 0, box)[1]
            share = flank.astype(np.float32)[index]
            thick = self.wall().astype(np.float32)[index]
            share_of_fat = np.abs(textures.at(RIPPLE, z, 8)[box])
            for part in (0.36, 0.68):
                sheet = np.exp(-(((depth - part * thick) / 0.9) ** 2)) * share
                canvas.lay(box, sheet * np.clip(1.1 - share_of_fat, 0.1, 0.9), self.fat_hu)
        canvas.fill(cavity, tissues.fat)
        return cavity


def random_torso(
    rng: np.random.Generator, broad: float, deep: float, wall_mm: float = 14.0
) -> Torso:
    """A random build, child to obese.

    ``broad`` and ``deep`` are an average adult's half axes, ``wall_mm`` the thickness of the muscle
    wall, mm.
    """
    child = rng.random() < 0.08
    scale = float(rng.uniform(0.58, 0.82) if child else np.clip(rng.normal(1, 0.07), 0.82, 1.18))
    plump = float(rng.beta(1.3, 2.6)) * (0.4 if child else 1.0)
    order = np.arange(2, 10)
    base = 4 + 50 * plump
    return Torso(
        scale=scale,
        half_x=broad * scale * float(rng.uniform(0.95, 1.06)) * (1 + 0.12 * plump),
        half_y=deep * scale * float(rng.uniform(0.92, 1.08)) * (1 + 0.22 * plump),
        power=float(rng.uniform(2.15, 2.6)),
        fat_mm=(
            base * float(rng.uniform(0.5, 1.1)),
            base * float(rng.uniform(0.5, 1.0)),
            base * float(rng.uniform(0.5, 1.0)),
        ),
        wall_mm=wall_mm * float(rng.uniform(0.72, 1.28)) * scale,
        skin_mm=float(rng.uniform(1.3, 2.4)),
        fat_hu=float(rng.uniform(-115, -92)),
        muscle_hu=float(rng.uniform(45, 66)),
        marbling=float(rng.beta(1.3, 4)),
        marrow_hu=float(rng.uniform(90, 290)),
        cortex_hu=float(rng.uniform(600, 1150)),
        amplitudes=(rng.normal(0, 0.014, 8) / order**0.7).astype(np.float32),
        phases=rng.uniform(0, 2 * np.pi, 8).astype(np.float32),
        sway=(float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0, 2 * np.pi))),
    )


@dataclass(frozen=True, slots=True)
class Ribs:
    """Ribs run down and forward, so a slice cuts each at another angle; mm."""

    pitch_mm: float
    fall_mm: float
    height_mm: float
    thick_mm: float
    shift: tuple[float, float]
    front_gap: float

    def draw(
        self, canvas: Canvas, torso: Torso, tissues: Tissues, cavity: Contour, low: float
    ) -> None:
        """Draw the ribs that the slice cuts, in the wall; none below height ``low``."""
        half = np.where(np.cos(ANGLES) > 0, self.shift[0], self.shift[1])
        # 0 behind, 1 in front, on either side.
        forward = np.abs((ANGLES - BACK + np.pi) % (2 * np.pi) - np.pi) / np.pi
        height = canvas.z + half + self.fall_mm * forward**1.15
        number = np.round(height / self.pitch_mm)
        away = height - number * self.pitch_mm
        share = 1 - (away / (self.height_mm / 2)) ** 2
        share = np.where((forward < 0.10) | (forward > self.front_gap), 0, share)
        lowest = number * self.pitch_mm - self.fall_mm * forward**1.15 < low - 40 * forward
        half_mm = self.thick_mm / 2 * np.sqrt(np.maximum(np.where(lowest, 0, share), 0))
        middle = cavity.grown(self.thick_mm / 2 + 1.5)
        found = canvas.depth(middle)
        if found is None:
            return
        box, depth = found
        index = canvas.polar(0, 0, box)[1]
        inside = half_mm.astype(np.float32)[index] - np.abs(depth)
        cover = canvas.cover(inside) * (half_mm > 0.5).astype(np.float32)[index]
        canvas.lay(box, cover, torso.cortex_hu)
        canvas.lay(box, cover * canvas.cover(inside - 1.1, 0.8), tissues.marrow)


def random_ribs(rng: np.random.Generator, scale: float) -> Ribs:
    """Random ribs for a body of ``scale``."""
    return Ribs(
        pitch_mm=float(rng.uniform(27, 33)) * scale,
        fall_mm=float(rng.uniform(75, 125)) * scale,
        height_mm=float(rng.uniform(11, 15)) * scale,
        thick_mm=float(rng.uniform(6.5, 9)) * scale,
        shift=(float(rng.uniform(0, 30)), float(rng.uniform(0, 30))),
        front_gap=float(rng.uniform(0.72, 0.85)),
    )
