"""Loss on pixels: Charbonnier in units of the input's error, and a little structural similarity."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from engines.description import Modality

ROUND = 0.3
"""Errors below this share of the input's count squared: no bias towards the median."""
SIMILAR = 0.05
SHADING = 0.3
"""Weight of the error that is left after averaging over 16 pixels."""
RANGE: dict[Modality, tuple[float, float]] = {
    Modality.CT: (-1.6, 2.4),
    Modality.MR: (0.0, 1.5),
    Modality.PT: (0.0, 4.0),
}
"""Values that structural similarity looks at, in image units."""
SIDE = 7


def weights_of(truth: Tensor, modality: Modality) -> Tensor:
    """How much each pixel counts: soft tissue most, air least."""
    if modality is Modality.CT:
        bone = torch.where(truth >= 3.5, 0.6, 1.0)
        return torch.where(truth > -2.5, bone, torch.where(truth > -9.5, 0.3, 0.1))
    return torch.where(F.avg_pool2d(truth, 5, 1, 2) > 0.15, 1.0, 0.3)


def pixel_loss(mended: Tensor, truth: Tensor, error: Tensor, modality: Modality) -> Tensor:
    """Loss of each crop (batch,); ``error`` (batch,) is the input's RMS error."""
    weights = weights_of(truth, modality)
    z = (mended - truth) / error[:, None, None, None]
    rough = torch.sqrt(z.square() + ROUND**2) - ROUND
    first = (weights * rough).mean((1, 2, 3)) / weights.mean((1, 2, 3))
    shading = F.avg_pool2d(z * weights, 16).square().mean((1, 2, 3))
    return first + SHADING * shading + SIMILAR * _unlike(mended, truth, *RANGE[modality])


def _unlike(mended: Tensor, truth: Tensor, low: float, high: float) -> Tensor:
    """1 - SSIM of each crop, over boxes (Wang 2004, with a uniform window)."""
    size = high - low
    a, b = mended.clamp(low, high), truth.clamp(low, high)
    c1, c2 = (0.01 * size) ** 2, (0.03 * size) ** 2

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, SIDE, 2)

    ma, mb = mean(a), mean(b)
    va, vb, vab = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    like = ((2 * ma * mb + c1) * (2 * vab + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return 1 - like.mean((1, 2, 3))
