"""Is what an engine gave back a restoration at all? Told in a sentence, not in a crash.

An engine that answers in the wrong shape or with NaN would answer so again: another try helps
nobody, and its series is refused like that of an engine that did harm.
"""

from __future__ import annotations

import numpy as np

from engines.base import FloatArray, Slab
from medq_node.errors import MedqError


class UnusableAnswer(MedqError):
    """The engine's answer is no image of the slab; the message is a whole sentence."""


def usable_answer(answer: object, slab: Slab) -> FloatArray:
    """The engine's answer as float32 of the slab's shape.

    Raises:
        UnusableAnswer: no array of real numbers, another shape, or not finite (NaN, infinity).
    """
    if not isinstance(answer, np.ndarray) or answer.dtype.kind not in "fiu":
        kind = answer.dtype if isinstance(answer, np.ndarray) else type(answer).__name__
        raise UnusableAnswer(f"The engine gave back no images but {kind}.")
    if answer.shape != slab.values.shape:
        raise UnusableAnswer(
            f"The engine gave back images of shape {answer.shape} where {slab.values.shape} is due."
        )
    with np.errstate(over="ignore"):  # too large for float32 becomes infinity
        values = answer.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        first = slab.first + int((~finite).any(axis=(1, 2)).argmax()) + 1
        raise UnusableAnswer(
            f"The engine gave back {int((~finite).sum())} pixels that are no numbers (NaN or"
            f" infinity), first in slice {first}."
        )
    return values
