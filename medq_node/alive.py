"""A sign of life that a child gives while it works, so that who waits tells long work from a hang.

Pixels and headers are read all through the work on a series: reading them is the sign.
"""

from __future__ import annotations

from ctypes import c_uint64
from multiprocessing.sharedctypes import RawValue
from typing import Any

Signs = Any
"""A counter that two processes share; ctypes has no name for its type."""

_given: Signs = RawValue(c_uint64)


def new_signs() -> Signs:
    """A counter to be handed to a child at its start."""
    return RawValue(c_uint64)


def give_signs_to(signs: Signs) -> None:
    """From now on this process counts in ``signs``."""
    global _given  # one counter for each process, set once before its first task
    _given = signs


def sign_of_life() -> None:
    """Say that the work goes on. Threads may lose one of two signs given at once: no harm."""
    _given.value += 1
