"""A feed brings 257 odd files from many scanners and projects; nothing dies, nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID
from pynetdicom import AE, _config, evt
from pynetdicom.presentation import build_context

from medq_node.delivery.answers import keep_answers
from medq_node.malformed import MALFORMED
from medq_node.status import NodeStatus
from tests.node import running_node
from tests.oddities import oddities

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

RULES = """
rules:
  - name: whatever comes
    then: {action: restore, restore: when_needed, destinations: [pacs]}
"""
_MOST_CONTEXTS = 128


@dataclass(frozen=True)
class Fed:
    """What became of the files: of each the status it was answered with, and the node after all."""

    answers: dict[Path, int | None]
    status: NodeStatus
    same_processes: bool
    kept: int


def sendable(path: Path) -> tuple[UID, UID] | None:
    """Class and transfer syntax that a file says it has; ``None`` where it can't be proposed."""
    try:
        meta = read_file_meta_info(path)
        return UID(meta.MediaStorageSOPClassUID), UID(meta.TransferSyntaxUID)
    except MALFORMED:
        return None


def feed(port: int, files: list[Path]) -> Iterator[tuple[Path, int | None]]:
    """Send the bytes as they are; the status of each, ``None`` where it could not be sent."""
    wanted = {path: pair for path in files if (pair := sendable(path)) is not None}
    pairs = list(dict.fromkeys(wanted.values()))
    yield from ((path, None) for path in files if path not in wanted)
    for start in range(0, len(pairs), _MOST_CONTEXTS):
        batch = pairs[start : start + _MOST_CONTEXTS]
        ae = AE("FEED")
        assoc = ae.associate(
            "127.0.0.1",
            port,
            [build_context(name, [syntax]) for name, syntax in batch],
            evt_handlers=[(evt.EVT_CONN_OPEN, keep_answers)],
        )
        assert assoc.is_established
        taken = {(c.abstract_syntax, c.transfer_syntax[0]) for c in assoc.accepted_contexts}
        for path, pair in wanted.items():
            if pair in batch:
                status = assoc.send_c_store(path).get("Status") if pair in taken else None
                yield path, status
        assoc.release()


@pytest.fixture(scope="module")
def fed(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fed]:
    files = oddities(data_root / "torture")
    settings = {
        "destinations": {"pacs": {"kind": "folder", "path": "pacs"}},
        "engine": {"default": "classical"},
        "certify": {"judges": []},
        "identity": {"hold_when_differing": []},
        "intake": {"quiet_minimum_s": 2, "quiet_maximum_s": 4},
    }
    before = _config.STORE_SEND_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = True
    try:
        with running_node(tmp_path_factory.mktemp("fed"), settings, RULES) as node:
            processes = sorted(node.pids())
            answers = dict(feed(node.port, files))
            stored = sum(status == 0 for status in answers.values())
            status = node.wait_settled(100, patience_s=600)
            kept = len(list(node.layout.series.rglob("*.dcm")))
            kept += len(list(node.layout.quarantine.rglob("*")))
            assert stored
            yield Fed(answers, status, sorted(node.pids()) == processes, kept)
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = before


def test_no_process_dies(fed: Fed) -> None:
    assert fed.same_processes


def test_whatever_can_be_sent_is_answered(fed: Fed) -> None:
    unsent = [path.name for path, status in fed.answers.items() if status is None]
    answered = Counter(status for status in fed.answers.values() if status is not None)
    assert answered[0x0000] >= 200
    assert len(unsent) <= 40, unsent


def test_every_series_ends_with_outputs_or_a_reason(fed: Fed) -> None:
    for series in fed.status.series:
        assert series.state in ("done", "refused", "held", "ignored"), series.state
        assert series.outputs or series.reason, series.series_instance_uid


def test_nobody_is_named(fed: Fed) -> None:
    said = " ".join(series.reason or "" for series in fed.status.series)
    for path in list(fed.answers)[:60]:
        try:
            name = str(pydicom.dcmread(path, stop_before_pixels=True).get("PatientName", ""))
        except MALFORMED:
            continue
        if len(name) > 5:
            assert name not in said
