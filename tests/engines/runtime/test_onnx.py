"""ONNX Runtime behind the seam: the same bits however it is called, one line where it can't."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engines.base import EngineError
from engines.medq_uni.graphs import LOOK, STEER
from engines.runtime.onnx import OnnxRuntime, has_cuda
from tests.engines.medq_uni.made import TINY
from tests.engines.runtime.made import looked

no_cuda = pytest.mark.skipif(has_cuda(), reason="this ONNX Runtime was built for CUDA")


def said_by(error: pytest.ExceptionInfo[EngineError]) -> str:
    """The message, which must be one line."""
    message = str(error.value)
    assert message and "\n" not in message
    return message


def test_threads_calling_at_once_get_the_bits_that_one_gets_alone() -> None:
    inputs = [looked(seed, 64, 64 + 32 * (seed % 3)) for seed in range(12)]
    alone = OnnxRuntime(TINY)
    expected = [alone.run(LOOK, arrays) for arrays in inputs]
    together = OnnxRuntime(TINY, threads=4)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda arrays: together.run(LOOK, arrays), inputs))
    for one, other in zip(expected, found, strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.dtype == np.float32 and np.array_equal(a, b)


def test_arrays_that_are_views_are_taken_as_they_look() -> None:
    image, *others = looked()
    turned = np.ascontiguousarray(image.transpose(0, 1, 3, 2)).transpose(0, 1, 3, 2)
    assert not turned.flags.c_contiguous
    runtime = OnnxRuntime(TINY)
    for a, b in zip(
        runtime.run(LOOK, [image, *others]), runtime.run(LOOK, [turned, *others]), strict=True
    ):
        assert np.array_equal(a, b)


def test_an_image_that_no_graph_takes_is_one_line() -> None:
    image, *others = looked()
    with pytest.raises(EngineError) as error:
        OnnxRuntime(TINY).run(LOOK, [image[:, :, :33], *others])
    assert said_by(error).startswith("look.onnx failed: ")


def test_a_file_that_is_no_graph_is_one_line(tmp_path: Path) -> None:
    (tmp_path / LOOK.name).write_bytes(b"not a graph")
    with pytest.raises(EngineError) as error:
        OnnxRuntime(tmp_path, (LOOK,))
    assert "is no graph that ONNX Runtime can use" in said_by(error)


def test_a_missing_file_is_one_line_when_it_is_first_run(tmp_path: Path) -> None:
    runtime = OnnxRuntime(tmp_path)
    with pytest.raises(EngineError) as error:
        runtime.run(LOOK, looked())
    assert str(tmp_path / LOOK.name) in said_by(error)


def test_a_graph_with_other_inputs_is_told_by_them() -> None:
    with pytest.raises(EngineError) as error:
        OnnxRuntime(TINY, (replace(STEER, inputs=("tokens", "memory")),))
    assert "takes tokens, keys, values, hidden, not tokens, memory" in said_by(error)


@no_cuda
def test_a_gpu_without_a_way_to_it_is_one_line_with_the_fix() -> None:
    with pytest.raises(EngineError) as error:
        OnnxRuntime(TINY, (LOOK,), device=0)
    assert "pip install '.[gpu]'" in said_by(error)
