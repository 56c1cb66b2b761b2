"""Blocks with twin weights and one attention (MedQ-UNI, arXiv 2603.18465, section 3).

The assessment expert's weights carry image and text tokens, the restoration expert's carry the
restoration tokens; all meet in one softmax. What a token may see never depends on tokens that come
later (image, then text, then restoration), so that each kind is computed once, with keys and
values of those before it kept. ``visible`` spells the same as one mask over all tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HIDDEN = 1e9
"""Taken from the score of a token that isn't to be seen; FP16 makes infinity of it, as it may."""
KeysValues = tuple[Tensor, Tensor]
"""Keys and values, each (batch, heads, tokens, width of a head)."""


class Expert(nn.Module):
    """One expert's weights of a block: normalisation, projections, perceptron."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_inner = nn.LayerNorm(width)
        self.rise = nn.Linear(width, inner)
        self.fall = nn.Linear(inner, width)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of tokens (batch, tokens, width)."""
        batch, count, width = x.shape
        parts = self.qkv(self.norm(x)).reshape(batch, count, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
        return queries, keys, values

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Tokens after attention (batch, heads, tokens, width of a head) and perceptron."""
        batch, count, width = x.shape
        x = x + self.out(attended.transpose(1, 2).reshape(batch, count, width))
        y: Tensor = x + self.fall(F.gelu(self.rise(self.norm_inner(x))))
        return y


class TwinBlock(nn.Module):
    """A block with an assessment expert and a restoration expert."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.assess = Expert(width, heads, inner)
        self.restore = Expert(width, heads, inner)

    def see(self, x: Tensor) -> tuple[Tensor, KeysValues]:
        """Image tokens: each sees all of them."""
        queries, keys, values = self.assess.split(x)
        attended = F.scaled_dot_product_attention(queries, keys, values)
        return self.assess.finish(x, attended), (keys, values)

    def say(self, x: Tensor, seen: KeysValues) -> tuple[Tensor, KeysValues]:
        """Text tokens: each sees the image and the text up to itself."""
        queries, keys, values = self.assess.split(x)
        count, before = x.shape[1], seen[0].shape[2]
        causal = torch.ones(count, count, dtype=torch.bool, device=x.device).tril()
        mask = F.pad(causal, (before, 0), value=True)
        attended = F.scaled_dot_product_attention(
            queries,
            torch.cat([seen[0], keys], 2),
            torch.cat([seen[1], values], 2),
            attn_mask=mask,
        )
        return self.assess.finish(x, attended), (keys, values)

    def say_next(self, x: Tensor, kept: KeysValues, hidden: Tensor) -> tuple[Tensor, KeysValues]:
        """Text tokens after those in ``kept``, as ``say`` has them, without saying those again.

        ``hidden`` (tokens kept,) is added to what is thought of each of them: minus infinity, or
        near it, where there is none yet.
        """
        queries, keys, values = self.assess.split(x)
        count = x.shape[1]
        later = torch.ones(count, count, device=x.device).triu(1) * -HIDDEN
        attended = over_parts(queries, (*kept, hidden), (keys, values, later))
        return self.assess.finish(x, attended), (keys, values)

    def steer_next(self, x: Tensor, kept: KeysValues, hidden: Tensor, said: KeysValues) -> Tensor:
        """Restoration tokens as ``steer`` has them, over what is kept besides ``hidden``."""
        queries, keys, values = self.restore.split(x)
        none = torch.zeros(1, device=x.device)
        attended = over_parts(queries, (*kept, hidden), (*said, none), (keys, values, none))
        return self.restore.finish(x, attended)

    def steer(self, x: Tensor, seen: KeysValues, said: KeysValues) -> Tensor:
        """Restoration tokens: each sees the image, the text and the others, and none sees them."""
        queries, keys, values = self.restore.split(x)
        attended = F.scaled_dot_product_attention(
            queries,
            torch.cat([seen[0], said[0], keys], 2),
            torch.cat([seen[1], said[1], values], 2),
        )
        return self.restore.finish(x, attended)

    def all_at_once(self, x: Tensor, images: int, texts: int) -> Tensor:
        """The same over all tokens in one masked attention, as the paper draws it."""
        ends = images + texts
        parts = [self.assess.split(x[:, :ends]), self.restore.split(x[:, ends:])]
        queries, keys, values = (torch.cat(pair, 2) for pair in zip(*parts, strict=True))
        mask = visible(images, texts, x.shape[1] - ends).to(x.device)
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        return torch.cat(
            [
                self.assess.finish(x[:, :ends], attended[:, :, :ends]),
                self.restore.finish(x[:, ends:], attended[:, :, ends:]),
            ],
            1,
        )


def over_parts(queries: Tensor, *parts: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Attention over keys and values that lie apart, so that the long part is never copied.

    Each part has its keys, its values (batch, heads, tokens, width of a head), and what is added to
    its scores, (tokens,) or (queries, tokens).
    """
    queries = queries * queries.shape[-1] ** -0.5
    scores = [queries @ keys.transpose(-1, -2) + added for keys, _, added in parts]
    weights = torch.cat(scores, -1).softmax(-1)
    attended = torch.zeros_like(queries)
    start = 0
    for _, values, _ in parts:
        stop = start + values.shape[2]
        attended = attended + weights[..., start:stop] @ values
        start = stop
    return attended


def visible(images: int, texts: int, restorations: int) -> Tensor:
    """Which token (row) sees which (column): bool (tokens, tokens)."""
    total = images + texts + restorations
    mask = torch.zeros(total, total, dtype=torch.bool)
    mask[:, :images] = True
    ends = images + texts
    mask[images:ends, images:ends] = torch.ones(texts, texts, dtype=torch.bool).tril()
    mask[ends:, images:] = True
    return mask
