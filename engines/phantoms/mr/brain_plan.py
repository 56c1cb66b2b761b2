"""Random brains: where their parts lie, and how age has changed them.

Sizes and places of ventricles, nuclei and cisterns are round figures from anatomy books.
"""

from __future__ import annotations

import numpy as np

from engines.phantoms.contour import lump
from engines.phantoms.mr.brain import Brain, Part
from engines.phantoms.mr.cortex import Cortex
from engines.phantoms.mr.lesions import plan_lesions


def plan_brain(rng: np.random.Generator, half_x: float, half_y: float) -> Brain:
    """A random brain within about ``half_x`` by ``half_y`` mm: young to shrunken by age."""
    age = float(rng.beta(1.5, 1.5))
    wide = 0.65 + 1.0 * age + float(rng.uniform(-0.12, 0.25))
    nuclei, fluid, plexus = [], [], []
    for side in (-1, 1):
        # Putamen first, and the pale globe within it.
        nuclei += [
            Part(
                lump(rng, (side * 0.38 * half_x, -8, 50), (5.5, 15, 13), side * 0.30),
                "deep_grey",
                1.5,
            ),
            Part(
                lump(rng, (side * 0.285 * half_x, -5, 48), (4.5, 9.5, 9), side * 0.42),
                "iron_grey",
                2,
            ),
            Part(
                lump(rng, (side * 0.15 * half_x, 13, 51), (8, 13, 11), side * -0.35), "deep_grey", 2
            ),
            Part(
                lump(rng, (side * 0.19 * half_x, -27, 55), (5, 8.5, 14), side * 0.25),
                "deep_grey",
                1,
            ),
            Part(
                lump(rng, (side * 0.28 * half_x, 6, 72), (2.6, 20, 6), side * -0.15), "deep_grey", 1
            ),
        ]
        fluid += [
            Part(lump(rng, (side * 7.0, -26, 58), (3.0 * wide, 12, 13), side * 0.42, 2.2), "csf"),
            Part(lump(rng, (side * 9.5, 0, 71), (4.4 * wide, 27, 10), side * -0.12, 2.2), "csf"),
            Part(lump(rng, (side * 22, 32, 60), (4.2 * wide, 15, 14), side * -0.32, 2.0), "csf"),
            Part(lump(rng, (side * 32, 2, 31), (2.2 * wide, 9, 7), side * -0.2, 2.0), "csf"),
        ]
        at = (side * 20.5, 30 + float(rng.uniform(-4, 4)), 58.0)
        plexus.append(
            Part(lump(rng, at, (1.8 * wide, 6.5, 8), side * -0.32, rough=0.2), "choroid", 1.2)
        )
    fluid += [
        Part(lump(rng, (0, 1, 47), (1.5 * wide, 14, 14), 0, 2, lean=(0, 0)), "csf"),
        Part(lump(rng, (0, 25, 14), (5 * wide, 4.5 * wide, 10), 0, 1.6), "csf"),
    ]
    stem = [
        Part(lump(rng, (0, 17, 33), (13, 4.5 * wide, 9), 0, 2, rough=0.2), "csf"),
        Part(lump(rng, (0, 4, 11), (16, 13, 15), 0, 2.2, rough=0.05), "stem", 1.2),
        Part(lump(rng, (0, 6, 31), (14, 11, 9), 0, 2.2, rough=0.06), "stem", 1.2),
        Part(lump(rng, (0, 10, 32), (0.9, 1.1, 14), 0, 2, rough=0.1), "csf"),
    ]
    for side in (-1, 1):
        stem += [
            Part(lump(rng, (side * 4.6, 3, 35), (2.6, 3.4, 4), side * 0.6), "iron_grey", 1.0),
            Part(lump(rng, (side * 8.5, -2, 32), (1.2, 5, 6), side * -0.7), "iron_grey", 1.0),
        ]
    return Brain(
        half_x=half_x,
        half_y=half_y,
        age=age,
        cortex=Cortex(
            thickness_mm=float(rng.uniform(2.9, 3.5)) - 0.4 * age,
            sulcus_mm=0.06 + 0.45 * age + float(rng.uniform(0, 0.15)),
            fissure_mm=0.5 + 0.9 * age,
            reach_mm=float(rng.uniform(16, 21)),
        ),
        space_mm=0.7 + 1.2 * age,
        callosum=(-0.50 * half_y, 0.42 * half_y, 66.0),
        cerebellum=lump(
            rng,
            (0, 0.47 * half_y, 4),
            (0.80 * half_x, 0.46 * half_y, 31),
            0,
            2.3,
            0.03,
            lean=(0, 0),
        ),
        cisterns=(
            lump(rng, (0, -13, 21), (13 + 4 * age, 10 + 2 * age, 14), 0, 1.5, 0.2, lean=(0, 0)),
            lump(rng, (0, 6, 22), (17 + age, 14 + age, 19), 0, 2.1, 0.05, lean=(0, 0)),
        ),
        nuclei=tuple(nuclei),
        stem=tuple(stem),
        fluid=tuple(fluid),
        plexus=tuple(plexus),
        insula=(float(rng.uniform(0.52, 0.57)), 47.0),
        lesions=plan_lesions(rng, half_x, half_y, age),
    )
