"""Which runtime a model gets: what is asked for or one line, and never an error under auto."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engines.base import RUNTIMES, EngineError, EngineOptions
from engines.medq_uni.graphs import LOOK
from engines.runtime import choose
from engines.runtime.choose import open_runtime, threads_of
from engines.runtime.tensorrt import device, library, serving
from tests.engines.runtime.made import looked, model
from tests.engines.runtime.test_onnx import no_cuda, said_by


@pytest.fixture
def no_tensorrt(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in library.MODULES:
        monkeypatch.setitem(sys.modules, name, None)


def on_cpu(found: choose.Choice) -> bool:
    return found.runtime.about.endswith("CPUExecutionProvider fp32")


def test_a_runtime_that_nobody_knows_is_one_line() -> None:
    with pytest.raises(EngineError) as error:
        open_runtime(model(), EngineOptions(runtime="openvino"))
    message = said_by(error)
    assert "openvino" in message and all(one in message for one in RUNTIMES)


@no_cuda
def test_cuda_is_refused_where_onnx_runtime_has_none() -> None:
    with pytest.raises(EngineError) as error:
        open_runtime(model(), EngineOptions(runtime="cuda"))
    assert "onnxruntime-gpu" in said_by(error)


@no_cuda
def test_auto_without_anything_is_the_cpu_and_works() -> None:
    found = open_runtime(model(), EngineOptions())
    assert on_cpu(found) and found.notes == ()
    assert len(found.runtime.run(LOOK, looked())) == len(LOOK.outputs)


@no_cuda
def test_auto_where_cuda_turns_out_unusable_is_the_cpu_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choose, "has_cuda", lambda: True)
    found = open_runtime(model(), EngineOptions())
    (note,) = found.notes
    assert on_cpu(found) and note.endswith("running on the CPU") and "\n" not in note


@pytest.mark.usefixtures("no_tensorrt")
def test_auto_without_tensorrt_says_so_in_one_note(tmp_path: Path) -> None:
    found = open_runtime(model(), EngineOptions(compiled=tmp_path))
    note = found.notes[0]
    assert note.startswith("TensorRT is not used: TensorRT is not installed") and "\n" not in note
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_tensorrt")
def test_tensorrt_without_the_library_is_one_line_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as error:
        open_runtime(model(), EngineOptions(runtime="tensorrt", compiled=tmp_path))
    assert "pip install '.[tensorrt]'" in said_by(error)


def test_tensorrt_without_a_folder_is_one_line() -> None:
    with pytest.raises(EngineError) as error:
        open_runtime(model(), EngineOptions(runtime="tensorrt"))
    assert "folder for compiled engines" in said_by(error)


def test_no_gpu_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nowhere(number: int) -> device.Gpu:
        raise EngineError(f"there is no GPU {number} (CUDA finds 0)")

    some = library.Library(None, "tensorrt", "10.13", None, library.deque())
    monkeypatch.setattr(serving, "find_library", lambda: some)
    monkeypatch.setattr(serving, "find_gpu", nowhere)
    options = EngineOptions(compiled=tmp_path, device=3)
    found = open_runtime(model(), options)
    assert found.notes[0] == "TensorRT is not used: there is no GPU 3 (CUDA finds 0)"
    with pytest.raises(EngineError, match="no GPU 3"):
        open_runtime(model(), EngineOptions(runtime="tensorrt", compiled=tmp_path, device=3))


def test_torch_that_is_missing_is_one_line_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "engines.runtime.torch", raising=False)
    with pytest.raises(EngineError) as error:
        open_runtime(model(), EngineOptions(runtime="torch"))
    assert "torch is missing: pip install '.[train]'" in said_by(error)


def test_threads_are_those_asked_for_or_all_cores() -> None:
    assert threads_of(EngineOptions(threads=3)) == 3
    assert threads_of(EngineOptions()) >= 1


def test_serving_on_the_cpu_loads_nothing_of_nvidias() -> None:
    code = (
        "import sys\n"
        "from engines.base import EngineOptions\n"
        "from tests.engines.runtime.made import model\n"
        "from engines.runtime.choose import open_runtime\n"
        "open_runtime(model(), EngineOptions(runtime='cpu'))\n"
        "print(sorted({'cuda', 'tensorrt', 'tensorrt_rtx', 'engines.runtime.tensorrt', 'torch'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
