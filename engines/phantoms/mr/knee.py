"""A random knee, sagittal as knees are read, at times coronal or axial, in every usual contrast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.mr.acquisition import BLUR_PIXELS, Acquisition
from engines.phantoms.mr.knee_bones import random_bones
from engines.phantoms.mr.knee_disease import random_disease
from engines.phantoms.mr.knee_joint import random_joint
from engines.phantoms.mr.knee_slice import Knee, KneeSlice, Paints
from engines.phantoms.mr.knee_soft import random_soft
from engines.phantoms.mr.knee_solids import VIEWS
from engines.phantoms.mr.shading import plan_shading
from engines.phantoms.mr.signal import tissue_signals
from engines.phantoms.texture import Textures

REGION = "leg"
CONTRASTS = ("PD", "PD fat sat", "T1", "T2")
VIEW_CHANCES = (0.72, 0.13, 0.15)
"""Of ``VIEWS``."""
FIELD_MM: dict[str, tuple[float, float]] = {
    "sagittal": (150.0, 172.0),
    "coronal": (150.0, 172.0),
    "axial": (138.0, 158.0),
}
"""Range of the field of view, of an average adult."""
REACH_MM: dict[str, tuple[float, float]] = {
    "sagittal": (-32.0, 32.0),
    "coronal": (-30.0, 36.0),
    "axial": (-38.0, 62.0),
}
"""Heights of the slices, of an average adult."""
MIDDLE_MM: dict[str, tuple[float, float]] = {
    "sagittal": (-1.0, 14.0),
    "coronal": (0.0, 10.0),
    "axial": (0.0, 0.0),
}
"""Where the joint lies in the field, x and y."""


@dataclass(frozen=True, slots=True)
class KneePlan:
    """One knee in one contrast."""

    field_mm: float
    heights: tuple[float, float]
    origin: tuple[float, float]
    turn: float
    bend_mm: tuple[float, float]
    knee: Knee
    paints: Paints
    acquisition: Acquisition

    def draw(self, canvas: Canvas, textures: Textures) -> None:
        """Draw the slice at ``canvas.z``."""
        self.acquisition.prepare(canvas)
        KneeSlice(self.knee, self.paints, canvas, textures).draw()
        self.acquisition.picture(canvas)


SATURATION: dict[str, float] = {"muscle": 0.80, "cartilage": 0.93}
"""Share of the signal that is left in fast spin echoes, roughly: their many pulses saturate what is
bound to large molecules (magnetisation transfer: Henkelman et al., NMR Biomed 2001;14:57)."""


def saturated(signals: Mapping[str, float], contrast: str) -> Mapping[str, float]:
    """Signals less what magnetisation transfer takes; T1 pictures have too few pulses for it."""
    if contrast == "T1":
        return signals
    return {name: value * SATURATION.get(name, 1.0) for name, value in signals.items()}


def plan_knee(rng: np.random.Generator, contrast: str) -> KneePlan:
    """A random patient's knee in ``contrast``; the same anatomy in all for the same generator.

    Raises:
        ValueError: no such contrast.
    """
    if contrast not in CONTRASTS:
        raise ValueError(f"contrast must be one of {', '.join(CONTRASTS)}, not {contrast!r}")
    # What the contrast decides takes no random number of the anatomy's.
    of_tissues, of_scan = (np.random.default_rng(int(n)) for n in rng.integers(2**62, size=2))
    view = str(rng.choice(VIEWS, p=VIEW_CHANCES))
    scale = float(np.clip(rng.normal(1.0, 0.07), 0.82, 1.14))
    low, high = (scale * height for height in REACH_MM[view])
    field = float(rng.uniform(*FIELD_MM[view])) * max(scale, 0.95)
    right, down = (scale * at for at in MIDDLE_MM[view])
    origin = right + float(rng.normal(0, 3)), down + float(rng.normal(0, 5))
    bones = random_bones(rng)
    knee = Knee(
        view=view,
        outer=float(rng.choice([-1.0, 1.0])),
        scale=scale,
        bones=bones,
        joint=random_joint(rng),
        soft=random_soft(rng, (bones.patella_at[1], bones.patella_long)),
        disease=random_disease(rng),
        red=float(rng.uniform(0, 1) ** 2),
        scar=float(rng.uniform(0.02, 0.25)),
        cortex_mm=float(rng.uniform(0.9, 1.3)),
        bundles=_bundles(rng),
    )
    return KneePlan(
        field_mm=field,
        heights=(low, high),
        origin=origin,
        turn=float(rng.normal(0, 0.05)),
        bend_mm=(float(rng.uniform(0.6, 1.6)), float(rng.uniform(0.25, 0.55))),
        knee=knee,
        paints=_paints(of_tissues, of_scan, contrast),
        acquisition=Acquisition(
            float(of_scan.uniform(*BLUR_PIXELS)), plan_shading(of_scan, 75 * scale)
        ),
    )


def _paints(of_tissues: np.random.Generator, of_scan: np.random.Generator, contrast: str) -> Paints:
    """Signals of one examination: arteries are flow voids, veins hold some of the blood's."""
    signals = saturated(tissue_signals(contrast, of_tissues, 0.0), contrast)
    void, blood = signals["vessel"], signals["blood"]
    fast, slow = of_scan.uniform(0.0, 0.15), of_scan.uniform(0.1, 0.8)
    return Paints(signals, float(void + fast * (blood - void)), float(void + slow * (blood - void)))


def _bundles(rng: np.random.Generator) -> FloatArray:
    """How much fat lies between fibres at each mm across, 0 to 1, (65,), the last as the first."""
    fat = np.exp(0.9 * rng.standard_normal(64)).clip(0, 3) / 3
    return np.resize(fat, 65).astype(np.float32)


PLANS_KNEE: dict[tuple[str, str], Callable[[np.random.Generator], KneePlan]] = {
    (REGION, contrast): partial(plan_knee, contrast=contrast) for contrast in CONTRASTS
}
"""(region, contrast) -> function that makes a random plan."""
