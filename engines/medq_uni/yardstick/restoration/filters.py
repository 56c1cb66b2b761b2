"""The filters that a learned engine has to beat, each told how large the error is.

That is more than they would know in practice, and more than an engine is told, see ``told``. They
believe the error to be white noise, as filters do. Every filter has one constant in each modality:
its strength in units of the level it is told. The constants were chosen once by the module
``filter_tuning`` beside this one, on phantoms with degradations of all kinds, and never on cases
that are reported: that of the highest mean gain.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

from engines.base import ArrayStack, FloatArray
from engines.description import Modality
from engines.medq_uni.yardstick.contestant import Contestant

STRENGTHS: dict[str, dict[Modality, float]] = {
    "wavelet": {Modality.CT: 1.5, Modality.MR: 1.0, Modality.PT: 0.8},
    "TV": {Modality.CT: 0.8, Modality.MR: 0.7, Modality.PT: 1.6},
    "NLM": {Modality.CT: 1.0, Modality.MR: 0.6, Modality.PT: 1.2},
    "BM3D": {Modality.CT: 1.5, Modality.MR: 1.0, Modality.PT: 3.0},
}
"""Filter and modality -> the constant: the noise level that wavelet and BM3D are told, the weight
of total variation and the cut-off distance ``h`` of non-local means, all in levels told. In MR it
is the best for noise alone: of what isn't noise less is told."""
NLM_PATCH = 5
NLM_DISTANCE = 6
"""Side of the patches and the search distance of non-local means in pixels."""

_total_variation: Callable[..., FloatArray] = denoise_tv_chambolle  # scikit-image is not typed
_wavelet: Callable[..., FloatArray] = denoise_wavelet
_non_local_means: Callable[..., FloatArray] = denoise_nl_means

SliceFilter = Callable[[FloatArray, float, float], FloatArray]
"""An image (rows, columns), the level in its unit and the constant -> the filtered image."""


def wavelet(image: FloatArray, noise: float, strength: float) -> FloatArray:
    """BayesShrink (Chang, Yu and Vetterli, IEEE Trans Image Process 2000;9:1532)."""

    def shrunk(scaled: FloatArray) -> FloatArray:
        # Coefficients next to zero overflow in the threshold's ratio, and are set to zero by it.
        with np.errstate(over="ignore"):
            return _wavelet(scaled, sigma=strength, wavelet="db2", mode="soft")

    return in_noise_levels(image, noise, shrunk)


def total_variation(image: FloatArray, noise: float, weight: float) -> FloatArray:
    """Total variation (Chambolle, J Math Imaging Vis 2004;20:89)."""
    return in_noise_levels(
        image,
        noise,
        lambda scaled: _total_variation(scaled, weight=weight, eps=1e-5, max_num_iter=100),
    )


def non_local_means(image: FloatArray, noise: float, strength: float) -> FloatArray:
    """Non-local means (Buades, Coll and Morel, CVPR 2005; fast as Darbon et al., ISBI 2008)."""
    return in_noise_levels(
        image,
        noise,
        lambda scaled: _non_local_means(
            scaled,
            patch_size=NLM_PATCH,
            patch_distance=NLM_DISTANCE,
            h=strength,
            sigma=1.0,
            fast_mode=True,
        ),
    )


def in_noise_levels(
    image: FloatArray, noise: float, denoise: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """``denoise`` of the image in units of its noise; an image without noise comes back as it is.

    Raises:
        ValueError: the noise level is negative or not finite.
    """
    if not np.isfinite(noise) or noise < 0:
        raise ValueError(f"noise must be 0 or more, not {noise}")
    if noise == 0:
        return image
    middle = np.float32(np.median(image))
    scaled = denoise((image - middle) / np.float32(noise))
    return np.asarray(scaled * np.float32(noise) + middle, np.float32)


def by_slice(name: str, denoise: SliceFilter) -> Contestant:
    """A contestant that filters each slice by itself, with the constant of its modality."""

    def restore(stack: ArrayStack, noise: float) -> FloatArray:
        constant = STRENGTHS[name][stack.info.modality]
        return np.stack([denoise(image, noise, constant) for image in stack.values])

    return Contestant(name, restore)


TV = by_slice("TV", total_variation)
NLM = by_slice("NLM", non_local_means)
WAVELET = by_slice("wavelet", wavelet)


def filters() -> tuple[Contestant, ...]:
    """The filters that can be had: without PyWavelets there is no wavelet filter."""
    with_wavelets = importlib.util.find_spec("pywt") is not None
    return (WAVELET, TV, NLM) if with_wavelets else (TV, NLM)
