"""The session's bookkeeping, with a GPU made of the host's memory and ONNX Runtime on it.

What this can show: every array lands where the graph is told to look for it, nothing overlaps,
memory grows, threads keep apart, errors are one line. What it can't show: anything about TensorRT.
"""

from __future__ import annotations

import ctypes
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from engines.base import EngineError
from engines.medq_uni.graphs import LOOK, SAY, Graphs
from engines.medq_uni.look import FACTS, SPECTRUM
from engines.runtime.onnx import OnnxRuntime
from engines.runtime.tensorrt import device
from engines.runtime.tensorrt.device import Gpu
from engines.runtime.tensorrt.library import Library
from engines.runtime.tensorrt.session import TensorRtRuntime
from tests.engines.medq_uni.made import TINY
from tests.engines.runtime.made import looked
from tests.engines.runtime.test_onnx import said_by

SCRATCH = 1000
TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


class Answer(IntEnum):
    cudaSuccess = 0  # noqa: N815
    cudaErrorMemoryAllocation = 2  # noqa: N815


class HostCuda:
    """CUDA's runtime as far as ``device`` calls it; memory is the host's."""

    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)  # noqa: N815

    def __init__(self, most: int = 2**28) -> None:
        self.most = most
        self.pieces: dict[int, ctypes.Array] = {}

    def cudaSetDevice(self, number: int):  # noqa: N802
        return (Answer.cudaSuccess,)

    def cudaStreamCreate(self):  # noqa: N802
        return (Answer.cudaSuccess, 7)

    def cudaStreamSynchronize(self, stream: int):  # noqa: N802
        return (Answer.cudaSuccess,)

    def cudaMalloc(self, size: int):  # noqa: N802
        if size > self.most:
            return (Answer.cudaErrorMemoryAllocation, None)
        piece = ctypes.create_string_buffer(size)
        self.pieces[ctypes.addressof(piece)] = piece
        return (Answer.cudaSuccess, ctypes.addressof(piece))

    def cudaFree(self, start: int):  # noqa: N802
        del self.pieces[start]
        return (Answer.cudaSuccess,)

    def cudaMemcpyAsync(self, to: int, start: int, size: int, kind: int, stream: int):  # noqa: N802
        within = to if kind == self.cudaMemcpyKind.cudaMemcpyHostToDevice else start
        assert any(one <= within and within + size <= one + len(piece)
                   for one, piece in self.pieces.items())  # fmt: skip
        ctypes.memmove(to, start, size)
        return (Answer.cudaSuccess,)


class Context:
    """An execution context, whose engine is a session of ONNX Runtime."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.at: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shapes[name] = tuple(shape)
        return max(shape) <= 1045

    def _outputs(self) -> list[np.ndarray]:
        given = {
            one.name: self._array(one.name, self.shapes[one.name], TYPES[one.type])
            for one in self.session.get_inputs()
        }
        return self.session.run(None, given)

    def _array(self, name: str, shape: tuple[int, ...], kind: type) -> np.ndarray:
        if name not in self.at:
            return np.zeros(shape, kind)
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        return np.frombuffer(ctypes.string_at(self.at[name], size), kind).reshape(shape)

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        names = [one.name for one in self.session.get_outputs()]
        self.at.clear()
        return self._outputs()[names.index(name)].shape

    def update_device_memory_size_for_shapes(self) -> int:
        return SCRATCH

    def set_device_memory(self, start: int, size: int) -> None:
        self.scratch = start, size

    def set_tensor_address(self, name: str, at: int) -> None:
        self.at[name] = at

    def execute_async_v3(self, stream: int) -> bool:
        # What runs may write all over its scratch before it has read its inputs.
        ctypes.memset(self.scratch[0], 0xFF, self.scratch[1])
        found = self._outputs()
        for one, array in zip(self.session.get_outputs(), found, strict=True):
            whole = np.ascontiguousarray(array)
            ctypes.memmove(self.at[one.name], whole.ctypes.data, whole.nbytes)
        return True


def library() -> Library:
    def engine(content: bytes) -> object:
        if not content:
            return None
        path = TINY / content.decode()
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return SimpleNamespace(create_execution_context=lambda strategy: Context(session))

    trt = SimpleNamespace(
        Runtime=lambda logger: SimpleNamespace(deserialize_cuda_engine=engine),
        ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED=2),
    )
    return Library(trt, "tensorrt", "10.13.3", None, deque())


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> HostCuda:
    found = HostCuda()
    monkeypatch.setattr(device, "_cuda", lambda: found)
    return found


def runtime(*names: str) -> TensorRtRuntime:
    gpu = Gpu(0, "Host GPU", (9, 0), 2**30)
    return TensorRtRuntime(library(), gpu, {name: name.encode() for name in names})


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.allclose(a, b, atol=1e-5) for a, b in zip(one, other, strict=True))


@pytest.mark.usefixtures("cuda")
def test_arrays_go_to_the_graph_and_come_back_whatever_their_sizes() -> None:
    mine, theirs = runtime(LOOK.name), OnnxRuntime(TINY)
    for seed, side in enumerate((64, 32, 160, 96)):
        arrays = looked(seed, side, 64)
        assert same(mine.run(LOOK, arrays), theirs.run(LOOK, arrays))


@pytest.mark.usefixtures("cuda")
def test_words_and_what_is_kept_go_through_one_call_after_another() -> None:
    rng = np.random.default_rng(0)
    image, spectrum, facts = (
        rng.random(shape, np.float32) for shape in ((2, 1, 64, 64), (2, SPECTRUM), (2, FACTS))
    )
    found = []
    for one in (Graphs(runtime(LOOK.name, SAY.name)), Graphs(OnnxRuntime(TINY))):
        kept = one.look(image, spectrum, facts)
        one.say(np.array([[0, 1], [0, 2]]), kept)
        found.append([one.say(np.array([[0, 1, 3], [0, 2, 4]]), kept), kept.keys, kept.values])
    assert same(*found)


def test_threads_have_memory_to_themselves(cuda: HostCuda) -> None:
    mine, theirs = runtime(LOOK.name), OnnxRuntime(TINY)
    inputs = [looked(seed, 64, 32 + 32 * (seed % 4)) for seed in range(16)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda arrays: mine.run(LOOK, arrays), inputs))
    for arrays, one in zip(inputs, found, strict=True):
        assert same(one, theirs.run(LOOK, arrays))
    assert 1 <= len(cuda.pieces) <= 4


def test_memory_that_is_used_up_is_one_line_and_smaller_images_still_go(cuda: HostCuda) -> None:
    mine = runtime(LOOK.name)
    cuda.most = 100_000
    with pytest.raises(EngineError) as error:
        mine.run(LOOK, looked(0, 512, 512))
    assert "Host GPU's memory: MemoryAllocation" in said_by(error)
    assert mine.run(LOOK, looked(0, 32, 32))


@pytest.mark.usefixtures("cuda")
def test_a_size_that_was_not_compiled_for_is_one_line() -> None:
    with pytest.raises(EngineError) as error:
        runtime(LOOK.name).run(LOOK, looked(0, 2048, 32))
    assert said_by(error).startswith("look.onnx failed on TensorRT: image may not be (1, 1, 2048")


@pytest.mark.usefixtures("cuda")
def test_an_engine_that_the_library_cannot_read_is_one_line() -> None:
    with pytest.raises(EngineError) as error:
        TensorRtRuntime(library(), Gpu(0, "Host GPU", (9, 0), 0), {"look.onnx": b""})
    assert "can't read the compiled look.onnx" in said_by(error)


@pytest.mark.usefixtures("cuda")
def test_what_it_runs_on_names_the_compiled_engines() -> None:
    assert runtime(LOOK.name).about == runtime(LOOK.name).about
    assert runtime(LOOK.name).about != runtime(LOOK.name, SAY.name).about
    assert runtime(LOOK.name).about.startswith("tensorrt 10.13.3 Host GPU fp16 products ")
