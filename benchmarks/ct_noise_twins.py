"""Two kernels on the same raw data: the same noise twice, so that their ratio needs no model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.ct_noise_fit import Compared, fit, spectrum_of
from engines.base import FloatArray
from engines.medq_uni.degradations.ct.low_dose import Scan
from engines.medq_uni.yardstick.physicist import nps
from engines.medq_uni.yardstick.table import Cell, Table

AT_LP_CM = (1.0, 2.0, 3.0, 4.0, 5.0)


def twins_table(found: list[Compared]) -> Table:
    """Smooth over sharp kernel by frequency: measured from both images, and of both fits."""
    rows: list[tuple[Cell, ...]] = []
    for compared in found:
        twin = compared.case.twin
        if twin is None:
            continue
        case = compared.case
        lp_cm, ratio, coherent, left = _measured(compared, twin)
        smooth, _ = fit(case, spectrum_of(case, twin), Scan(slice_mm=case.slice_mm))
        at = np.array(AT_LP_CM)
        fitted = smooth.response(at) / compared.fitted.response(at)
        for what, values in (
            ("measured", np.interp(at, lp_cm, ratio)),
            ("of the two fits", fitted),
            ("coherence", np.interp(at, lp_cm, coherent)),
            ("power of the difference", np.interp(at, lp_cm, left)),
        ):
            rows.append((case.name, what, *(float(v) for v in values)))
    return Table(
        "ct-noise-twins",
        "Twins",
        ("series", "smooth over sharp kernel", *(f"{f:g} lp/cm" for f in AT_LP_CM)),
        tuple(rows),
        "Two series were reconstructed twice from the same raw data, so that both images hold the "
        "same noise. *Measured*: their cross spectrum over the sharp one's spectrum; *of the two "
        "fits*: the quotient of two kernels, each fitted to its own spectrum alone. *Coherence* "
        "is 1 where both hold nothing but the same. *Power of the difference*, sharp less smooth, "
        "over the sharp one's: near 1 what the sharp image shows is noise that the smooth one "
        "hasn't.",
    )


def _measured(
    compared: Compared, twin: FloatArray
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies, and at them ratio, coherence and the difference's share of power."""
    case = compared.case

    def power(images: FloatArray) -> nps.Radial:
        return spectrum_of(case, images).radial()

    sharp, smooth = power(case.images), power(twin)
    less = power(case.images - twin)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 Re(a b*)
    cross = (sharp.power + smooth.power - less.power) / 2
    ratio = cross / sharp.power
    coherence = cross**2 / (sharp.power * smooth.power)
    return sharp.lp_cm[1:], ratio[1:], coherence[1:], (less.power / sharp.power)[1:]
