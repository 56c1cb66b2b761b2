"""Which runtime a model gets on this machine, and why not another."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.base import RUNTIMES, EngineError, EngineOptions
from engines.runtime.base import Graph, Runtime
from engines.runtime.onnx import OnnxRuntime, has_cuda
from engines.runtime.order import Order


@dataclass(frozen=True, slots=True)
class Choice:
    """A runtime; ``notes`` are lines on what else was asked for or tried, for a log."""

    runtime: Runtime
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """What a runtime needs of a model.

    ``digest`` is that of its weights; of its ``graphs`` those in ``first`` are opened at once.
    ``modules`` makes what torch runs, by the names of the graphs.
    """

    folder: Path
    digest: str
    graphs: Sequence[Graph]
    first: Sequence[Graph]
    modules: Callable[[], object]

    def order(self, options: EngineOptions) -> Order | None:
        """What is compiled for this model; None where ``options`` name no folder for it."""
        if options.compiled is None:
            return None
        return Order(self.folder, self.digest, tuple(self.graphs), options.compiled, options.device)


def open_runtime(model: Model, options: EngineOptions) -> Choice:
    """The runtime that ``options`` ask for; for ``auto`` the fastest that works here.

    Raises:
        EngineError: the runtime that was asked for can't be had; why, in one line.
    """
    match options.runtime:
        case "cpu":
            return Choice(_on_cpu(model, options))
        case "cuda":
            return Choice(_on_gpu(model, options))
        case "torch":
            return Choice(_on_torch(model))
        case "tensorrt":
            return _on_tensorrt(model, options)
        case "auto":
            return _best(model, options)
    raise EngineError(f"no runtime named {options.runtime!r}; known: {', '.join(RUNTIMES)}")


def threads_of(options: EngineOptions) -> int:
    """Threads asked for, or as many as this process may use cores."""
    return options.threads or len(os.sched_getaffinity(0))


def why_no_tensorrt(device: int) -> str | None:
    """Why TensorRT can't be used with that GPU, in one line; None where it can. Starts nothing."""
    from engines.runtime.tensorrt.device import find_gpu
    from engines.runtime.tensorrt.library import find_library

    try:
        find_library()
        find_gpu(device)
    except EngineError as error:
        return str(error)
    return None


def _best(model: Model, options: EngineOptions) -> Choice:
    if options.compiled is None:
        return _on_onnx(model, options)
    try:
        return _on_tensorrt(model, options)
    except EngineError as error:
        return _on_onnx(model, options, f"TensorRT is not used: {error}")


def _on_tensorrt(model: Model, options: EngineOptions) -> Choice:
    # NVIDIA's libraries are looked for only here.
    from engines.runtime.tensorrt.serving import compiled_runtime

    order = model.order(options)
    if order is None:
        raise EngineError(
            "TensorRT has no folder for compiled engines: name one, or set engine.runtime to cuda"
        )
    found = compiled_runtime(order)
    if found.runtime is not None:
        return Choice(found.runtime, found.notes)
    return _on_onnx(model, options, *found.notes)


def _on_onnx(model: Model, options: EngineOptions, *notes: str) -> Choice:
    """ONNX Runtime where something faster can't be had, as told in ``notes``."""
    if not has_cuda():
        return Choice(_on_cpu(model, options), notes)
    try:
        return Choice(_on_gpu(model, options), notes)
    except EngineError as error:
        return Choice(_on_cpu(model, options), (*notes, f"{error}; running on the CPU"))


def _on_cpu(model: Model, options: EngineOptions) -> Runtime:
    return OnnxRuntime(model.folder, model.first, threads=threads_of(options))


def _on_gpu(model: Model, options: EngineOptions) -> Runtime:
    return OnnxRuntime(model.folder, model.first, device=options.device)


def _on_torch(model: Model) -> Runtime:
    try:
        from engines.runtime.torch import TorchRuntime
    except ImportError as error:
        raise EngineError(
            f"engine.runtime is torch but {error.name} is missing: pip install '.[train]',"
            " or set engine.runtime to auto"
        ) from error
    return TorchRuntime(model.modules())  # type: ignore[arg-type]
