"""Every kind of PET phantom and what plans it: brains, and whole bodies at a random height."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engines.phantoms.pet.abdomen import plan_abdomen
from engines.phantoms.pet.chest import plan_chest
from engines.phantoms.pet.head import HeadPlan, plan_head
from engines.phantoms.pet.pelvis import plan_pelvis
from engines.phantoms.pet.thigh import plan_thigh
from engines.phantoms.pet.trunk import BodyPlan

PetPlan = HeadPlan | BodyPlan
LEVELS: dict[str, tuple[Callable[[np.random.Generator], BodyPlan], float]] = {
    "chest": (plan_chest, 0.34),
    "abdomen": (plan_abdomen, 0.34),
    "pelvis": (plan_pelvis, 0.22),
    "thigh": (plan_thigh, 0.10),
}
"""Levels of a whole body, what plans each, and its share of patients."""


def plan_whole_body(rng: np.random.Generator) -> BodyPlan:
    """A random patient at a random level, from the thighs to the apices of the lungs."""
    names = list(LEVELS)
    level = str(rng.choice(names, p=[LEVELS[name][1] for name in names]))
    return LEVELS[level][0](rng)


PLANS: dict[tuple[str, str], Callable[[np.random.Generator], PetPlan]] = {
    ("head", ""): plan_head,
    ("whole body", ""): plan_whole_body,
}
"""Region and contrast, which PET has not, to what makes a random plan."""
