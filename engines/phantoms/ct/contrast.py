"""Contrast medium: which phase a scan is in, and what it makes of blood and organs.

Typical values after Bae, Radiology 256 (2010) 32 (timing of contrast medium), rounded and spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Contrast:
    """HU of blood and organs in one scan; ``phase`` is "none", "arterial" or "portal"."""

    phase: str
    artery: float
    vein: float
    portal: float
    liver: float
    spleen: float
    cortex: float
    medulla: float
    urine: float
    muscle: float
    gut_wall: float


def random_contrast(rng: np.random.Generator) -> Contrast:
    """A random phase and its values."""
    phase = str(rng.choice(["none", "arterial", "portal"], p=[0.35, 0.25, 0.40]))
    u = rng.uniform
    blood, liver, muscle = u(34, 50), float(np.clip(rng.normal(58, 8), 20, 75)), u(48, 62)
    if phase == "none":
        kidney = u(28, 38)
        values = (
            blood,
            blood,
            blood,
            liver,
            liver - u(2, 12),
            kidney,
            kidney,
            u(0, 12),
            muscle,
            u(30, 42),
        )
    elif phase == "arterial":
        artery, cortex = u(230, 380), u(150, 230)
        values = (
            artery,
            u(60, 110),
            u(90, 150),
            liver + u(8, 25),
            u(110, 150),
            cortex,
            cortex * u(0.35, 0.55),
            u(0, 12),
            muscle + u(2, 8),
            u(70, 110),
        )
    else:
        artery, cortex = u(140, 190), u(160, 215)
        values = (
            artery,
            artery - u(5, 30),
            artery + u(0, 30),
            liver + u(40, 62),
            u(105, 135),
            cortex,
            cortex - u(0, 25),
            u(0, 15) if rng.random() < 0.8 else u(200, 900),
            muscle + u(5, 14),
            u(70, 105),
        )
    return Contrast(phase, *(float(v) for v in values))
