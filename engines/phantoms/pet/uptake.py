"""What healthy tissue takes up of FDG an hour after injection, in SUV, from person to person.

Ranges after Wang et al., "Standardized uptake value atlas", Mol. Imaging Biol. 9 (2007) 83, and
Zincirkeser et al., J. Int. Med. Res. 35 (2007) 231, rounded and spread as patients are: some fast,
some don't, some take metformin or have had growth factors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Uptake:
    """SUVs of one person's tissues. ``heart_gaps`` is the share of the myocardium that rests."""

    fat: float
    skin: float
    muscle: float
    lung: float
    blood: float
    marrow: float
    bone: float
    disc: float
    cord: float
    liver: float
    spleen: float
    pancreas: float
    kidney: float
    urine: float
    bladder: float
    stomach: float
    bowel: float
    colon: float
    gland: float
    myocardium: float
    heart_gaps: float
    unrest: float
    """Texture of all tissue at low frequency, a share."""
    muscle_unrest: float


@dataclass(frozen=True, slots=True)
class BrainUptake:
    """SUVs of one brain and its head; nuclei, cerebellum and stem are shares of the cortex."""

    cortex: float
    white: float
    fluid: float
    putamen: float
    thalamus: float
    caudate: float
    deep: float
    cerebellum: float
    stem: float
    scalp: float
    muscle: float
    bone: float
    base: float
    unrest: float


def random_uptake(rng: np.random.Generator) -> Uptake:
    """A random person's uptake."""
    u = rng.uniform
    blood = float(u(1.2, 2.2))
    liver = float(np.clip(blood * u(1.15, 1.6), 1.8, 2.8))
    muscle = float(u(0.5, 0.9))
    heart, gaps = _heart(rng, blood)
    # Metformin makes the bowel hot, growth factors the marrow and the spleen.
    metformin, factors = rng.random() < 0.12, rng.random() < 0.07
    marrow = float(u(2.4, 4.0) if factors else np.clip(rng.normal(1.3, 0.25), 0.7, 2.0))
    spleen = float(np.clip(liver * u(0.75, 0.95), 1.6, 2.4))
    return Uptake(
        fat=float(u(0.18, 0.38)),
        skin=float(u(0.5, 0.9)),
        muscle=muscle,
        lung=float(u(0.4, 0.6)),
        blood=blood,
        marrow=marrow,
        bone=0.45 * marrow,
        disc=float(u(0.5, 0.9)),
        cord=float(u(1.2, 2.0)),
        liver=liver,
        spleen=spleen * (1.4 if factors else 1.0),
        pancreas=float(u(1.1, 1.8)),
        kidney=float(u(2.1, 3.8)),
        urine=float(np.exp(u(np.log(3), np.log(25)))),
        bladder=float(np.exp(u(np.log(10), np.log(60)))),
        stomach=float(u(1.2, 3.0)),
        bowel=float(u(0.9, 1.8)) * (2.0 if metformin else 1.0),
        colon=float(u(0.9, 1.9)) * (3.5 if metformin else 1.0),
        gland=float(u(0.7, 1.5)),
        myocardium=heart,
        heart_gaps=gaps,
        unrest=float(u(0.03, 0.07)),
        muscle_unrest=float(u(0.05, 0.14)),
    )


def _heart(rng: np.random.Generator, blood: float) -> tuple[float, float]:
    """SUV of the myocardium and the share of it that rests: fasting, fed, or in between."""
    state = rng.random()
    if state < 0.4:
        return blood * float(rng.uniform(0.9, 1.25)), 0.0
    if state < 0.75:
        return float(rng.uniform(5, 12)), float(rng.uniform(0, 0.15))
    return float(rng.uniform(3, 8)), float(rng.uniform(0.3, 0.7))


def random_brain_uptake(rng: np.random.Generator) -> BrainUptake:
    """A random brain's uptake: grey matter has three to four times that of white."""
    u = rng.uniform
    cortex = float(u(6.5, 12.5))
    return BrainUptake(
        cortex=cortex,
        white=cortex / float(u(3.0, 4.0)),
        fluid=float(u(0.3, 0.8)),
        putamen=float(u(0.92, 1.1)),
        thalamus=float(u(0.80, 0.98)),
        caudate=float(u(0.82, 1.0)),
        deep=float(u(0.62, 0.78)),
        cerebellum=float(u(0.72, 0.9)),
        stem=float(u(0.45, 0.6)),
        scalp=float(u(0.6, 1.1)),
        muscle=float(u(0.8, 1.8)),
        bone=float(u(0.4, 0.9)),
        base=float(u(0.9, 1.6)),
        unrest=float(u(0.03, 0.07)),
    )
