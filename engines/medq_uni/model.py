"""MedQ-UNI: one model, two experts with shared attention, words that steer the restoration.

After arXiv 2603.18465, without its vision-language backbone: image tokens and plain statistics go
through blocks with twin weights; the assessment expert writes the words, the restoration expert
reads image and words and conditions the residual experts::

    y = x + sum over degradations k of g_k * R_k(x; n_k, c_k)

``g_k`` depends on the words alone, ``n_k`` is the number they say, ``c_k`` is the output of the
restoration token of ``k``. Everything is in units of ``engines.medq_uni.look``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from engines.description import Degradation
from engines.medq_uni import look, tokens
from engines.medq_uni.levels import EXPERTS, NOISE_EXPERTS
from engines.medq_uni.nets.mender import Mender
from engines.medq_uni.nets.stem import Stem
from engines.medq_uni.nets.twin import KeysValues, TwinBlock

MODALITIES = 3
HUMPS = 48
"""Smooth bumps that number tokens are made of, so that neighbours are alike."""


class MedQUniConfig(PretrainedConfig):
    """Sizes of a model; the defaults are "compact", which ships."""

    model_type = "medq_uni"

    def __init__(
        self,
        width: int = 160,
        heads: int = 5,
        layers: int = 4,
        inner: int = 320,
        stem: tuple[int, ...] = (48, 64, 96, 128),
        condition: int = 64,
        mender: tuple[int, ...] = (64, 80, 96, 80),
        mender_inner: int = 64,
        **kwargs: object,
    ) -> None:
        self.width, self.heads, self.layers, self.inner = width, heads, layers, inner
        self.stem, self.condition = tuple(stem), condition
        self.mender, self.mender_inner = tuple(mender), mender_inner
        kwargs.setdefault("is_encoder_decoder", False)
        kwargs.setdefault("use_cache", False)
        kwargs.setdefault("tie_word_embeddings", False)
        super().__init__(
            pad_token_id=kwargs.pop("pad_token_id", tokens.PAD),
            bos_token_id=kwargs.pop("bos_token_id", tokens.START),
            **kwargs,
        )
        self.vocab_size = len(tokens.VOCABULARY)
        self.hidden_size, self.num_hidden_layers = width, layers


@dataclass(frozen=True, slots=True)
class Seen:
    """Keys and values of all that was looked at, block by block."""

    blocks: tuple[KeysValues, ...]


class MedQUni(PreTrainedModel, GenerationMixin):
    """The whole model; see the module."""

    config_class = MedQUniConfig
    base_model_prefix = "medq_uni"
    main_input_name = "input_ids"

    def __init__(self, config: MedQUniConfig) -> None:
        super().__init__(config)
        width = config.width
        self.stem = Stem(config.stem, width)
        self.spectrum = nn.Linear(look.BINS, width)
        self.spectrum_kind = nn.Parameter(torch.zeros(look.SPECTRUM // look.BINS, width))
        self.usual = nn.Parameter(torch.zeros(MODALITIES, look.SPECTRUM))
        self.spread = nn.Parameter(torch.ones(MODALITIES, look.SPECTRUM))
        self.facts = nn.Sequential(
            nn.Linear(look.FACTS + look.SPECTRUM, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.blocks = nn.ModuleList(
            TwinBlock(width, config.heads, config.inner) for _ in range(config.layers)
        )
        self.words = nn.Parameter(torch.zeros(tokens.FIRST_NUMBER, width))
        self.numbers = nn.Parameter(torch.zeros(HUMPS, width))
        self.position = nn.Parameter(torch.zeros(tokens.LONGEST, width))
        self.kinds = nn.Parameter(torch.zeros(len(EXPERTS), width))
        self.norm_text = nn.LayerNorm(width)
        self.norm_steer = nn.LayerNorm(width)
        self.condition = nn.Linear(width, config.condition)
        with torch.no_grad():
            self.condition.weight.mul_(0.2)
        self.register_buffer("humps", _humps(), persistent=False)
        self.menders = nn.ModuleDict(
            {
                key(kind): Mender(
                    config.mender,
                    config.condition,
                    config.mender_inner,
                    noise=kind in NOISE_EXPERTS,
                    counts=kind is Degradation.LOW_COUNT,
                )
                for kind in EXPERTS
            }
        )
        for table in (self.spectrum_kind, self.words, self.numbers, self.position, self.kinds):
            nn.init.normal_(table, std=0.05)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Every part initialises itself when it is made; loading leaves what isn't stored to us."""
        if module is self:
            with torch.no_grad():
                self.humps.copy_(_humps())

    @torch.no_grad()
    def standardise(self, spectrum: np.ndarray, facts: np.ndarray) -> None:
        """Start from what is usual in each modality, so that what differs is what is seen."""
        for k in range(MODALITIES):
            of_kind = spectrum[facts[:, k] > 0]
            if len(of_kind) > 1:
                self.usual[k] = torch.from_numpy(of_kind.mean(0))
                self.spread[k] = torch.from_numpy(of_kind.std(0).clip(0.02))

    def embeddings(self) -> Tensor:
        """Every token's vector (vocabulary, width); numbers are smooth along their scale."""
        return torch.cat([self.words, self.humps @ self.numbers])

    def see(
        self,
        image: Tensor,
        places: Tensor,
        spectrum: Tensor,
        facts: Tensor,
        patches: Tensor | None = None,
    ) -> Seen:
        """Look at images (batch, 1, rows, columns), multiples of 32, with their statistics.

        Of the patches only ``patches`` (batch, some) are looked at; all, where it is ``None``.
        """
        modality = facts[:, :MODALITIES]
        spectrum = (spectrum - modality @ self.usual) / (modality @ self.spread)
        parts = spectrum.unflatten(1, (-1, look.BINS))
        shapes = self.stem(image, places, facts[:, 0])
        if patches is not None:
            shapes = shapes.gather(1, patches[..., None].expand(-1, -1, shapes.shape[2]))
        x = torch.cat(
            [
                self.facts(torch.cat([facts, spectrum], 1))[:, None],
                self.spectrum(parts) + self.spectrum_kind,
                shapes,
            ],
            1,
        )
        kept = []
        for block in self.blocks:
            x, found = block.see(x)
            kept.append(found)
        return Seen(tuple(kept))

    def say(self, said: Tensor, seen: Seen) -> tuple[Tensor, tuple[KeysValues, ...]]:
        """Logits of the next token after each of ``said`` (batch, tokens), and what it kept."""
        table = self.embeddings()
        x = table[said] + self.position[: said.shape[1]]
        kept = []
        for block, before in zip(self.blocks, seen.blocks, strict=True):
            x, found = block.say(x, before)
            kept.append(found)
        logits: Tensor = self.norm_text(x) @ table.T
        return logits, tuple(kept)

    def steer(self, seen: Seen, said: tuple[KeysValues, ...]) -> Tensor:
        """``c_k`` of every expert (batch, experts, condition)."""
        batch = said[0][0].shape[0]
        x = self.kinds.expand(batch, -1, -1)
        for block, image, text in zip(self.blocks, seen.blocks, said, strict=True):
            x = block.steer(x, image, text)
        found: Tensor = self.condition(self.norm_steer(x))
        return found

    def mend(
        self, kind: Degradation, image: Tensor, level: Tensor, told: Tensor, steered: Tensor
    ) -> Tensor:
        """``R_k`` of one expert: the change for ``image`` (batch, 1, rows, columns).

        ``level``, ``told`` and ``steered`` (batch, condition) are as ``Mender`` takes them.
        """
        change: Tensor = self.menders[key(kind)](image, level, told, steered)
        return change

    def forward(
        self,
        input_ids: Tensor,
        image: Tensor,
        places: Tensor,
        spectrum: Tensor,
        facts: Tensor,
        **_: object,
    ) -> CausalLMOutput:
        """Logits after each token, as ``generate`` of transformers asks for them."""
        logits, _kept = self.say(input_ids, self.see(image, places, spectrum, facts))
        return CausalLMOutput(logits=logits)

    def prepare_inputs_for_generation(self, input_ids: Tensor, **kwargs: object) -> dict[str, Any]:
        """What ``forward`` needs for the next token: no cache, sentences are short."""
        wanted = ("image", "places", "spectrum", "facts")
        return {"input_ids": input_ids, **{name: kwargs[name] for name in wanted}}


def key(kind: Degradation) -> str:
    """A degradation's name in the weights."""
    return kind.value.replace(" ", "_")


def _humps() -> Tensor:
    """Gaussian bumps along the scale of numbers: (numbers, ``HUMPS``)."""
    at = torch.linspace(0, 1, tokens.NUMBERS)[:, None]
    middle = torch.linspace(0, 1, HUMPS)
    return torch.exp(-0.5 * ((at - middle) * (HUMPS - 1) / 0.9) ** 2)
