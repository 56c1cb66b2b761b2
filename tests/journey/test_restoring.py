"""A rule restores less than the engine would, and the report at the PACS says why."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tests.build import ct_series, phantom
from tests.node import Node, running_node
from tests.peers import running_orthanc, storescu
from tests.reading import told

pytestmark = pytest.mark.peer

RULES = """
rules:
  - name: children's CT
    when:
      - Modality: {equals: CT}
      - PatientAge: {at_most: 017Y}
    then:
      action: restore
      restoring: {only: [noise], at_most: moderate}
      destinations: [pacs]
  - name: CT
    when: [{Modality: {equals: CT}}]
    then: {action: restore, destinations: [pacs], restoring: {words: {noise: none}}}
"""


def noisy_ct(folder: Path, age: str) -> list[Path]:
    body = phantom(4, 128, 128) * 1040 - 1000
    noise = np.random.default_rng(5).normal(0, 60, body.shape)
    pixels = np.clip(body + noise, -1024, 3071).round().astype(np.int16) + np.int16(1024)
    return ct_series(folder, pixels=pixels, PatientAge=age)


def command(node: Node, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "medq_node", *arguments, "-c", str(node.config)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_a_rule_restores_less_and_the_report_says_why(tmp_path: Path) -> None:
    with running_orthanc(tmp_path / "orthanc") as pacs:
        settings = {"destinations": {"pacs": pacs.destination()}}
        with running_node(tmp_path / "node", settings, RULES) as node:
            for age in ("007Y", "054Y"):
                assert storescu(node.port, noisy_ct(tmp_path / age, age)).returncode == 0
            status = node.wait_settled(2)
            child, adult = sorted(status.series, key=lambda series: series.rule != "children's CT")
            assert (child.taken, adult.taken) == ("restored", "assessed only")
            shown = json.loads(command(node, "status", "--json"))
            assert [row["overridden"] for row in shown["series"]] == [
                list(series.overridden) for series in status.series
            ]
            assert "at most moderate" in command(node, "status")
        at_the_pacs = [pydicom.dcmread(io.BytesIO(pacs.file(i))) for i in pacs.get("/instances")]
    reports = [told(ds) for ds in at_the_pacs if ds.Modality == "SR"]
    (weakened,) = (text for text in reports if "moderate noise at most" in text)
    assert 'The rule "children\'s CT" asks to restore moderate noise at most' in weakened
    assert child.sentence_before is not None
    assert "Severe noise" in child.sentence_before
    assert child.sentence_before in weakened, "as measured"
    (left,) = (text for text in reports if 'The rule "CT" says "No noise"' in text)
    assert "Action taken: none. No restoration was asked for." in left
    assert len(at_the_pacs) == 6, "a restored series of the child, and two reports"
    said = {e["event"]: e for e in node.events() if e.get("rule") == "children's CT"}
    assert said["decided"]["restoring"] == {"only": ["noise"], "at_most": "moderate"}
    assert list(said["overridden"]["words"]) == list(child.overridden)
