"""The classical engine: measured quality, total-variation restoration; no training, no weights."""

from __future__ import annotations

import hashlib
import json

from engines import aggregate, description, sampled, severity, verdict
from engines.base import EngineOptions, FloatArray, ImageStack, Slab, StackInfo
from engines.classical import measure, noise, restore, sharpness
from engines.description import Modality, QualityDescription
from engines.parameters import constants_of

VERSION = "1.2.0"
"""Changes with the method; numbers that are constants change the digest by themselves."""


PARAMETERS = (
    description, aggregate, sampled, severity, verdict, measure, noise, restore, sharpness
)  # fmt: skip
"""Modules whose constants may change a result."""


class ClassicalEngine:
    """Measures noise, sharpness and clipping, and reduces noise; see ``engines.base.Engine``.

    It never judges motion, metal or undersampling. Long series are sampled for the assessment, see
    ``engines.classical.measure``.
    """

    name = "classical"
    version = VERSION
    restorable = measure.RESTORABLE
    modalities = frozenset(Modality)

    def __init__(self, options: EngineOptions | None = None) -> None:
        """Takes ``options`` as every engine does; NumPy runs in one way only."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the version and all parameters."""
        text = json.dumps({"version": VERSION, **constants_of(PARAMETERS)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def assess(self, stack: ImageStack) -> QualityDescription:
        """Describe the quality of a whole series.

        Raises:
            EngineError: no slice has a finite pixel outside padding.
        """
        return measure.describe(stack.info, measure.measure_series(stack))

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
        """Restored values of ``slab``, same shape and unit; unchanged where the words say none.

        Raises:
            EngineError: the description is of another modality than the stack.
        """
        return restore.restore_slab(slab, info, description)
