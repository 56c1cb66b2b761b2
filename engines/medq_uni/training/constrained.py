"""The grammar's constraint on words, for ``generate`` of transformers and for the model's own.

Both say what ``engines.medq_uni.spoken`` allows and chooses, so that training, generation and
serving say the same of the same image.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from engines.medq_uni import tokens
from engines.medq_uni.model import MedQUni, Seen
from engines.medq_uni.spoken import Scene, Spoken, allowed, say, severity_in


class Grammar(LogitsProcessor):
    """Shuts every token that may not stand next in a sentence about ``scene``.

    Of severities all but the one to say are shut.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """``scores`` (batch, vocabulary) after ``input_ids`` (batch, tokens)."""
        open_ = np.stack([allowed(said, self.scene) for said in input_ids.tolist()])
        if tokens.slots(self.scene.modality)[input_ids.shape[1]].what == tokens.STATE:
            for here, row in zip(open_, scores.double().cpu().numpy(), strict=True):
                at = np.flatnonzero(here)
                here[np.delete(at, severity_in(np.exp(row[at] - row[at].max())).rank)] = False
        found: Tensor = scores.masked_fill(~torch.from_numpy(open_).to(scores.device), -torch.inf)
        return found


@torch.no_grad()
def generated(
    model: MedQUni, scene: Scene, image: Tensor, places: Tensor, spectrum: Tensor, facts: Tensor
) -> Tensor:
    """The sentences of images of one scene by ``generate``: int64 (batch, tokens).

    The images are as ``MedQUni.see`` takes them.
    """
    start = torch.tensor(tokens.prefix(scene.modality, scene.region), device=image.device)
    found: Tensor = model.generate(
        start.expand(len(image), -1),
        image=image,
        places=places,
        spectrum=spectrum,
        facts=facts,
        logits_processor=LogitsProcessorList([Grammar(scene)]),
        max_new_tokens=len(tokens.slots(scene.modality)) - len(start),
        do_sample=False,
    )
    return found


@torch.no_grad()
def said_of(model: MedQUni, seen: Seen, scene: Scene) -> list[Spoken]:
    """What the model says of all that it has ``seen``, of one scene: looked at once only."""

    def logits(said: np.ndarray) -> np.ndarray:
        found = model.say(torch.from_numpy(said).to(model.device), seen)[0][:, -1]
        return np.asarray(found.float().cpu().numpy())

    return say(logits, scene, seen.blocks[0][0].shape[0])
