"""The organs of the abdomen: solid ones with their vessels and lesions, kidneys, bowel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Lump
from engines.phantoms.ct.body import Tissues
from engines.phantoms.ct.bowel import Loop
from engines.phantoms.ct.contrast import Contrast
from engines.phantoms.texture import PARENCHYMA, Textures


@dataclass(frozen=True, slots=True)
class Pipe:
    """Vessels of one value: segments (n, 8) and HU."""

    segments: FloatArray
    value: float


@dataclass(frozen=True, slots=True)
class Kidney:
    """A kidney: its outside, the medulla and the fat and pelvis at its hilum."""

    outside: Lump
    medulla: Lump
    sinus: Lump
    pelvis: Lump


@dataclass(frozen=True, slots=True)
class Organs:
    """All organs of one abdomen; HU where a number stands beside a shape."""

    contrast: Contrast
    grain_hu: float
    liver: tuple[Lump, ...]
    liver_pipes: tuple[Pipe, ...]
    lesions: tuple[tuple[Lump, float], ...]
    gallbladder: tuple[Lump, float] | None
    spleen: Lump
    pancreas: tuple[Lump, ...]
    kidneys: tuple[Kidney, ...]
    cysts: tuple[tuple[Lump, float], ...]
    pipes: tuple[Pipe, ...]
    mesentery: Pipe
    nodes: tuple[Lump, ...]
    calcium: FloatArray

    def draw(
        self,
        canvas: Canvas,
        textures: Textures,
        tissues: Tissues,
        inside: FloatArray,
        loops: tuple[Loop, ...],
    ) -> None:
        """Draw all, back to front; ``inside`` is the cavity's share of each pixel."""
        z, c = canvas.z, self.contrast
        grain = np.float32(self.grain_hu) * textures.at(PARENCHYMA, z, 1)
        canvas.tubes(self.mesentery.segments, self.mesentery.value, inside)
        for node in self.nodes:
            canvas.fill(node.at(z), c.muscle + grain, inside)
        for bowel in loops:
            bowel.draw(canvas, textures, tissues, inside)
        for part in self.pancreas:
            canvas.fill(part.at(z), 0.5 * (c.spleen + c.muscle) + 2 * grain, inside)
        canvas.fill(self.spleen.at(z), c.spleen + grain, inside)
        for kidney in self.kidneys:
            self._draw_kidney(canvas, kidney, tissues, grain, inside)
        for cyst, value in self.cysts:
            canvas.fill(cyst.at(z), value + 0.3 * grain, inside)
        self._draw_liver(canvas, tissues, grain, inside)
        for pipe in self.pipes:
            canvas.tubes(pipe.segments, pipe.value + 0.5 * grain)
        canvas.tubes(self.calcium, 600.0)

    def _draw_liver(
        self, canvas: Canvas, tissues: Tissues, grain: FloatArray, inside: FloatArray
    ) -> None:
        """The liver, what is in it, and the gallbladder under it."""
        z, c = canvas.z, self.contrast
        within = np.zeros_like(canvas.values)
        for part in self.liver:
            np.maximum(within, canvas.share(part.at(z)), out=within)
        within *= inside
        whole = (slice(None), slice(None))
        canvas.lay(whole, within, c.liver + grain)
        for pipe in self.liver_pipes:
            canvas.tubes(pipe.segments, pipe.value, within)
        for lesion, value in self.lesions:
            canvas.fill(lesion.at(z), value + grain, within, 1.5)
        if self.gallbladder is not None:
            cut = self.gallbladder[0].at(z)
            if cut is not None:
                canvas.fill(cut.grown(1.5), c.gut_wall, inside)
                canvas.fill(cut, self.gallbladder[1] + 0.3 * grain, inside)

    def _draw_kidney(
        self,
        canvas: Canvas,
        kidney: Kidney,
        tissues: Tissues,
        grain: FloatArray,
        inside: FloatArray,
    ) -> None:
        """Cortex, medulla, fat at the hilum, pelvis."""
        z, c = canvas.z, self.contrast
        canvas.fill(kidney.outside.at(z), c.cortex + grain, inside)
        canvas.fill(kidney.medulla.at(z), c.medulla + grain, inside, 2.0)
        canvas.fill(kidney.sinus.at(z), tissues.fat + 15, inside)
        canvas.fill(kidney.pelvis.at(z), c.urine + 0.3 * grain, inside)
