"""What a run on a folder changes of a node's settings."""

from __future__ import annotations

from pathlib import Path

from medq_node.batch import batch_config
from medq_node.config import Config


def test_a_run_holds_nothing_that_nobody_could_release(tmp_path: Path) -> None:
    config = Config()
    batch = batch_config(config, tmp_path / "data", tmp_path / "out")
    assert batch.identity.hold_when_differing == ()
    assert batch.firewall.results_per_study == 10_000
    assert batch.firewall.callers == config.firewall.callers
    assert config.identity.hold_when_differing, "the node's own settings stay"
