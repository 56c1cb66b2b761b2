"""Training needs torch; where it is missing, none of these tests is collected."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

MISSING = find_spec("torch") is None or find_spec("transformers") is None
collect_ignore_glob = ["test_*.py"] if MISSING else []

if not MISSING:
    import torch

    from engines.medq_uni.training.bank import Bank, make_bank
    from tests.training.made import write_pairs

    @pytest.fixture(scope="session", autouse=True)
    def one_thread() -> None:
        # Sums in one order only: the same bits every time.
        torch.set_num_threads(1)

    @pytest.fixture(scope="session")
    def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A data set of tiny pairs of all modalities."""
        folder = tmp_path_factory.mktemp("pairs")
        write_pairs(folder)
        return folder

    @pytest.fixture(scope="session")
    def bank(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Bank:
        """The bank of ``pairs``."""
        folder = tmp_path_factory.mktemp("training") / "bank"
        make_bank([pairs], folder)
        return Bank(folder)
