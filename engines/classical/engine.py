"""The classical engine: measured quality, total-variation restoration; no training, no weights."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from enum import Enum

from engines import aggregate, description, severity, verdict
from engines.base import FloatArray, ImageStack, Slab, StackInfo
from engines.classical import measure, noise, restore, sharpness
from engines.description import QualityDescription

VERSION = "1.1.1"
"""Changes with the method; numbers that are constants change the digest by themselves."""


def _parameters() -> dict[str, str]:
    """Every constant that may change a result, by module and name."""
    return {
        f"{module.__name__}.{name}": spelt(value)
        for module in (
            description,
            aggregate,
            severity,
            verdict,
            measure,
            noise,
            restore,
            sharpness,
        )
        for name, value in sorted(vars(module).items())
        if name.lstrip("_").isupper() and not callable(value)
    }


def spelt(value: object) -> str:
    """``value`` as text that is the same in every process: sets and keys in the order of theirs.

    Raises:
        TypeError: it can't be promised of such a value, or of one that it holds.
    """
    match value:
        case Enum():
            return f"{type(value).__name__}.{value.name}"
        case None | bool() | int() | float() | str():
            return repr(value)
        case tuple() | list():
            return f"[{', '.join(spelt(one) for one in value)}]"
        case set() | frozenset():
            return f"{{{', '.join(sorted(spelt(one) for one in value))}}}"
        case dict():
            return f"{{{', '.join(sorted(f'{spelt(k)}: {spelt(v)}' for k, v in value.items()))}}}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        held = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        return f"{type(value).__name__}{spelt(held)}"
    raise TypeError(f"a parameter of type {type(value).__name__} has no text of its own")


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
