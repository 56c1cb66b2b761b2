"""What we made, sent back to us as it is or disguised, is never worked on for ever."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from medq_node.ports import free_port
from medq_node.status import NodeStatus, SeriesStatus
from medq_node.store.database import open_existing
from medq_node.store.tables import Series
from tests.build import ct_series
from tests.node import RULES_ALWAYS, Node, running_node, wait_for
from tests.peers import Orthanc, running_orthanc, storescu

pytestmark = [pytest.mark.peer, pytest.mark.timeout(420)]

RULES = """
rules:
  - name: everything
    then: {action: restore, restore: always, destinations: [out]}
"""

SENDS_ALL_BACK = """
function OnStoredInstance(id, tags, metadata, origin)
  SendToModality(id, 'medq')
end
"""

SENDS_ALL_BACK_CHANGED = """
function OnStoredInstance(id, tags, metadata, origin)
  if origin['RequestOrigin'] ~= 'Lua' then
    local changed = {}
    changed['SeriesInstanceUID'] = '2.25.9' .. string.sub(tags['SeriesInstanceUID'], 6, 40)
    %s
    local gone = { 'ContributingEquipmentSequence', 'SourceImageSequence' }
    -- ModifyInstance of Orthanc's toolbox, with Force: else it keeps the series' UID.
    table.insert(_job, {
      Operation = 'modify', Resource = id, Replace = changed, Remove = gone,
      RemovePrivateTags = true, Force = true
    })
    Delete(SendToModality('', 'medq'))
  end
end
"""
"""New UIDs, and nothing that names this product or the images it worked on."""

POSES_AS_ORIGINAL = r"changed['ImageType'] = 'ORIGINAL\\PRIMARY\\AXIAL'"


@dataclass
class Loop:
    """A node, and an archive that it sends to and that sends to it."""

    node: Node
    pacs: Orthanc

    def scan(self, files: list[Path]) -> None:
        """Tap: the scanner sends to the archive and to the node."""
        assert storescu(self.pacs.dicom_port, files, called=self.pacs.ae_title).returncode == 0
        assert storescu(self.node.port, files).returncode == 0

    def wait_quiet(self, series: int, still_s: float = 4.0) -> NodeStatus:
        """Until so many series are settled and nothing has moved anywhere for a while."""
        seen: list[Any] = []

        def quiet() -> bool:
            self.node.wait_settled(series)
            now = (self.pacs.get("/statistics"), self.node.status().states, repeats(self.node))
            if not seen or seen[0] != now:
                seen[:] = [now, time.monotonic()]
            return bool(time.monotonic() - seen[1] > still_s)

        wait_for(quiet, 300)
        return self.node.wait_settled(series)


@contextmanager
def looping(tmp_path: Path, script: str, **firewall: Any) -> Iterator[Loop]:
    """``script`` is what the archive does with each image that it stores."""
    lua = tmp_path / "loop.lua"
    lua.write_text(script)
    port = free_port()
    settings = {
        "destinations": {
            "pacs": {"kind": "dicom", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": port}
        },
        "intake": {"quiet_minimum_s": 2.0},
        # Other stories tell of the judges; this one has many series to get through.
        "certify": {"judges": []},
        "firewall": firewall,
    }
    with running_node(tmp_path / "node", settings, RULES_ALWAYS) as node:
        options = {
            "DicomPort": port,
            "DicomModalities": {"medq": ["MEDQ", "127.0.0.1", node.port]},
            "LuaScripts": [str(lua)],
        }
        with running_orthanc(tmp_path / "orthanc", **options) as pacs:
            yield Loop(node, pacs)


def repeats(node: Node) -> dict[str, int]:
    """Series Instance UID -> how many of its images were sent again."""
    with open_existing(f"sqlite:///{node.folder / 'data' / 'medq.sqlite'}")() as session:
        return {s.series_instance_uid: s.repeats for s in session.scalars(select(Series))}


def of_state(status: NodeStatus, state: str) -> list[SeriesStatus]:
    return [s for s in status.series if s.state == state]


def reasons(status: NodeStatus, about: Callable[[str], bool] = bool) -> Counter[str]:
    return Counter(s.reason for s in of_state(status, "ignored") if s.reason and about(s.reason))


def test_an_archive_that_sends_everything_back_makes_no_third_series(tmp_path: Path) -> None:
    files = ct_series(tmp_path / "ct", slices=4)
    with looping(tmp_path, SENDS_ALL_BACK) as loop:
        loop.scan(files)
        status = loop.wait_quiet(3)
        modalities = sorted(s["MainDicomTags"]["Modality"] for s in loop.pacs.series())
        assert modalities == ["CT", "CT", "SR"], "the original, what we restored, the report"
        assert len(status.series) == 3
        (worked_on,) = of_state(status, "done")
        assert worked_on.images == 4
        for series in of_state(status, "ignored"):
            assert (series.reason or "").startswith("loop firewall: its UIDs are in the ledger")
            assert series.rule is None, "no rule was asked"
        assert repeats(loop.node)[worked_on.series_instance_uid] == 4, "each came twice"
        assert status.quarantined == 0


def test_results_with_new_uids_and_no_trace_of_us_are_no_originals(tmp_path: Path) -> None:
    """The first two nets are blind: an archive that routes may bring original images only."""
    files = ct_series(tmp_path / "ct", slices=3)
    with looping(tmp_path, SENDS_ALL_BACK_CHANGED % "") as loop:
        loop.scan(files)
        # The original; its changed copy, an original too as far as anyone can tell; and from
        # each a restored series and a report, changed and sent back.
        status = loop.wait_quiet(6)
        assert len(of_state(status, "done")) == 2
        assert len(status.series) == 6
        assert sum(reasons(status, lambda r: "ORTHANC may bring original" in r).values()) == 4
        assert len(loop.pacs.series()) == 5, "one original, and two results for each of two"


def test_results_that_pose_as_originals_are_stopped_by_their_number(tmp_path: Path) -> None:
    """Every other net is blind: the loop ends all the same."""
    files = ct_series(tmp_path / "ct", slices=3)
    script = SENDS_ALL_BACK_CHANGED % POSES_AS_ORIGINAL
    with looping(tmp_path, script, results_per_study=3) as loop:
        loop.scan(files)
        # The original and its copy; three results are made, each a series and a report.
        status = loop.wait_quiet(8)
        assert len(of_state(status, "done")) == 3
        assert len(loop.pacs.series()) == 1 + 3 * 2
        stopped = reasons(status, lambda r: "raise firewall.results_per_study (3)" in r)
        assert stopped.total() >= 2
