"""Constants as text, so that a digest changes when any of them does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from enum import Enum
from types import ModuleType

import numpy as np


def constants_of(modules: Iterable[ModuleType]) -> dict[str, str]:
    """Every constant of the modules, by module and name."""
    return {
        f"{module.__name__}.{name}": spelt(value)
        for module in modules
        for name, value in sorted(vars(module).items())
        if name.lstrip("_").isupper() and not callable(value)
    }


def spelt(value: object) -> str:
    """``value`` as text that is the same in every process and on every machine.

    Sets and keys are in an order of their own, numbers are told to 12 digits.

    Raises:
        TypeError: it can't be promised of such a value, or of one that it holds.
    """
    match value:
        case Enum():
            return f"{type(value).__name__}.{value.name}"
        case np.ndarray():
            return spelt(value.tolist())
        case float():
            # The last digits of what is computed at the start differ between processors.
            return f"{value:.12g}"
        case None | bool() | int() | str():
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
