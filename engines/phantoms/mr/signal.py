"""Signal of each tissue in one person's examination: what a scanner's protocol makes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from engines.medq_uni.degradations.checks import within
from engines.phantoms.mr.relaxation import CSF, FIELDS_T, VOID, Tissue, person
from engines.phantoms.mr.sequences import (
    gradient_echo,
    inversion_recovery,
    mprage,
    nulling_time,
    spin_echo,
)

FAT_SAT = " fat sat"
CONTRASTS = ("T1", "T2", "PD", "FLAIR", "T1 fat sat", "T2 fat sat", "PD fat sat")
BRIGHTEST = (600.0, 2500.0)
"""Range of the signal of the brightest usual tissue: scanners scale to 12 bits, and not fully."""
USUAL = ("grey", "white", CSF, "fat", "muscle", "marrow", "liver", "spleen", "cartilage")
"""Tissues one of which is the brightest."""

LEAKY = {"tumour": 1.0, "metastasis": 0.8, "mucosa": 0.8, "choroid": 0.7, "dura": 0.5, "blood": 1.0}
"""What takes up gadolinium, and how much of what blood has."""
RELAXIVITY = 4.5e-3
"""By how much a millimole per litre of gadolinium hastens T1, per ms (Rohrer et al., Invest Radiol
2005;40:715)."""

Equation = Callable[[Tissue], float]


def tissue_signals(
    contrast: str,
    rng: np.random.Generator,
    mprage_share: float = 0.5,
    medium_share: float = 0.0,
) -> Mapping[str, float]:
    """Signal of every tissue of ``relaxation.TISSUES``, of one random person and protocol.

    The brightest usual tissue has 600 to 2500, gas none. The person and the field strength (1.5 T
    or 3 T) are the same in every contrast for generators of the same seed; so give it one of its
    own, that nothing of the anatomy depends on. ``mprage_share`` says how often T1 is an MPRAGE, as
    is usual in the head alone; otherwise it is a spin echo, or a gradient echo. ``medium_share``
    says how often gadolinium was given.

    Raises:
        ValueError: ``contrast`` is none of ``CONTRASTS``, or a share isn't within 0 to 1.
    """
    if contrast not in CONTRASTS:
        raise ValueError(f"contrast must be one of {', '.join(CONTRASTS)}, not {contrast!r}")
    within("mprage_share", mprage_share, 0, 1)
    within("medium_share", medium_share, 0, 1)
    field = int(rng.integers(len(FIELDS_T)))
    tissues = person(rng, field)
    contrast_medium = rng.random() < medium_share
    millimolar = float(rng.uniform(0.3, 0.8))
    if contrast_medium:
        tissues |= {
            name: _enhanced(tissues[name], leak * millimolar) for name, leak in LEAKY.items()
        }
    brightest = float(rng.uniform(*BRIGHTEST))
    saturated = float(rng.uniform(0.04, 0.14))
    left = saturated if contrast.endswith(FAT_SAT) else 1.0
    inflow = float(rng.uniform(0.7, 1.5))
    gradient, equation = _equation(contrast.removesuffix(FAT_SAT), tissues, rng, mprage_share)
    raw = {
        name: equation(tissue) * (1 - tissue.fat * (1 - left)) for name, tissue in tissues.items()
    }
    if gradient:
        # No second pulse dephases it, and blood that flows in is not saturated yet.
        raw[VOID] = raw["white"] * inflow
    scale = brightest / max(raw[name] for name in USUAL)
    return {name: value * scale for name, value in raw.items()}


def _enhanced(tissue: Tissue, millimolar: float) -> Tissue:
    """A tissue with gadolinium in it."""
    t1 = 1 / (1 / tissue.t1[0] + RELAXIVITY * millimolar)
    return tissue._replace(t1=(t1, t1))


def _equation(
    weighting: str, tissues: Mapping[str, Tissue], rng: np.random.Generator, mprage_share: float
) -> tuple[bool, Equation]:
    """A random protocol of a weighting, and whether it reads gradient echoes."""
    if weighting == "T1":
        return _t1(rng, mprage_share)
    if weighting == "FLAIR":
        tr, te = rng.uniform(8000, 11000), rng.uniform(90, 135)
        # The null is set for a usual fluid, not for this one.
        ti = nulling_time(tissues[CSF].t1[0], tr) * (1 + 0.012 * rng.normal(0, 1, 1).clip(-2, 2)[0])
        return False, lambda t: inversion_recovery(t.density, t.t1[0], t.t2[0], tr, te, ti)
    if weighting == "T2":
        tr, te = rng.uniform(3500, 6500), rng.uniform(80, 112)
    else:
        tr, te = rng.uniform(2300, 3800), rng.uniform(10, 32)
    return False, lambda t: spin_echo(t.density, t.t1[0], t.t2[0], tr, te)


def _t1(rng: np.random.Generator, mprage_share: float) -> tuple[bool, Equation]:
    """A random T1 protocol."""
    kind, spoiled = rng.random(2)
    if kind < mprage_share:
        tr, te, ti = rng.uniform(1900, 2400), rng.uniform(2.3, 3.6), rng.uniform(880, 1050)
        flip, spacing = math.radians(rng.uniform(7, 10)), rng.uniform(6.5, 8.5)
        pulses = int(rng.integers(150, 190))
        return True, lambda t: mprage(
            t.density, t.t1[0], 0.6 * t.t2[0], tr, te, ti, flip, pulses, spacing
        )
    if spoiled < 0.3:
        tr, te, flip = (
            rng.uniform(120, 250),
            rng.uniform(2.2, 4.8),
            math.radians(rng.uniform(65, 85)),
        )
        return True, lambda t: gradient_echo(t.density, t.t1[0], 0.6 * t.t2[0], tr, te, flip)
    tr, te = rng.uniform(420, 680), rng.uniform(8, 14)
    return False, lambda t: spin_echo(t.density, t.t1[0], t.t2[0], tr, te)
