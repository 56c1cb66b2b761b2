"""``medq-node engine``: what runs here, does it work, how fast, and what can be compiled."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from engines.medq_uni.weights_file import default_folder


def engine(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medq_node", "engine", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
    )


def json_of(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def configured(folder: Path, **engine_settings: object) -> str:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"engine": engine_settings}))
    return str(path)


def test_info_tells_what_runs_and_why_nothing_faster(tmp_path: Path) -> None:
    done = engine("info", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "medq-uni" in words
    assert "onnxruntime" in words
    assert "cpu here" in words
    assert "fallback classical" in words
    found = json_of(engine("info", "--json", folder=tmp_path))
    assert found["runtimes"]["cpu"] == "here"
    assert set(found["runtimes"]) == {"cpu", "cuda", "tensorrt", "torch"}
    assert len(found["digest"]) == 64
    assert not list(tmp_path.iterdir()), "looking leaves nothing behind"


def test_info_of_another_engine(tmp_path: Path) -> None:
    found = json_of(engine("info", "classical", "--json", folder=tmp_path))
    assert found["name"] == "classical"
    assert found["runtimes"] == {}
    assert found["fallback"] is None


def test_verify_passes_with_every_line_fine(tmp_path: Path) -> None:
    done = engine("verify", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    findings = json_of(done)
    assert all(one["fine"] for one in findings)
    assert [one["what"] for one in findings[:5]] == [
        "loaded",
        "self-test, words",
        "self-test, restoration",
        "self-test, again",
        "self-test, a good image",
    ]


def test_verify_of_damaged_weights_is_one_line_and_exit_1(tmp_path: Path) -> None:
    weights = Path(shutil.copytree(default_folder(), tmp_path / "weights"))
    (weights / "look.onnx").write_bytes(b"no graph")
    done = engine("verify", "-c", configured(tmp_path, weights="weights"), folder=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "look.onnx is not what engine.json says" in line
    assert "install them again" in line


def test_bench_stands_the_fallback_beside_the_engine(tmp_path: Path) -> None:
    done = engine("bench", "--slices", "2", "--side", "128", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "medq-uni" in done.stdout
    assert "classical" in done.stdout
    costs = json_of(engine("bench", "--slices", "2", "--side", "128", "--json", folder=tmp_path))
    assert [one["engine"] for one in costs] == ["medq-uni", "classical"]
    for one in costs:
        assert one["both_ms"] >= max(one["assess_ms"], one["restore_ms"]) > 0


def test_build_says_in_one_line_what_is_missing(tmp_path: Path) -> None:
    done = engine("build", folder=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "TensorRT" in line or "GPU" in line
    done = engine("build", "classical", folder=tmp_path)
    assert done.returncode == 0
    assert "nothing to compile" in done.stdout
    told = json_of(engine("build", "classical", "--json", folder=tmp_path))
    assert told == {"engine": "classical", "compiled": 0}


def test_an_engine_or_a_runtime_that_is_not_known_is_told_with_those_that_are(
    tmp_path: Path,
) -> None:
    done = engine("info", "medq-unix", folder=tmp_path)
    assert done.returncode == 2
    assert "did you mean 'medq-uni'?" in done.stderr
    done = engine("info", "--runtime", "quantum", folder=tmp_path)
    assert done.returncode == 2
    assert "known: auto, cpu, cuda, tensorrt, torch" in done.stderr
    done = engine("info", "-c", configured(tmp_path, runtime="cuda9"), folder=tmp_path)
    assert done.returncode == 2
    assert "config.yaml:2" in done.stderr
    assert "did you mean 'cuda'?" in done.stderr
    done = engine("info", "-c", configured(tmp_path, fallback="clasical"), folder=tmp_path)
    assert done.returncode == 2
    assert "did you mean 'classical'?" in done.stderr
