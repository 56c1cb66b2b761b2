"""From pixels to image tokens: shapes by a few convolutions, grain by the energy of filters.

Noise is not a shape: what tells its strength and its kind is how much energy is left in many
filters at native resolution. So filters without a mean are squared, averaged over each patch and
over its quietest parts, where no edge is, and their logarithm is given to the tokens. They look at
soft tissue (values near those of typical tissue), since edges of air and bone would drown it.
Shapes are also looked for in the logarithm above air, where ghosts and streaks in air are as plain
as tissue.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.medq_uni.signs import CT_AIR, CT_TISSUE

FOLD = 4
PATCH = 32
LEAST_ENERGY = 1e-5
LOWEST, HIGHEST = -12.0, 40.0
SOFT = (-2.0, 3.0)
FAINT = 0.02
"""What is as faint as this is half lost in the logarithm."""
GRAINS = 32
"""Filters for grain."""
BLOCK = 2
"""Side, in folded pixels, of the blocks whose quietest speaks for a patch."""
WAVES = 4
"""Octaves of the sines that tell where a patch lies."""


class Stem(nn.Module):
    """Image (batch, 1, rows, columns), multiples of 32, to tokens (batch, patches, width)."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        first, second, third, last = channels
        self.grain = nn.Conv2d(FOLD * FOLD, GRAINS, 3, padding=1, bias=False)
        self.shapes = nn.Sequential(
            nn.Conv2d(3 * FOLD * FOLD, first, 3, padding=1), nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(second, third, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(third, last, 3, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.token = nn.Linear(last + 3 * GRAINS + 2 + 4 * WAVES, width)

    def forward(self, image: Tensor, places: Tensor, ct: Tensor) -> Tensor:
        """``places`` (batch, patches, 2): rows and columns of the patches' middles, 0 to 1.

        ``ct`` (batch,) is 1 for CT, else 0.
        """
        image = image.clamp(LOWEST, HIGHEST)
        whole = F.pixel_unshuffle(image, FOLD)
        soft = F.pixel_unshuffle(image.clamp(*SOFT), FOLD)
        ct = ct[:, None, None, None]
        signal = (image - CT_AIR * ct) / (1 + (CT_TISSUE - 1) * ct)
        faint = F.pixel_unshuffle(torch.log(signal.abs() + FAINT), FOLD)
        level = F.avg_pool2d(image, PATCH)
        size = F.avg_pool2d(image.abs(), PATCH)
        grid = torch.cat(
            [
                self.shapes(torch.cat([whole / 4, soft, faint / 2], 1)),
                self._energies(soft),
                level / 4,
                torch.log(size + 1e-2) / 2,
            ],
            1,
        )
        tokens = torch.cat([grid.flatten(2).transpose(1, 2), waves(places)], 2)
        found: Tensor = self.token(tokens)
        return found

    def _energies(self, soft: Tensor) -> Tensor:
        """Logarithms of each filter's energy: over a patch, its quietest quarter and block."""
        weight = self.grain.weight
        weight = weight - weight.mean((1, 2, 3), keepdim=True)
        energy = F.conv2d(soft, weight, padding=1).square()
        blocks = F.avg_pool2d(energy, BLOCK)
        quarters = F.avg_pool2d(blocks, PATCH // FOLD // BLOCK // 2)
        found = [
            F.avg_pool2d(quarters, 2),
            -F.max_pool2d(-quarters, 2),
            -F.max_pool2d(-blocks, PATCH // FOLD // BLOCK),
        ]
        return torch.log(torch.cat(found, 1) + LEAST_ENERGY) / 2 + 2.5


def waves(places: Tensor) -> Tensor:
    """Sines and cosines of places (batch, patches, 2): (batch, patches, 4 * ``WAVES``)."""
    octaves = torch.pi * 2.0 ** torch.arange(WAVES, device=places.device, dtype=places.dtype)
    angles = (places[..., None] * octaves).flatten(2)
    return torch.cat([angles.sin(), angles.cos()], 2)
