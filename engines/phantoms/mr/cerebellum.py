"""The cerebellum in signal: leaves of grey matter around a white core, under the tent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Box, Canvas
from engines.phantoms.contour import Lump
from engines.phantoms.texture import RIPPLE, STRANDS, Textures

LEAF_MM = 4.2
"""From leaf to leaf; finer ones are beyond the voxels."""


def draw_cerebellum(
    shape: Lump,
    age: float,
    canvas: Canvas,
    textures: Textures,
    skull: tuple[Box, FloatArray],
    signals: Mapping[str, float],
    grain: FloatArray,
) -> None:
    """Draw the cut of ``shape``: leaves around a white core, fluid and tent around them.

    ``skull`` is the depth (mm) under the skull's inside and the box it is of; ``grain`` the
    texture by which tissue is multiplied, of the whole slice.
    """
    z = canvas.z
    cut = shape.at(z)
    found = None if cut is None else canvas.depth(cut)
    if cut is None or found is None:
        return
    here, within = found
    under = np.zeros_like(canvas.values)
    under[skull[0]] = skull[1]
    outer = under[here] - np.float32(0.8)
    canvas.lay(here, canvas.cover(np.minimum(within + np.float32(1.0), outer)), signals["csf"])
    tent = canvas.sheet(np.abs(within + np.float32(1.2)), 0.3) * canvas.cover(outer - 1)
    canvas.lay(here, tent, signals["dura"])
    within = np.minimum(within, outer)
    x, y = np.abs(canvas.x[here]), canvas.y[here] - np.float32(6)
    bend, ripple = textures.at(RIPPLE, z, 7)[here], textures.at(STRANDS, z, 4)[here]
    ring = np.hypot(np.float32(0.85) * (x - 12), y) + 3.0 * bend + np.float32(0.5) * ripple
    leaf = np.float32(0.5) + np.float32(0.5) * np.cos(ring * np.float32(2 * np.pi / LEAF_MM))
    core = np.clip((within - np.float32(11) - 5 * bend) / 8, 0, 1)
    core = core * np.clip((x - 5) / 6, 0, 1)
    share = np.clip(core + 0.42 * leaf * (1 + np.float32(0.4) * ripple), 0, 1)
    gap = np.float32(0.05 + 0.22 * age) * (1 - leaf) ** 3 * (1 - core)
    matter = signals["grey"] + share * np.float32(signals["white"] - signals["grey"])
    matter = matter * grain[here] + gap * np.float32(signals["csf"] - signals["grey"])
    whole = np.zeros_like(canvas.values)
    whole[here] = matter
    canvas.lay(here, canvas.cover(within), whole)
