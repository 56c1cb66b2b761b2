"""ONNX Runtime, on the CPU or on a GPU by CUDA.

On the CPU every call runs on the thread that calls, and several threads call at once: no core waits
for another at the end of each layer, and a result doesn't depend on how many cores there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as told

from engines.base import EngineError, FloatArray
from engines.runtime.base import Graph, contiguous

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
GPU_BATCH, GPU_CALLERS = 16, 2
"""While one thread waits for the GPU another prepares what comes next."""
_FAILURES = (
    told.EPFail, told.Fail, told.InvalidArgument, told.InvalidGraph, told.InvalidProtobuf,
    told.NoModel, told.NoSuchFile, told.NotImplemented, told.RuntimeException,
)  # fmt: skip
"""What ONNX Runtime raises for a file or a device that it can't use."""


class OnnxRuntime:
    """``engines.runtime.base.Runtime`` by ONNX Runtime, in FP32.

    ``folder`` holds the graphs; those of ``opened`` are opened now, others when first run.
    ``threads`` call at once on the CPU; ``device`` is the number of a GPU, None for the CPU.

    Raises:
        EngineError: a graph can't be opened, or there is no such GPU or no way to it.
    """

    def __init__(
        self,
        folder: Path,
        opened: Iterable[Graph] = (),
        *,
        threads: int = 1,
        device: int | None = None,
    ) -> None:
        if device is not None and not has_cuda():
            raise _no_gpu(device)
        self._folder, self._device = folder, device
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = 1
        self._options.inter_op_num_threads = 1
        self._options.log_severity_level = 4
        # Sizes change from series to series: a pattern of one would be kept for nothing.
        self._options.enable_mem_pattern = False
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        self._lock = Lock()
        self.batch = 1 if device is None else GPU_BATCH
        self.workers = threads if device is None else GPU_CALLERS
        for graph in opened:
            self._session(graph)

    @property
    def about(self) -> str:
        """Library, version, provider and precision."""
        where = CPU if self._device is None else CUDA
        return f"onnxruntime {onnxruntime.__version__} {where} fp32"

    def run(self, graph: Graph, arrays: Sequence[NDArray[Any]]) -> list[FloatArray]:
        """See ``engines.runtime.base.Runtime``."""
        session = self._session(graph)
        try:
            found: list[FloatArray] = session.run(list(graph.outputs), contiguous(graph, arrays))
        except _FAILURES as error:
            raise EngineError(f"{graph.name} failed: {first_line(error)}") from error
        return found

    def _session(self, graph: Graph) -> onnxruntime.InferenceSession:
        with self._lock:
            if graph.name not in self._sessions:
                self._sessions[graph.name] = self._open(graph)
            return self._sessions[graph.name]

    def _open(self, graph: Graph) -> onnxruntime.InferenceSession:
        path = self._folder / graph.name
        providers: list[Any] = [CPU]
        if self._device is not None:
            providers = [(CUDA, {"device_id": self._device}), CPU]
        try:
            session = onnxruntime.InferenceSession(str(path), self._options, providers=providers)
        except _FAILURES as error:
            raise EngineError(
                f"{path} is no graph that ONNX Runtime can use: {first_line(error)}"
            ) from error
        # A provider that can't be had is left out with no more than a line on standard error.
        if self._device is not None and session.get_providers()[0] != CUDA:
            raise _no_gpu(self._device)
        found = (
            tuple(one.name for one in session.get_inputs()),
            tuple(one.name for one in session.get_outputs()),
        )
        if found != (graph.inputs, graph.outputs):
            raise EngineError(
                f"{path} is another model's graph: it takes {', '.join(found[0])}, not"
                f" {', '.join(graph.inputs)}"
            )
        return session


def has_cuda() -> bool:
    """Whether this ONNX Runtime was built for CUDA; a GPU need not be there."""
    return CUDA in onnxruntime.get_available_providers()


def _no_gpu(device: int) -> EngineError:
    return EngineError(
        f"ONNX Runtime has no way to GPU {device}: install onnxruntime-gpu with NVIDIA's driver and"
        " CUDA 12 or 13 (pip install '.[gpu]'), or set engine.runtime to cpu"
    )


def first_line(error: Exception) -> str:
    """What a library said, in one line that isn't long."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
