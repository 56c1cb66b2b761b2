"""A GPU by CUDA's runtime: what it is, memory on it, a stream of work for it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from engines.base import EngineError

_ALIGNED = 256
"""Bytes that TensorRT wants memory to be aligned to."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU; ``capability`` is CUDA's compute capability, ``memory`` in bytes."""

    number: int
    name: str
    capability: tuple[int, int]
    memory: int


def find_gpu(number: int) -> Gpu:
    """The GPU of that number.

    Raises:
        EngineError: there is none, no driver for it, or no cuda-bindings; in one line.
    """
    cuda = _cuda()
    try:
        count = checked(cuda.cudaGetDeviceCount(), "looking for GPUs")
        if number >= count:
            raise EngineError(f"there is no GPU {number} (CUDA finds {count})")
        found = checked(cuda.cudaGetDeviceProperties(number), "asking the GPU")
    except RuntimeError as error:  # cuda-bindings' own, where the driver's library is missing
        raise EngineError(f"CUDA can't be used: {(str(error).splitlines() or [''])[0]}") from error
    name = found.name.decode() if isinstance(found.name, bytes) else str(found.name)
    return Gpu(number, name.rstrip("\0"), (found.major, found.minor), int(found.totalGlobalMem))


def checked(answer: tuple[Any, ...], doing: str) -> Any:  # noqa: ANN401 - whatever CUDA answers
    """What a call of CUDA's runtime gave back.

    Raises:
        EngineError: it failed: memory used up, device lost, no driver; in one line.
    """
    code, *found = answer
    if int(code):
        raise EngineError(f"CUDA failed at {doing}: {code.name.removeprefix('cudaError')}")
    return found[0] if found else None


def aligned(count: int) -> int:
    """``count`` bytes rounded up to where the next piece may begin."""
    return -(-count // _ALIGNED) * _ALIGNED


class Stream:
    """Work for a GPU, done in order, over one piece of its memory that grows as needed.

    Used by one thread at a time. Every call may raise an ``EngineError`` in one line.
    """

    def __init__(self, gpu: Gpu) -> None:
        self._cuda, self._gpu = _cuda(), gpu
        self._start, self._size = 0, 0
        self.enter()
        self.handle = int(checked(self._cuda.cudaStreamCreate(), "making a stream"))

    def enter(self) -> None:
        """Let this thread's calls go to the GPU."""
        checked(self._cuda.cudaSetDevice(self._gpu.number), f"GPU {self._gpu.number}")

    def memory(self, size: int) -> int:
        """Where ``size`` bytes begin; what was there before is lost."""
        if size > self._size:
            self.finish()
            if self._size:
                self._size = 0
                checked(self._cuda.cudaFree(self._start), "freeing memory")
            mebibytes = size / 2**20
            self._start = int(
                checked(
                    self._cuda.cudaMalloc(size),
                    f"taking {mebibytes:.0f} MiB of {self._gpu.name}'s memory",
                )
            )
            self._size = size
        return self._start

    def send(self, host: int, device: int, size: int) -> None:
        """Copy ``size`` bytes to the GPU; those of the host must stay until ``finish``."""
        self._copy(device, host, size, self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice)

    def fetch(self, device: int, host: int, size: int) -> None:
        """Copy ``size`` bytes from the GPU; they are there after ``finish``."""
        self._copy(host, device, size, self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost)

    def finish(self) -> None:
        """Wait until all is done."""
        checked(self._cuda.cudaStreamSynchronize(self.handle), "waiting for the GPU")

    def _copy(self, to: int, start: int, size: int, kind: object) -> None:
        checked(self._cuda.cudaMemcpyAsync(to, start, size, kind, self.handle), "copying")


def _cuda() -> Any:  # noqa: ANN401 - the library has no types
    try:
        return importlib.import_module("cuda.bindings.runtime")
    except ImportError as error:
        raise EngineError(
            "TensorRT needs cuda-bindings to reach a GPU (pip install '.[tensorrt]')"
        ) from error
