"""Ways in which clinics reconstruct PET."""

from __future__ import annotations

from dataclasses import dataclass

from engines.medq_uni.degradations.checks import within


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """Ordered subsets of expectation maximisation, or filtered back projection.

    ``iterations`` of ``subsets``; none of them is filtered back projection with a Hann window up to
    ``hann_lp_cm``. ``psf_mm`` is the FWHM of the blur that the system model knows of, 0 for rays
    as wide as their bins. ``post_mm`` is the FWHM of the Gaussian filter at the end.
    ``full_percent`` is the noise of a typical full scan in tissue in % of its signal: 5 to 8 after
    expectation maximisation (EANM asks for less than 15; Boellaard et al., Eur J Nucl Med Mol
    Imaging 2015;42:328). In phantoms those of ``RECONSTRUCTIONS`` are what 0.8 to 2.6 million trues
    in a slice give in heads and 2.6 to 18 in bodies, but for filtered back projection: 0.3 to 0.8
    in heads and 4 to 80 in bodies, most in those with a full bladder.

    Raises:
        ValueError: a value that no clinic uses.
    """

    name: str
    post_mm: float = 5.0
    iterations: int = 3
    subsets: int = 16
    psf_mm: float = 0.0
    hann_lp_cm: float = 1.5
    full_percent: float = 6.0

    def __post_init__(self) -> None:
        within("post_mm", self.post_mm, 3, 12)
        within("iterations", self.iterations, 0, 20)
        within("subsets", self.subsets, 1, 48)
        within("psf_mm", self.psf_mm, 0, 10)
        within("hann_lp_cm", self.hann_lp_cm, 0.3, 10)
        within("full_percent", self.full_percent, 1, 50)


OSEM = Reconstruction("OSEM", post_mm=6.0, iterations=2, subsets=21, full_percent=5)
OSEM_LATE = Reconstruction(
    "OSEM, many iterations", post_mm=4.0, iterations=4, subsets=16, full_percent=8
)
OSEM_PSF = Reconstruction(
    "OSEM with PSF", post_mm=4.0, iterations=3, subsets=21, psf_mm=5.0, full_percent=8
)
FBP = Reconstruction("filtered back projection", post_mm=5.0, iterations=0, full_percent=8)
RECONSTRUCTIONS: tuple[Reconstruction, ...] = (OSEM, OSEM_LATE, OSEM_PSF, FBP)
"""As of whole bodies in routine, of brains and small lesions, of recent scanners, and of old ones.
"""
