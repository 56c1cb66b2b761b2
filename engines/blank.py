"""A series without a picture: known before any engine is asked, and said in the same words."""

from __future__ import annotations

from engines import sampled
from engines.base import ImageStack
from engines.description import (
    APPLICABLE,
    Action,
    Confidence,
    QualityDescription,
    Verdict,
)

_BATCH = 4


def is_blank(stack: ImageStack) -> bool:
    """Whether every sampled slice has but one value outside padding.

    Of a series with a picture one slice tells.
    """
    for batch in sampled.slices_of(stack, _BATCH):
        for _, values, valid in batch:
            seen = values[valid]
            if seen.size and float(seen.min()) < float(seen.max()):
                return False
    return True


def blank_description(stack: ImageStack) -> QualityDescription:
    """What is said of a blank series: nothing can be assessed, and it is not fit to read."""
    info = stack.info
    return QualityDescription(
        info.modality,
        info.region,
        (),
        APPLICABLE[info.modality],
        Verdict.REJECT,
        (Action.REPEAT,),
        Confidence.HIGH,
    )
