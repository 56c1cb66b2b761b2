"""The classical engine: measured quality, total-variation restoration; no training, no weights."""

from __future__ import annotations

import hashlib
import json

from engines import aggregate, severity, verdict
from engines.base import FloatArray, ImageStack, Slab, StackInfo
from engines.classical import measure, noise, restore, sharpness
from engines.description import QualityDescription

VERSION = "1.0.0"
"""Changes with the method; numbers that are constants change the digest by themselves."""


def _parameters() -> dict[str, str]:
    """Every constant that may change a result, by module and name."""
    return {
        f"{module.__name__}.{name}": repr(value)
        for module in (aggregate, severity, verdict, measure, noise, restore, sharpness)
        for name, value in sorted(vars(module).items())
        if name.lstrip("_").isupper() and not callable(value)
    }


class ClassicalEngine:
    """Measures noise, sharpness and clipping, and reduces noise; see ``engines.base.Engine``.

    It never judges motion, metal or undersampling. Long series are sampled for the assessment, see
    ``engines.classical.measure``.
    """

    name = "classical"
    version = VERSION
    restorable = measure.RESTORABLE

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the version and all parameters."""
        text = json.dumps({"version": VERSION, **_parameters()}, sort_keys=True)
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
