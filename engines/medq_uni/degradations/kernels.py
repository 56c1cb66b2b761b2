"""Reconstruction kernels: how much of each frequency an image keeps, from smooth to bare ramp.

One family stands for the makers' many: a roll-off with a frequency of half height and a steepness,
and a boost of middle frequencies, as lung and bone kernels have. The response multiplies the ramp
of the filtered back projection, and so it is the kernel's modulation transfer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.medq_uni.degradations.checks import within


@dataclass(frozen=True, slots=True)
class Kernel:
    """``response(f) = (1 + boost bump(f)) exp(-ln 2 (f / half_lp_cm) ** steepness)``.

    ``half_lp_cm`` is in line pairs per cm; ``bump`` rises from 0 at zero frequency to 1 at 0.6
    ``half_lp_cm`` and falls again. ``BARE_RAMP`` keeps everything.

    Raises:
        ValueError: half height not within 1 to 1000 lp/cm, steepness not within 1 to 12, boost not
            within 0 to 3.
    """

    name: str
    half_lp_cm: float
    steepness: float = 2.0
    boost: float = 0.0

    def __post_init__(self) -> None:
        within("half_lp_cm", self.half_lp_cm, 1, 1000)
        within("steepness", self.steepness, 1, 12)
        within("boost", self.boost, 0, 3)

    def response(self, lp_cm: NDArray[np.floating]) -> NDArray[np.float64]:
        """Modulation transfer at ``lp_cm`` (line pairs per cm), 1 at zero frequency."""
        relative = np.abs(np.asarray(lp_cm, np.float64)) / self.half_lp_cm
        square = (relative / 0.6) ** 2
        bump = square * np.exp(1 - square)
        result: NDArray[np.float64] = (1 + self.boost * bump) * np.exp(
            -np.log(2) * relative**self.steepness
        )
        return result


SMOOTH = Kernel("smooth", 3.0)
STANDARD = Kernel("standard", 4.2, 2.2)
SHARP = Kernel("sharp", 7.5, 3.0, 0.15)
EDGE = Kernel("edge-enhancing", 9.0, 4.0, 0.6)
BARE_RAMP = Kernel("bare ramp", 1000, 12)
KERNELS: tuple[Kernel, ...] = (SMOOTH, STANDARD, SHARP, EDGE, BARE_RAMP)
"""From smooth to bare ramp, as body, standard, lung and bone kernels go."""


def random_kernel(rng: np.random.Generator) -> Kernel:
    """A kernel for training: half height log-uniform from 2.5 to 30 lp/cm, any steepness and boost.

    What real images need most is that both ends are there: the smooth kernels of soft tissue and
    the nearly bare ramp of bone and lung. Every second kernel has no boost.
    """
    half = float(np.exp(rng.uniform(np.log(2.5), np.log(30))))
    steepness = float(np.exp(rng.uniform(np.log(1.3), np.log(12))))
    boost = float(max(0.0, rng.uniform(-1.2, 1.2)))
    return Kernel(f"random {half:.1f} lp/cm", half, steepness, boost)
