"""What we made, sent back to us, is never worked on again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.build import ct_series
from tests.node import running_node
from tests.peers import storescu

RULES = """
rules:
  - name: everything
    then: {action: restore, restore: always, destinations: [out]}
"""


@pytest.mark.peer
def test_our_own_results_sent_back_make_no_third_series(tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = {"destinations": {"out": {"kind": "folder", "path": str(out)}}}
    with running_node(tmp_path / "node", settings, RULES) as node:
        assert storescu(node.port, ct_series(tmp_path / "ct", slices=4)).returncode == 0
        node.wait_settled(1)
        ours = sorted(out.rglob("*.dcm"))
        assert len(ours) == 5
        assert storescu(node.port, ours, calling="PACS").returncode == 0
        status = node.wait_settled(3)
        for series in status.series[:2]:
            assert series.state == "ignored"
            assert "loop firewall" in (series.reason or "")
            assert series.rule is None, "no rule was asked"
        assert sorted(out.rglob("*.dcm")) == ours


@pytest.mark.peer
def test_results_of_another_node_of_ours_are_known_too(tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = {"destinations": {"out": {"kind": "folder", "path": str(out)}}}
    with running_node(tmp_path / "one", settings, RULES) as one:
        assert storescu(one.port, ct_series(tmp_path / "ct", slices=3)).returncode == 0
        one.wait_settled(1)
    with running_node(tmp_path / "two", settings, RULES) as two:
        assert storescu(two.port, sorted(out.rglob("*.dcm"))).returncode == 0
        for series in two.wait_settled(2).series:
            assert series.state == "ignored"
            assert "Contributing Equipment" in (series.reason or "")
