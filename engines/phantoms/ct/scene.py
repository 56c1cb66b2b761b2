"""What lies around the trunk: the table, arms, clothing and lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump, lump, superellipse
from engines.phantoms.ct.body import Tissues, Torso


@dataclass(frozen=True, slots=True)
class Scene:
    """Things beside the patient. ``table_y`` is the table top's height below the middle, mm."""

    field_mm: float
    origin: tuple[float, float]
    turn: float
    table_y: float
    sag: float
    shell_hu: float
    arms: tuple[Lump, ...]
    lines: FloatArray
    line_hu: float
    cloth: tuple[float, float]

    def draw(self, canvas: Canvas, torso: Torso, tissues: Tissues) -> None:
        """Draw it; comes before the body, which lies on it."""
        self._draw_table(canvas)
        if self.cloth[0] > 0:
            skin = torso.skin(canvas.z)
            away = self.cloth[0] * (
                1.2 + np.sin(3 * np.arange(1024) * 2 * np.pi / 1024 + self.cloth[1])
            )
            for gap in (0.0, 1.7):
                sheet = skin.grown((away + 2 + gap).astype(np.float32))
                found = canvas.depth(sheet)
                if found is not None:
                    box, depth = found
                    rim = canvas.sheet(np.abs(depth), 0.4) * np.float32(0.4)
                    canvas.lay(box, rim * (canvas.y[box] < self.table_y - 8), -300.0)
        for arm in self.arms:
            cut = arm.at(canvas.z)
            if cut is None:
                continue
            canvas.fill(cut, 25.0)
            canvas.fill(cut.grown(-1.8), tissues.fat)
            canvas.fill(cut.grown(-5 * torso.scale), tissues.muscle)
            shaft = superellipse(12.5 * torso.scale, 11 * torso.scale, 0.5)
            canvas.bone(
                Contour(cut.x, cut.y, shaft.astype(np.float32)), torso.cortex_hu * 1.2, 3.5, -20.0
            )
        canvas.tubes(self.lines, self.line_hu)

    def _draw_table(self, canvas: Canvas) -> None:
        """Two carbon shells with foam between, sagging in the middle; drawn unbent."""
        size = len(canvas.values)
        axis = ((np.arange(size) + 0.5 - size / 2) * canvas.pixel_mm).astype(np.float32)
        top = self.table_y + self.origin[1] - self.sag * (axis / 200) ** 2
        low = self.table_y + self.origin[1] + 32 - 2.2 * self.sag * (axis / 200) ** 2
        inner = axis[:, None] - top[None, :].astype(np.float32)
        outer = low[None, :].astype(np.float32) - axis[:, None]
        box = (slice(0, size), slice(0, size))
        canvas.lay(box, canvas.cover(np.minimum(inner, outer)), -955.0)
        for depth in (inner, outer):
            between = canvas.cover(np.minimum(inner, outer) + 1)
            canvas.lay(box, canvas.sheet(np.abs(depth), 0.8) * between, self.shell_hu)


def random_scene(
    rng: np.random.Generator, torso: Torso, arms_chance: float, heights: tuple[float, float]
) -> Scene:
    """A random scene for ``torso``, and the field that holds them."""
    skin = torso.skin(sum(heights) / 2)
    right, back = float(skin.radii[0]), float(skin.radii[256])
    front, left = float(skin.radii[768]), float(skin.radii[512])
    middle = sum(heights) / 2
    arms = []
    if rng.random() < arms_chance:
        for side, edge in ((-1, left), (1, right)):
            wide = float(rng.uniform(36, 46)) * torso.scale + 0.3 * torso.fat_mm[1]
            at = (side * (edge + wide * 0.95), float(rng.uniform(-5, 45)), middle)
            arms.append(
                lump(rng, at, (wide * 0.8, wide, 900), rough=0.04, lean=(0.02 * side, 0.03))
            )
    need = 2 * max(max(left, right) + (60 * torso.scale if arms else 0), (front + back) / 2 + 8)
    field = float(np.clip(need * rng.uniform(1.02, 1.22), 200, 500))
    lines = np.zeros((0, 8), np.float32)
    if rng.random() < 0.35:
        rows = []
        for _ in range(int(rng.integers(1, 4))):
            turn = rng.uniform(-np.pi, 0)
            x, y = skin.point(turn, -3.5)
            rows.append(
                [
                    x,
                    y,
                    middle - 400,
                    x + rng.normal(0, 30),
                    y - abs(rng.normal(0, 5)),
                    middle + 400,
                    1.4,
                    1.4,
                ]
            )
        lines = np.array(rows, np.float32)
    slack = max(0.0, (field - 2 * max(left, right)) / 2 - 4)
    cloth = float(rng.uniform(1.5, 7)) if rng.random() < 0.4 else 0.0
    return Scene(
        field_mm=field,
        origin=(
            float(rng.uniform(-slack, slack)) * 0.6,
            float(np.clip(rng.normal(0, 12), -40, 40)) + (front - back) / 2,
        ),
        turn=float(rng.normal(0, 0.035)),
        table_y=back + float(rng.uniform(1, 10)),
        sag=float(rng.uniform(10, 35)),
        shell_hu=float(rng.uniform(-300, 200)),
        arms=tuple(arms),
        lines=lines,
        line_hu=float(rng.uniform(100, 900)),
        cloth=(cloth, float(rng.uniform(0, 6))),
    )
