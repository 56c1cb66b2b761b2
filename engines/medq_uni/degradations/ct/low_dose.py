"""CT at low dose: what fewer photons do to a slice; see ``scanned`` for how it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from engines.base import FloatArray
from engines.description import Amount, Degradation
from engines.medq_uni.degradations.checks import hu_image, within
from engines.medq_uni.degradations.ct.scan import Scan
from engines.medq_uni.degradations.ct.scanned import ScannedSlice
from engines.medq_uni.degradations.ct.tissue import soft_tissue
from engines.medq_uni.degradations.kernels import STANDARD, Kernel
from engines.medq_uni.pair import Pair, Source
from engines.severity import graded_finding

__all__ = ["LowDose", "Scan", "dose_for", "noise_fields", "noisier", "through_kernel"]

DEFAULT_SCAN = Scan()
LOWEST_HU = -1024.0
"""What scanners store goes no lower, but for padding."""
LEAST_NOISE = 0.1
"""Noise in HU below which a source has none."""


def noise_fields(
    image: ArrayLike, pixel_mm: float, scan: Scan, count: int, rng: np.random.Generator
) -> FloatArray:
    """Noise (count, rows, columns) in HU that ``scan`` puts on ``image`` (rows, columns, HU).

    Independent realisations with zero mean (but for the logarithm's bias where hardly any photon
    arrives); no noise in padding and outside the scanner's field of 500 mm.

    Raises:
        ValueError: not a CT image, pixels outside 0.05 to 5 mm, or a count outside 1 to 1000.
    """
    within("count", count, 1, 1000)
    return ScannedSlice(image, pixel_mm, scan).noise(scan.dose, int(count), rng)


def through_kernel(image: ArrayLike, pixel_mm: float, kernel: Kernel) -> FloatArray:
    """``image`` (rows, columns, HU) as ``kernel`` shows it; the bare ramp leaves it as it is.

    The edges of the image are continued outwards.

    Raises:
        ValueError: not a CT image, or pixels outside 0.05 to 5 mm.
    """
    values = hu_image("image", image)
    pixel_mm = within("pixel_mm", pixel_mm, 0.05, 5)
    margin = int(np.ceil(60 / kernel.half_lp_cm / pixel_mm)) + 8
    sides = [int(fft.next_fast_len(n + 2 * margin, real=True)) for n in values.shape]
    after = [side - n - margin for side, n in zip(sides, values.shape, strict=True)]
    padded = np.pad(values, [(margin, end) for end in after], mode="edge")
    response = kernel.response(radial_lp_cm(padded.shape, pixel_mm)).astype(np.float32)
    shown = fft.irfft2(fft.rfft2(padded) * response, padded.shape)
    rows, columns = values.shape
    return np.ascontiguousarray(shown[margin : margin + rows, margin : margin + columns])


def radial_lp_cm(shape: tuple[int, ...], pixel_mm: float) -> NDArray[np.float64]:
    """Frequency in lp/cm of every element of ``rfft2`` of an image of ``shape``."""
    rows, columns = shape
    v, u = fft.fftfreq(rows, pixel_mm), fft.rfftfreq(columns, pixel_mm)
    return np.asarray(10 * np.hypot(v[:, None], u[None, :]))


def dose_for(variance: float, quantum: float, electronic: float) -> float:
    """The dose at which ``quantum / dose + electronic / dose ** 2`` is ``variance``, in HU ** 2."""
    root = np.sqrt(quantum**2 + 4 * variance * electronic)
    return float((quantum + root) / (2 * variance))


def noisier(
    pair: Pair, noise: FloatArray, added: float, dose: float | None, kernel: Kernel
) -> Pair:
    """``pair`` with ``noise`` on its image, whose standard deviation in soft tissue is ``added``.

    ``dose`` is the fraction asked for, ``None`` where a level was. The image is cut off at -1024 HU
    as scanners store it, or at its own lowest value where it has lower ones: air gets brighter by
    that, as it does in real images at low dose. Truth stays.
    """
    source = pair.source
    total = float(np.hypot(pair.noise, added))
    finding = graded_finding(
        Degradation.NOISE, [Amount(total, source.unit)], source.modality, source.region
    )
    recipe: dict[str, float | str] = {} if dose is None else {"dose": dose}
    recipe |= {
        "kernel": kernel.name, "half_lp_cm": kernel.half_lp_cm, "steepness": kernel.steepness,
        "boost": kernel.boost, "added_hu": added,
    }  # fmt: skip
    low = min(LOWEST_HU, float(pair.image.min()))
    noisy = replace(pair, image=np.maximum(pair.image + noise, np.float32(low)), noise=total)
    return noisy.with_finding(finding, **recipe)


def check_source(source: Source) -> None:
    """Refuse, with a ValueError, what isn't a CT slice in HU of known size and thickness."""
    if source.unit != "HU":
        raise ValueError(f"low dose needs a source in HU, not in {source.unit}")
    within("pixel_mm", source.pixel_mm, 0.05, 5)
    within("slice_mm", source.slice_mm, 0.1, 50)


def check_noise_known(source: Source) -> None:
    """Refuse, with a ValueError, a source of unknown noise: no dose can be told from it."""
    if source.noise is None:
        raise ValueError(
            f"noise of source {source.name!r} is unknown, so its dose is: ask for noise_hu instead"
        )


@dataclass(frozen=True, slots=True)
class LowDose:
    """The slice as at ``dose`` of what its source had; truth stays.

    A source with noise of its own tells by it how many photons it had, ``kernel`` being the one it
    was made with, and gets the noise that is missing. A source without (a phantom) gets all the
    noise of ``scan`` at ``dose``. With ``noise_hu`` the dose is chosen so that the noise added
    in soft tissue has that standard deviation in HU. ``scan`` says the rest of the physics; its own
    dose, kernel and thickness are not used, the source has a thickness.

    Done twice, doses multiply.

    Raises:
        ValueError: dose not within 0.01 to 4 (1 for a source with noise), noise not within 0.1 to
            1000 HU; a dose for a source of unknown noise.
    """

    dose: float = 0.25
    kernel: Kernel = STANDARD
    noise_hu: float | None = None
    scan: Scan = DEFAULT_SCAN

    def __post_init__(self) -> None:
        within("dose", self.dose, 0.01, 4)
        if self.noise_hu is not None:
            within("noise_hu", self.noise_hu, 0.1, 1000)

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        """``pair`` with the noise added to its image; ValueError where that is no CT in HU."""
        source = pair.source
        check_source(source)
        if self.noise_hu is None:
            check_noise_known(source)
        tissue = soft_tissue(hu_image("truth", pair.truth), source.pixel_mm)
        scan = replace(self.scan, kernel=self.kernel, slice_mm=source.slice_mm)
        scanned = ScannedSlice(pair.image, source.pixel_mm, scan)
        quantum, electronic = (float(part[tissue].mean()) for part in scanned.variances())
        before: float | None = None
        dose, wanted = self.dose, self.noise_hu
        if wanted is not None:
            dose = dose_for(wanted**2, quantum, electronic)
        elif pair.noise > LEAST_NOISE:
            within("dose of a source with noise", dose, 0.01, 1)
            before = dose_for(pair.noise**2, quantum, electronic)
            dose *= before
        if before is not None and dose >= before:
            noise = np.zeros_like(pair.image)
        else:
            noise = scanned.noise(dose, 1, rng, before)[0]
        added = float(np.sqrt(np.mean(np.square(noise[tissue], dtype=np.float64))))
        if wanted is not None and added > 0:
            noise *= np.float32(wanted / added)
            added = wanted
        return noisier(pair, noise, added, None if wanted is not None else self.dose, self.kernel)
