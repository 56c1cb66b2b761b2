"""One slice of a knee being drawn: where its pixels lie, the paints, and the order of things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas, Paint
from engines.phantoms.mr.knee_bones import Bones
from engines.phantoms.mr.knee_disease import Disease
from engines.phantoms.mr.knee_joint import Joint
from engines.phantoms.mr.knee_soft import Soft
from engines.phantoms.mr.knee_solids import bell, place, slope, within
from engines.phantoms.texture import (
    BEND,
    PARENCHYMA,
    PATCHES,
    RIPPLE,
    STRANDS,
    TRABECULAE,
    Grain,
    Textures,
)

SEPTA = Grain("septa", 7, 45, 3.0, 16)
WHOLE = (slice(None), slice(None))


@dataclass(frozen=True, slots=True)
class Knee:
    """One knee, and how it is looked at.

    ``view`` and ``outer`` are as ``knee_solids.place`` takes them; ``scale`` is 1 for an average
    adult. ``red`` is how much red marrow there is in the shafts, ``scar`` how dark the growth
    plates' scars are (0 to 1 both), ``cortex_mm`` the thickness of cortical bone at the joint,
    ``bundles`` (65,) how much fat lies between a muscle's fibres at each mm across.
    """

    view: str
    outer: float
    scale: float
    bones: Bones
    joint: Joint
    soft: Soft
    disease: Disease
    red: float
    scar: float
    cortex_mm: float
    bundles: FloatArray


@dataclass(frozen=True, slots=True)
class Paints:
    """Signals of the tissues of ``mr.relaxation``, and of blood in arteries and in veins."""

    tissues: Mapping[str, float]
    artery: float
    vein: float


class KneeSlice:
    """A knee's slice on a canvas; depths are of an average adult, mm."""

    def __init__(self, knee: Knee, paints: Paints, canvas: Canvas, textures: Textures) -> None:
        self.knee, self.paints, self.signals = knee, paints, paints.tissues
        self.canvas, self.textures = canvas, textures
        self.p = place(canvas, knee.view, knee.outer, knee.scale)
        z, s = canvas.z, paints.tissues
        self.grain = textures.at(PARENCHYMA, z)
        septa = textures.lines(SEPTA, z, 0.05) * np.float32(0.16)
        self.fat = np.float32(s["fat"]) * (1 + np.float32(0.03) * self.grain) * (1 - septa)
        share = 0.7 * knee.soft.marbling * self._streaks()
        muscle = np.float32(s["muscle"]) * (1 + np.float32(0.04) * self.grain)
        self.muscle = muscle + np.minimum(share, 0.7) * (np.float32(s["fat"]) - muscle)

    def draw(self) -> None:
        """Draw all, from the skin inwards."""
        self._draw_leg()
        self._draw_muscles()
        self._draw_joint()

    def _streaks(self) -> FloatArray:
        """Fat between bundles of fibres, 0 to about 1: along the leg, dots where cut across."""
        z, p = self.canvas.z, self.p
        wave = self.textures.at(RIPPLE, z, 1)
        if self.knee.view == "axial":
            lines = self.textures.lines(STRANDS, z, 0.3, 2)
        else:
            across = p.a if self.knee.view == "sagittal" else p.s
            turns = across + 7 * self.textures.at(BEND, z) + np.float32(0.12) * p.d
            table = np.interp(turns % 64.0, np.arange(65) * 1.0, self.knee.bundles)
            lines = np.asarray(table, np.float32)
        return np.asarray(lines * np.clip(wave + np.float32(0.8), 0.1, 1.6), np.float32)

    def lay(
        self,
        depth: FloatArray,
        paint: Paint,
        inside: FloatArray | None = None,
        soft_mm: float = 0.0,
    ) -> None:
        """Paint where ``depth`` (of an average adult) is positive."""
        self._cover(self.cover(depth, soft_mm), paint, inside)

    def _cover(self, cover: FloatArray, paint: Paint, inside: FloatArray | None = None) -> None:
        self.canvas.lay(WHOLE, cover if inside is None else cover * inside, paint)

    def cover(self, depth: FloatArray, soft_mm: float = 0.0) -> FloatArray:
        """Share of each pixel at which ``depth`` (of an average adult) is positive."""
        return self.canvas.cover(depth * np.float32(self.knee.scale), soft_mm)

    def blurred(self, depth: FloatArray) -> FloatArray:
        """The same where the surface leans: the slice's thickness blurs it."""
        canvas, scale = self.canvas, self.knee.scale
        down, right = np.gradient(depth * np.float32(scale / canvas.pixel_mm))
        lean = np.sqrt(np.maximum(1 - down * down - right * right, 0))
        width = np.maximum(
            np.float32(max(canvas.pixel_mm, canvas.edge_mm)), np.float32(canvas.slice_mm) * lean
        )
        return np.asarray(
            np.clip(depth * np.float32(scale) / width + np.float32(0.5), 0, 1), np.float32
        )

    def _draw_leg(self) -> None:
        """Skin and the fat under it."""
        soft, s = self.knee.soft, self.signals
        self.fascia = soft.fascia(self.p)
        body = self.fascia + np.asarray(soft.skin_mm(self.p), np.float32)
        self.lay(body + np.float32(1.2), s["skin"])
        self.inside = self.cover(body)
        self._cover(self.inside, self.fat)
        sheet = self.canvas.sheet(self.fascia * np.float32(self.knee.scale), 0.35)
        self._cover(sheet * np.float32(0.4), s["ligament"])

    def _draw_muscles(self) -> None:
        """Muscles with fat between them, vessels, nerve."""
        soft, s, p = self.knee.soft, self.signals, self.p
        under = self.fascia - np.float32(1.0)
        for depth in soft.muscles(p):
            if float(depth.max()) < -3:
                continue
            depth = within(depth, under)
            self.lay(depth + np.float32(0.9), self.fat)
            self.lay(depth, self.muscle, soft_mm=0.8)
        artery, vein, nerve = soft.vessels(p)
        self.lay(np.maximum(artery, vein) + np.float32(2.5), self.fat, soft_mm=2.0)
        self.lay(nerve, 0.6 * s["nerve"] + 0.4 * s["fat"])
        self.lay(vein, self.paints.vein)
        self.lay(artery + np.float32(0.7), s["ligament"])
        self.lay(artery, self.paints.artery)
        twigs = soft.small_veins(p)
        self._cover(self.cover(twigs) * np.float32(0.8), self.paints.vein, self.inside)

    def _marrow(self) -> FloatArray:
        """Paint of bone marrow: fat, red in the shafts, oedema; trabeculae and scars are dark."""
        knee, s, p, z = self.knee, self.signals, self.p, self.canvas.z
        patches = np.clip(self.textures.at(PATCHES, z, 3) * 0.5 + 0.6, 0, 1.4)
        away = slope(np.abs(p.d + 8.0), 34.0, 62.0)
        red = np.clip(knee.red * away * patches, 0, 0.9)
        yellow = np.float32(s["marrow"])
        paint = yellow + red * (np.float32(s["red_marrow"]) - yellow)
        share = knee.disease.oedema_share(p)
        sick = np.float32(0.35 * s["marrow"] + 0.65 * s["oedema"])
        paint = paint + share * (sick - paint)
        texture = self.textures.at(TRABECULAE, z) * np.float32(0.03) + self.grain * np.float32(0.03)
        waves = 2.5 * self.textures.at(RIPPLE, z)
        femur = bell(p.d + 42.0 + 0.10 * p.a + waves, 0.0, 0.7) * slope(p.a, -34.0, -30.0)
        tibia = bell(p.d - 16.0 + waves, 0.0, 0.7)
        # Trabeculae stand dense under the tibia's joint surface.
        dense = 0.08 * bell(p.d, 4.0, 5.0) + knee.scar * (femur + tibia)
        return np.asarray(paint * (1 + texture) * (1 - dense), np.float32)

    def _draw_bone(
        self, depth: FloatArray, marrow: FloatArray, cortex_mm: FloatArray | float
    ) -> None:
        """Dark cortex around marrow."""
        self._cover(self.blurred(depth), self.signals["bone"])
        self._cover(self.blurred(depth - cortex_mm), marrow)

    def _draw_joint(self) -> None:
        """Bones, what is between them, and the tendons over them."""
        knee, s, p = self.knee, self.signals, self.p
        bones, joint = knee.bones, knee.joint
        femur, tibia, patella = bones.femur(p), bones.tibia(p), bones.patella(p)
        fluid = s["fluid"] * 0.96
        cartilage = np.float32(s["cartilage"]) * (1 + np.float32(0.04) * self.grain)
        ligament = s["ligament"] * (1 + 0.05 * self.grain)
        top = -88.0 - 3.0 * joint.fluid_mm
        self.lay(joint.recess(p, top), fluid)
        self.lay(joint.gutters(p), fluid)
        self.lay(_or_nothing(knee.disease.cyst_depth(p)), fluid)
        self.lay(knee.soft.tendons(p), ligament)
        self.lay(knee.soft.hamstring_tendons(p), ligament)
        self.lay(joint.collaterals(p), ligament)
        self._draw_cartilage(femur, tibia, cartilage, fluid)
        self._draw_menisci(cartilage, fluid)
        self._draw_cruciates(ligament)
        marrow = self._marrow()
        cortex = knee.cortex_mm * (0.75 + 2.6 * slope(np.abs(p.d + 10.0), 42.0, 95.0))
        self._draw_bone(tibia, marrow, np.asarray(cortex, np.float32))
        self._draw_bone(femur, marrow, np.asarray(cortex, np.float32))
        self._draw_bone(patella, marrow, knee.cortex_mm)
        self._draw_bone(bones.fibula(p), marrow, 1.3 * knee.cortex_mm)

    def _draw_cartilage(
        self, femur: FloatArray, tibia: FloatArray, cartilage: FloatArray, fluid: float
    ) -> None:
        """The three layers, with a film of fluid around them, and their holes."""
        knee, p = self.knee, self.p
        layers = (
            knee.joint.tibial_cartilage(p, knee.bones, tibia),
            knee.joint.femoral_cartilage(p, femur),
            knee.joint.patellar_cartilage(p, knee.bones),
        )
        film = np.float32(0.1 + 0.05 * knee.joint.fluid_mm)
        for layer in layers:
            self.lay(layer + film, fluid)
        for layer in layers:
            self._cover(self.blurred(layer), cartilage)
        hole = knee.disease.hole_depth(p)
        if hole is not None:
            for layer in layers[:2]:
                self.lay(within(hole, layer), fluid)

    def _draw_menisci(self, cartilage: FloatArray, fluid: float) -> None:
        """Dark wedges; a tear is a bright line through one."""
        knee, p, s = self.knee, self.p, self.signals
        plateau = knee.bones.plateau(p)
        for number, meniscus in enumerate(knee.joint.menisci):
            depth, inwards = meniscus.parts(p, plateau)
            if float(depth.max()) < -1:
                continue
            self._cover(self.blurred(depth), s["meniscus"])
            tear = knee.disease.tear
            if tear is not None and tear[0] == number:
                middle = plateau - 1.9 - 0.42 * meniscus.tall
                line = (inwards - np.float32(tear[1])) * np.float32(np.cos(tear[2])) + (
                    p.d - middle
                ) * np.float32(np.sin(tear[2]))
                cover = (
                    self.canvas.sheet(line, 0.6)
                    * self.cover(depth)
                    * self.cover(np.asarray(p.a + 2.0, np.float32) + np.zeros_like(depth))
                )
                self._cover(cover, 0.5 * fluid + 0.5 * s["cartilage"])

    def _draw_cruciates(self, ligament: FloatArray) -> None:
        """Both cruciate ligaments; the anterior one is striped, or torn and swollen."""
        knee, s = self.knee, self.signals
        acl = knee.joint.acl(self.p)
        if knee.joint.torn:
            swollen = 0.5 * (s["oedema"] + s["cartilage"]) * (1 + 0.15 * self.grain)
            self.lay(acl + np.float32(1.2), swollen, soft_mm=2.5)
        else:
            # Fat and fluid between its bundles, which fan out towards the tibia.
            p = self.p
            across = 0.83 * p.a + 0.56 * p.d + 0.3 * p.s
            stripes = 0.5 + 0.5 * np.cos(across * (2 * np.pi / 2.6))
            between = 0.45 * stripes * slope(p.d, -24.0, -4.0)
            self.lay(acl, ligament + (between * s["cartilage"]).astype(np.float32))
        self.lay(knee.joint.pcl(self.p), ligament)


def _or_nothing(depth: FloatArray | None) -> FloatArray:
    """Depth, or of nothing at all."""
    return np.full((1, 1), -9, np.float32) if depth is None else depth
