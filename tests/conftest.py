"""Fixtures shared by all tests: where real images and real peers are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# A time limit per example would fail on a busy machine and say nothing about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

_ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"


_LONG = {"journey", "test_cli.py", "test_judging.py"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side the longest files go first, so that no core waits for one of them at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _LONG.isdisjoint(item.path.parts))


def _data_root() -> Path | None:
    """``MEDQ_TEST_DATA``, else the folder beside the checkout, else nothing."""
    candidates = [os.environ.get("MEDQ_TEST_DATA"), str(_ROOT.parent / "shared" / "data")]
    return next((Path(c) for c in candidates if c and (Path(c) / "dev").is_dir()), None)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of real images with ``dev/`` and ``torture/``; skips where there is none."""
    root = _data_root()
    if root is None:
        pytest.skip("no real images: set MEDQ_TEST_DATA to a folder with dev/ and torture/")
    return root


@pytest.fixture(scope="session")
def dev_series(data_root: Path):
    """Function: name of a series under dev/ -> its sorted DICOM files (some have no suffix)."""

    def files(name: str) -> list[Path]:
        found = sorted(p for p in (data_root / "dev" / name).iterdir() if p.is_file())
        assert found, f"no files in {name}"
        return found

    return files


@pytest.fixture
def untested_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines are trusted without a self-test: what it would catch at once goes on to the gate."""
    from medq_node.workshop import serving

    monkeypatch.setattr(serving, "self_test", lambda engine: ())
    monkeypatch.setattr(serving, "_loaded", {})


def require_program(name: str) -> str:
    """Path of a real peer or judge; skips on a user's machine, fails in CI where it must be."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        message = f"{name} is not installed (Debian: orthanc, dcmtk, dicom3tools)"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    return path
