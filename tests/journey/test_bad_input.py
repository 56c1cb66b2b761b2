"""What can't be restored is accepted, kept and explained; it never stops the node."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE, _config, evt

from medq_node.delivery.answers import keep_answers
from medq_node.intake.same_content import same_content
from medq_node.status import NodeStatus
from tests.build import ct_series
from tests.node import Node, running_node, wait_for

RESTORE_EVERYTHING = """
rules:
  - name: everything
    then: {action: restore, restore: always, destinations: [out]}
"""


def push(port: int, files: list[Path]) -> list[int]:
    """Send as a scanner would, data sets as they are, broken or not; the status of each."""
    statuses = []
    for file in files:
        meta = pydicom.filereader.read_file_meta_info(file)
        ae = AE("SCANNER")
        ae.add_requested_context(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)
        assoc = ae.associate(
            "127.0.0.1", port, ae_title="MEDQ", evt_handlers=[(evt.EVT_CONN_OPEN, keep_answers)]
        )
        assert assoc.is_established
        statuses.append(assoc.send_c_store(file).Status)
        assoc.release()
    return statuses


@pytest.fixture(autouse=True)
def as_it_lies_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scanner sends data sets byte for byte; the library would encode them anew."""
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("bad")
    settings = {
        "destinations": {"out": {"kind": "folder", "path": str(folder / "out")}},
        "pipeline": {"attempts": 2, "retry_s": 0.2},
    }
    with running_node(folder / "node", settings, RESTORE_EVERYTHING) as node:
        yield node


def alone(folder: Path, file: Path, name: str, **changes: object) -> Path:
    """A copy of ``file`` as a series of its own, with ``changes``."""
    ds = pydicom.dcmread(file)
    ds.SeriesInstanceUID = pydicom.uid.generate_uid()
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    for keyword, value in changes.items():
        if value is None:
            del ds[keyword]
        else:
            setattr(ds, keyword, value)
    ds.save_as(folder / f"{name}.dcm")
    return folder / f"{name}.dcm"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("odd")
    ct = ct_series(folder / "ct", slices=1)[0]
    odd = {
        "localizer": alone(folder, ct, "localizer", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
        "burned-in text": alone(folder, ct, "burned", BurnedInAnnotation="YES"),
        "no pixel data": alone(folder, ct, "pixels", PixelData=None),
        "colour": alone(
            folder,
            ct,
            "colour",
            SamplesPerPixel=3,
            PhotometricInterpretation="RGB",
            PlanarConfiguration=0,
            BitsAllocated=8,
            BitsStored=8,
            HighBit=7,
            PixelData=bytes(64 * 64 * 3),
        ),
    }
    truncated = alone(folder, ct, "truncated")
    truncated.write_bytes(truncated.read_bytes()[:-3000])
    odd["truncated"] = truncated
    return odd


def reasons(status: NodeStatus) -> dict[str, tuple[str, str]]:
    return {s.series_instance_uid: (s.state, s.reason or "") for s in status.series}


def test_odd_objects_are_accepted_kept_and_explained(node: Node, odd: dict[str, Path]) -> None:
    series = {
        name: str(pydicom.dcmread(f, specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID)
        for name, f in odd.items()
    }
    assert push(node.port, list(odd.values())) == [0x0000] * len(odd)
    told = reasons(node.wait_settled(len(odd)))
    words = {
        "localizer": "localizer",
        "burned-in text": "burned into it",
        "no pixel data": "pixel data",
        "colour": "colour",
        "truncated": "truncated",
    }
    for name, uid in series.items():
        state, reason = told[uid]
        assert state == "refused", f"{name}: {state} {reason}"
        assert words[name] in reason.lower(), f"{name}: {reason}"
        kept = list((node.layout.series / uid).iterdir())
        assert len(kept) == 1, f"{name} was not kept"
    assert not any((node.folder.parent / "out").rglob("*.dcm"))


def test_bytes_that_are_no_data_set_are_quarantined(node: Node, tmp_path: Path) -> None:
    file = tmp_path / "garbage.dcm"
    ct = ct_series(tmp_path / "ct", slices=1)[0]
    whole = ct.read_bytes()
    start = 144 + int.from_bytes(whole[140:144], "little")
    file.write_bytes(whole[:start] + b"\xff\xfe\xfd" * 500)
    assert push(node.port, [file]) == [0x0000]
    wait_for(lambda: bool(node.status().quarantine), 30)
    (kept,) = node.status().quarantine
    assert kept.reason
    assert kept.path.read_bytes().endswith(b"\xff\xfe\xfd" * 500)


@pytest.mark.data
def test_a_feed_of_257_odd_files_neither_stops_the_node_nor_loses_one(
    node: Node, data_root: Path, tmp_path: Path
) -> None:
    """Every file of the torture set that names its SOP class and syntax, pushed as it is."""
    sent: dict[str, Path] = {}
    for file in sorted(p for p in (data_root / "torture").rglob("*") if p.is_file()):
        copy = tmp_path / f"{len(sent):04d}.dcm"
        try:
            meta = pydicom.filereader.read_file_meta_info(file)
            if "MediaStorageSOPClassUID" not in meta or "TransferSyntaxUID" not in meta:
                continue
        except pydicom.errors.InvalidDicomError:
            continue
        if file.read_bytes()[132:136] != b"\x02\x00\x00\x00":
            continue
        shutil.copyfile(file, copy)
        sent[hashlib.sha256(copy.read_bytes()).hexdigest()] = copy
    accepted = []
    for file in sent.values():
        meta = pydicom.filereader.read_file_meta_info(file)
        ae = AE("SCANNER")
        ae.add_requested_context(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)
        assoc = ae.associate(
            "127.0.0.1",
            node.port,
            ae_title="MEDQ",
            evt_handlers=[(evt.EVT_CONN_OPEN, keep_answers)],
        )
        if assoc.is_established:
            try:
                status = assoc.send_c_store(file)
            except (ValueError, AttributeError, KeyError):
                status = pydicom.Dataset()  # The sending library can't; nothing was sent.
            if status.get("Status") == 0x0000:
                accepted.append(file)
            assoc.release()
    assert len(accepted) > 200
    wait_for(lambda: not [p for p in node.layout.incoming.iterdir() if p.suffix == ".dcm"], 60)
    settled = node.wait_settled(100, patience_s=170)
    assert {s.state for s in settled.series} <= {"refused", "ignored", "done", "held"}
    assert all(s.reason for s in settled.series if s.state in ("refused", "held"))
    # Two of them share a study and differ in their patient, which is for a person to decide.
    held = [s.reason or "" for s in settled.series if s.state == "held"]
    assert all("differ" in reason and "study" in reason for reason in held), held
    kept = list(node.layout.series.rglob("*.dcm")) + list(node.layout.quarantine.iterdir())
    contents = {hashlib.sha256(_data_set(p)).hexdigest() for p in kept}
    for file in accepted:
        if hashlib.sha256(_data_set(file)).hexdigest() not in contents:
            # Some are one object in several transfer syntaxes: kept once.
            uid = pydicom.dcmread(file, stop_before_pixels=True, force=True).SOPInstanceUID
            (first,) = [p for p in kept if p.name == f"{uid}.dcm"]
            assert same_content(file, first), file


def _data_set(file: Path) -> bytes:
    whole = file.read_bytes()
    return whole[144 + int.from_bytes(whole[140:144], "little") :]
