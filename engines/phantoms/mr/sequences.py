"""Signal equations of magnetic resonance: spin echo, inversion recovery, MPRAGE, gradient echo.

Bernstein, King, Zhou, Handbook of MRI Pulse Sequences (2004), chapters 11, 14 and 16; Deichmann et
al., NeuroImage 2000;12:112 for MPRAGE. Times in ms, angles in radians; signals are magnitudes, as
a share of what fully relaxed water would give. Echo trains are taken for a single echo.
"""

from __future__ import annotations

import math


def spin_echo(density: float, t1: float, t2: float, tr: float, te: float) -> float:
    """Signal of a spin echo."""
    return density * -math.expm1(-tr / t1) * math.exp(-te / t2)


def inversion_recovery(
    density: float, t1: float, t2: float, tr: float, te: float, ti: float
) -> float:
    """Signal of a spin echo ``ti`` after an inversion."""
    along = 1 - 2 * math.exp(-ti / t1) + math.exp(-tr / t1)
    return density * abs(along) * math.exp(-te / t2)


def nulling_time(t1: float, tr: float) -> float:
    """Time after an inversion at which a tissue gives no signal."""
    return t1 * (math.log(2) - math.log1p(math.exp(-tr / t1)))


def gradient_echo(density: float, t1: float, t2: float, tr: float, te: float, flip: float) -> float:
    """Signal of a spoiled gradient echo; ``t2`` stands for T2*."""
    left = math.exp(-tr / t1)
    steady = (1 - left) / (1 - math.cos(flip) * left)
    return density * math.sin(flip) * steady * math.exp(-te / t2)


def mprage(
    density: float,
    t1: float,
    t2: float,
    tr: float,
    te: float,
    ti: float,
    flip: float,
    pulses: int,
    spacing: float,
) -> float:
    """Signal at the middle of a train of ``pulses`` low-angle readouts, ``ti`` after an inversion.

    ``spacing`` is the time from readout to readout; ``tr`` from inversion to inversion.
    """
    half = pulses // 2
    before = _recovery(max(ti - half * spacing, 0.0), t1)
    one = _then((math.cos(flip), 0.0), _recovery(spacing, t1))
    train = _repeated(one, half)
    after = _recovery(max(tr - ti - half * spacing, 0.0), t1)
    # Magnetization is the same at the middle of every train: the fixed point of one whole cycle.
    scale, shift = _then(_then(_then(_then(train, after), (-1.0, 0.0)), before), train)
    along = shift / (1 - scale)
    return density * abs(along) * math.sin(flip) * math.exp(-te / t2)


_Affine = tuple[float, float]
"""Longitudinal magnetization m becomes ``scale * m + shift``."""


def _recovery(time: float, t1: float) -> _Affine:
    left = math.exp(-time / t1)
    return left, 1 - left


def _then(first: _Affine, second: _Affine) -> _Affine:
    return second[0] * first[0], second[0] * first[1] + second[1]


def _repeated(step: _Affine, count: int) -> _Affine:
    scale = step[0] ** count
    return scale, step[1] * (1 - scale) / (1 - step[0])
