"""The engine seam: images as arrays in, words and arrays out.

An engine sees a series slab by slab, so that memory stays bounded however long the series is.
Engines are named in ``REGISTRY`` and imported only when chosen.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engines.quality import Action, Modality, QualityDescription

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


class EngineError(Exception):
    """An engine can't be had or can't do what was asked."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How an engine is run on this machine; none of it changes what is asked of it.

    ``runtime`` is one of ``RUNTIMES``. ``device`` is the number of the GPU. ``threads`` None is as
    many as this process may use cores. ``weights`` None is where they lie beside the code, or what
    the engine's environment variable names. ``compiled`` is the folder for what is compiled for
    this machine; None keeps nothing.
    """

    runtime: str = "auto"
    device: int = 0
    threads: int | None = None
    weights: Path | None = None
    compiled: Path | None = None


DEFAULT_OPTIONS = EngineOptions()
RUNTIMES: tuple[str, ...] = ("auto", "cpu", "cuda", "tensorrt", "torch")
"""``cpu`` and ``cuda`` are ONNX Runtime there; ``auto`` is the fastest that works here."""


@dataclass(frozen=True, slots=True)
class StackInfo:
    """What an engine may know of a series besides its pixels.

    ``unit`` is the unit of the values: ``HU`` (CT), ``signal`` (MR, arbitrary), ``Bq/ml``, ``SUV``
    or ``counts`` (PET). ``spacing_mm`` is (slice, row, column), 0.0 where unknown. ``region`` is a
    word of the closed vocabulary of ``engines.quality``. ``saturation`` holds the lowest and
    highest value, in ``unit``, that the stored format can hold: pixels there may be clipped.
    """

    modality: Modality
    region: str
    unit: str
    slices: int
    rows: int
    columns: int
    spacing_mm: tuple[float, float, float]
    saturation: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Slab:
    """A run of neighbouring slices.

    ``values`` is float32 (slices, rows, columns) in ``StackInfo.unit``; ``valid`` is bool of the
    same shape, False at padding; ``first`` is the 0-based index of the first slice in the stack.
    """

    values: FloatArray
    valid: BoolArray
    first: int


class ImageStack(Protocol):
    """A series as an engine sees it; slabs are decoded when asked for."""

    @property
    def info(self) -> StackInfo:
        """Facts about the stack."""
        ...

    def slab(self, start: int, stop: int) -> Slab:
        """Slices ``start`` to ``stop`` (0-based, half open)."""
        ...


@dataclass(frozen=True, slots=True)
class ArrayStack:
    """An ``ImageStack`` over an array in memory: (slices, rows, columns)."""

    info: StackInfo
    values: FloatArray
    valid: BoolArray

    def slab(self, start: int, stop: int) -> Slab:
        """Slices ``start`` to ``stop`` (0-based, half open)."""
        return Slab(self.values[start:stop], self.valid[start:stop], start)


@runtime_checkable
class Engine(Protocol):
    """Assess in words, restore what the words say.

    ``digest`` identifies everything that may change a result: weights, parameters, runtime,
    precision. Two engines with one digest give the same pixels.
    """

    @property
    def name(self) -> str:
        """The engine's name in the registry."""
        ...

    @property
    def version(self) -> str:
        """Version for people, as printed in reports."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all that determines the result."""
        ...

    @property
    def modalities(self) -> frozenset[Modality]:
        """What the engine can assess."""
        ...

    @property
    def restorable(self) -> frozenset[Action]:
        """What the engine can do about a fault: the actions that its plans may name."""
        ...

    def assess(self, stack: ImageStack) -> QualityDescription:
        """Describe the quality of a whole series."""
        ...

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
        """Restored values of ``slab``, same shape and unit, conditioned on the description.

        Where the description says that nothing is wrong the input comes back bit-identical.
        """
        ...


@runtime_checkable
class OnRuntime(Protocol):
    """What engines tell besides that run a model's graphs: on what, and why not on another."""

    @property
    def runtime(self) -> str:
        """Library, version, device and precision."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines for a log on what else was asked for or tried."""
        ...

    def compile(self, tell: Callable[[str], None]) -> int:
        """Compile what is missing for this machine's GPU; how many graphs that were.

        ``tell`` gets a line about each. Takes minutes.

        Raises:
            EngineError: nothing to compile with or for; or it failed.
        """
        ...


REGISTRY: dict[str, str] = {
    "classical": "engines.classical.engine:ClassicalEngine",
    "medq-uni": "engines.medq_uni.engine:MedQUniEngine",
}
"""Engine name -> ``module:Class``, called with ``EngineOptions``; imported only when chosen."""

EXTRAS: dict[str, str] = {"onnxruntime": "cpu"}
"""Packages that only some engines need -> the extra that brings them."""


def load_engine(name: str, options: EngineOptions = DEFAULT_OPTIONS) -> Engine:
    """The engine registered as ``name``.

    Raises:
        EngineError: no such engine, or what it needs (a package, its weights) is missing.
    """
    target = REGISTRY.get(name)
    if target is None:
        raise EngineError(f"no engine named {name!r}; known: {', '.join(sorted(REGISTRY))}")
    module_name, class_name = target.split(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        extra = EXTRAS.get(str(error.name).partition(".")[0])
        how = f"pip install '.[{extra}]'" if extra else "pip install it"
        raise EngineError(f"engine {name!r} needs {error.name}: {how} first") from error
    return cast(Engine, getattr(module, class_name)(options))
