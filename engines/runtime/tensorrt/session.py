"""Compiled engines run by TensorRT."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.base import EngineError, FloatArray
from engines.runtime.base import Graph, contiguous
from engines.runtime.onnx import GPU_BATCH, GPU_CALLERS
from engines.runtime.tensorrt import precision
from engines.runtime.tensorrt.device import Gpu, Stream, aligned
from engines.runtime.tensorrt.library import Library


@dataclass(slots=True)
class _Lane:
    """What one call at a time runs on: a stream with its memory, and a context of each graph."""

    stream: Stream
    contexts: dict[str, Any] = field(default_factory=dict)


class TensorRtRuntime:
    """``engines.runtime.base.Runtime`` by TensorRT; ``compiled`` holds an engine of each graph.

    Several threads may call at once: each call has a stream, memory and contexts to itself.

    Raises:
        EngineError: an engine can't be read by this library on this GPU.
    """

    def __init__(self, library: Library, gpu: Gpu, compiled: Mapping[str, bytes]) -> None:
        self._library, self._gpu = library, gpu
        self.batch, self.workers = GPU_BATCH, GPU_CALLERS
        self._lanes: SimpleQueue[_Lane] = SimpleQueue()
        first = _Lane(Stream(gpu))
        self._lanes.put(first)
        self._runtime = library.trt.Runtime(library.logger)
        self._engines: dict[str, Any] = {}
        built = hashlib.sha256()
        for name, content in sorted(compiled.items()):
            engine = self._runtime.deserialize_cuda_engine(content)
            if engine is None:
                raise EngineError(
                    f"{library.name} can't read the compiled {name}; if that stays so, remove the"
                    f" folder of compiled engines: {library.complaint()}"
                )
            self._engines[name] = engine
            built.update(content)
        # Kernels are chosen by the clock: a graph compiled twice need not give the same bits.
        self._built = built.hexdigest()[:12]

    @property
    def about(self) -> str:
        """Library, version, GPU, precision and which compiled engines."""
        return (
            f"{self._library.name} {self._library.version} {self._gpu.name} {precision.NAME}"
            f" {self._built}"
        )

    def run(self, graph: Graph, arrays: Sequence[NDArray[Any]]) -> list[FloatArray]:
        """See ``engines.runtime.base.Runtime``."""
        try:
            lane = self._lanes.get_nowait()
        except Empty:
            lane = _Lane(Stream(self._gpu))
        try:
            return self._run(lane, graph, contiguous(graph, arrays))
        except EngineError as error:
            raise EngineError(f"{graph.name} failed on TensorRT: {error}") from error
        finally:
            self._lanes.put(lane)

    def _run(
        self, lane: _Lane, graph: Graph, given: Mapping[str, NDArray[Any]]
    ) -> list[FloatArray]:
        stream, context = lane.stream, self._context(lane, graph)
        stream.enter()
        for name, array in given.items():
            if not context.set_input_shape(name, array.shape):
                raise EngineError(f"{name} may not be {array.shape}: {self._library.complaint()}")
        found = {
            name: np.empty(tuple(context.get_tensor_shape(name)), np.float32)
            for name in graph.outputs
        }
        scratch = context.update_device_memory_size_for_shapes()
        pieces = {name: aligned(array.nbytes) for name, array in (*given.items(), *found.items())}
        start = stream.memory(aligned(scratch) + sum(pieces.values()))
        context.set_device_memory(start, scratch)
        places, at = {}, start + aligned(scratch)
        for name, size in pieces.items():
            places[name] = at
            context.set_tensor_address(name, at)
            at += size
        for name, array in given.items():
            stream.send(array.ctypes.data, places[name], array.nbytes)
        if not context.execute_async_v3(stream.handle):
            raise EngineError(self._library.complaint())
        for name, array in found.items():
            stream.fetch(places[name], array.ctypes.data, array.nbytes)
        stream.finish()
        return list(found.values())

    def _context(self, lane: _Lane, graph: Graph) -> Any:  # noqa: ANN401 - untyped library
        context = lane.contexts.get(graph.name)
        if context is None:
            lane.stream.enter()
            # Memory is given for each call: by itself a context takes what its largest shapes need.
            by_hand = self._library.trt.ExecutionContextAllocationStrategy.USER_MANAGED
            context = self._engines[graph.name].create_execution_context(by_hand)
            if context is None:
                raise EngineError(self._library.complaint())
            lane.contexts[graph.name] = context
        return context
