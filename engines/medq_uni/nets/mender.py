"""A residual expert: a small U-Net of plain convolutions on unshuffled pixels.

It gives the change that takes one degradation away. The told level stands in its input and, with
what the restoration token says, scales and shifts every block.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FOLD = 4
MULTIPLE = 32
"""Rows and columns must be multiples of this: the fold and three halvings."""
BLUR = 9
"""Side of the box, in folded pixels, whose mean noise experts leave as it is in CT."""
TOLD = 6
"""What an expert is told besides its level and its token: the number, whether the image is CT, MR
or PET, whether the pixel size is known, and its logarithm."""
ABSOLUTE = 1
"""Place of CT in that: its values mean something each by itself, and means must stay."""
STEEPEST = 4.0
"""Largest change in levels of an expert that takes noise away."""
DENSE = 6.0
"""Noise is not looked at above this in CT, 600 HU: few images teach what is bone there."""
EDGE, EDGE_LEVELS = 1.5, 4.0
"""An edge in CT that rises by 150 HU and four levels within three pixels is let alone by half, and
more so the higher it is: it stands out of the noise, and stays as sharp as it was."""


class Block(nn.Module):
    """Two convolutions around a scale and shift, added to what came in."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)
        nn.init.zeros_(self.second.bias)
        with torch.no_grad():
            self.second.weight.mul_(0.2)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """``x`` (batch, channels, rows, columns), ``condition`` (batch, width of the condition)."""
        scale, shift = self.film(condition)[:, :, None, None].chunk(2, 1)
        y: Tensor = x + self.second(F.relu(self.first(x) * (1 + scale) + shift))
        return y


class Mender(nn.Module):
    """One degradation's expert; see the module.

    ``noise`` says that the degradation is noise: the change then is at most ``STEEPEST`` levels,
    and in CT it lets edges of high contrast alone and leaves the mean over a box of ``BLUR`` where
    it was (magnitude images of MR have a floor that is to go). ``counts`` says that its level
    follows the signal, as in PET.
    """

    def __init__(
        self, channels: Sequence[int], condition: int, inner: int, noise: bool, counts: bool
    ) -> None:
        super().__init__()
        self.noise, self.counts = noise, counts
        self.condition = nn.Sequential(nn.Linear(condition + TOLD, inner), nn.GELU())
        self.inlet = nn.Conv2d(FOLD * FOLD + 1, channels[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(Block(c, inner) for c in channels)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(channels))
        self.middle = Block(channels[-1], inner)
        self.up = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in pairwise(channels))
        self.up_blocks = nn.ModuleList(Block(c, inner) for c in channels[:-1])
        self.outlet = nn.Conv2d(channels[0], FOLD * FOLD, 3, padding=1)
        nn.init.zeros_(self.outlet.weight)
        nn.init.zeros_(self.outlet.bias)

    def forward(self, image: Tensor, level: Tensor, told: Tensor, steered: Tensor) -> Tensor:
        """The change for ``image`` (batch, 1, rows, columns).

        ``level`` (batch,) is the told amount as ``engines.medq_uni.levels`` scales it, ``told``
        (batch, ``TOLD``) what else the words and the header say, ``steered`` what the restoration
        token does.
        """
        folded = F.pixel_unshuffle(self._shown(image, told), FOLD)
        scale = self._scale(image, level)
        condition = self.condition(torch.cat([steered, told], 1))
        x = self.inlet(torch.cat([folded, scale], 1))
        skips = []
        for place, block in enumerate(self.down_blocks):
            x = block(x, condition)
            if place < len(self.down):
                skips.append(x)
                x = self.down[place](x)
        x = self.middle(x, condition)
        for place in reversed(range(len(self.up))):
            x = F.pixel_shuffle(self.up[place](x), 2) + skips[place]
            x = self.up_blocks[place](x, condition)
        change = self.outlet(x)
        if self.noise:
            change = STEEPEST * torch.tanh(change / STEEPEST)
        change = change * scale
        if self.noise:
            absolute = told[:, ABSOLUTE, None, None, None]
            plain = 1 - absolute * (1 - self._plain(image, level))
            mean = _around((plain * change).mean(1, keepdim=True))
            mean = absolute * mean / _around(plain.mean(1, keepdim=True))
            most = STEEPEST * scale
            change = torch.minimum(torch.maximum(plain * (change - mean), -most), most)
        return F.pixel_shuffle(change, FOLD)

    def _shown(self, image: Tensor, told: Tensor) -> Tensor:
        """What the convolutions see: noise experts no more of dense bone and metal than that."""
        if not self.noise:
            return image
        absolute = told[:, ABSOLUTE, None, None, None]
        return torch.minimum(image, DENSE + (1 - absolute) * 1e6)

    def _plain(self, image: Tensor, level: Tensor) -> Tensor:
        """1 where nothing stands far out of the noise, next to 0 at sharp edges of high contrast.

        Of every pixel, folded: (batch, ``FOLD`` ** 2, rows / 4, columns / 4).
        """
        smooth = F.avg_pool2d(image, 3, stride=1, padding=1, count_include_pad=False)
        highest = F.max_pool2d(smooth, 3, stride=1, padding=1)
        lowest = -F.max_pool2d(-smooth, 3, stride=1, padding=1)
        contrast = (highest - lowest) / (EDGE + EDGE_LEVELS * level[:, None, None, None])
        return F.pixel_unshuffle(1 / (1 + contrast.square().square()), FOLD)

    def _scale(self, image: Tensor, level: Tensor) -> Tensor:
        """The level at each folded pixel (batch, 1, rows / 4, columns / 4)."""
        here = F.avg_pool2d(image, FOLD)
        wide = level[:, None, None, None]
        if self.counts:
            smooth = F.avg_pool2d(here, 3, stride=1, padding=1, count_include_pad=False)
            return wide * torch.sqrt(smooth.clamp(min=0) + 0.05)
        return wide * torch.ones_like(here)


def _around(x: Tensor) -> Tensor:
    """Mean over a box of ``BLUR``, at the border over what there is of it."""
    return F.avg_pool2d(x, BLUR, stride=1, padding=BLUR // 2, count_include_pad=False)
