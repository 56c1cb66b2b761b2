"""Stories of a sender and the receiver, over a real association."""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)
from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import Verification

from tests.receiver.conftest import Running, ct_image, data_set_bytes, eventually
from tests.receiver.test_messages import store_command

Start = Callable[..., Running]
BOTH_WAYS = pytest.mark.parametrize("direct_store", [True, False], ids=["direct", "stock"])


def sent_bytes(ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    encoded = encode(ds, syntax == ImplicitVRLittleEndian, True)
    assert encoded is not None
    return encoded


@BOTH_WAYS
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_what_is_stored_is_what_was_sent(receiver: Start, direct_store: bool, syntax: str) -> None:
    node = receiver(direct_store=direct_store)
    images = [ct_image(rows) for rows in (1, 64, 3000)]
    assoc = node.associate((CTImageStorage, syntax), calling="CT_3", called="WARD")
    for image in images:
        image.file_meta.TransferSyntaxUID = syntax
        assert assoc.send_c_store(image).Status == 0x0000
        assert len(node.stored) == images.index(image) + 1
    assoc.release()
    for file, image in zip(node.stored, images, strict=True):
        assert data_set_bytes(file) == sent_bytes(image, syntax)
        meta = dcmread(file, stop_before_pixels=True).file_meta
        assert meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
        assert meta.TransferSyntaxUID == syntax
        assert meta.SendingApplicationEntityTitle == "CT_3"
        assert meta.ReceivingApplicationEntityTitle == "WARD"
        assert meta.SendingPresentationAddress.startswith("dicom://127.0.0.1:")
    assert node.parts == []


def test_echo_and_objects_in_turn_on_one_association(receiver: Start) -> None:
    node = receiver()
    assoc = node.associate(
        (Verification, ImplicitVRLittleEndian), (CTImageStorage, ExplicitVRLittleEndian)
    )
    for _ in range(3):
        assert assoc.send_c_echo().Status == 0x0000
        assert assoc.send_c_store(ct_image()).Status == 0x0000
    assoc.release()
    assert len(node.stored) == 3


@pytest.mark.data
def test_every_syntax_arrives_as_it_lies_in_the_file(receiver: Start, data_root: Path) -> None:
    node = receiver()
    expected: dict[str, bytes] = {}
    _config.STORE_SEND_CHUNKED_DATASET = True  # pynetdicom then sends a file's bytes unchanged
    try:
        for file in sorted((data_root / "torture" / "cs3d_all_syntaxes").iterdir()):
            ds = dcmread(file, stop_before_pixels=True, force=True)
            syntax = str(ds.file_meta.TransferSyntaxUID)
            assoc = node.associate((str(ds.SOPClassUID), syntax))
            assert assoc.is_established, file.name
            assert assoc.send_c_store(file).Status == 0x0000, file.name
            assoc.release()
            expected[node.stored[-1].name] = data_set_bytes(file)
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = False
    assert len(expected) > 14
    assert {file.name: data_set_bytes(file) for file in node.stored} == expected


@BOTH_WAYS
def test_a_private_class_comes_in_by_configuration_only(
    receiver: Start, direct_store: bool
) -> None:
    private = "1.3.12.2.1107.5.9.1"
    node = receiver(direct_store=direct_store)
    assert not node.associate((private, ExplicitVRLittleEndian)).is_established
    node = receiver(direct_store=direct_store, private_sop_classes=(private,))
    image = ct_image()
    image.SOPClassUID = private
    assoc = node.associate((private, ExplicitVRLittleEndian))
    assert assoc.send_c_store(image).Status == 0x0000
    assoc.release()
    assert len(node.stored) == 1


@pytest.mark.parametrize(
    ("calling", "called", "reason"),
    [
        ("SCANNER", "MEDQ", None),
        ("STRANGER", "MEDQ", "Calling AE title not recognised"),
        ("SCANNER", "ELSE", "Called AE title not recognised"),
        ("ELSEWHERE", "MEDQ", "Calling AE title not recognised"),
    ],
)
def test_only_those_we_know_get_in(
    receiver: Start, calling: str, called: str, reason: str | None
) -> None:
    node = receiver(
        callers=(("SCANNER", "127.0.0.1"), ("ELSEWHERE", "10.9.8.7")), called_ae_titles=("MEDQ",)
    )
    assoc = node.associate(calling=calling, called=called)
    assert assoc.is_established is (reason is None)
    if reason is None:
        assoc.release()
    else:
        assert assoc.is_rejected
        assert assoc.acceptor.primitive is not None
        assert reason in assoc.acceptor.primitive.reason_str


@BOTH_WAYS
def test_a_disk_below_its_margin_answers_out_of_resources(
    receiver: Start, direct_store: bool
) -> None:
    node = receiver(direct_store=direct_store, minimum_free_bytes=2**60)
    assoc = node.associate()
    for _ in range(2):
        assert assoc.send_c_store(ct_image(3000)).Status == 0xA700
    assert assoc.is_established
    assoc.release()
    assert node.stored == node.parts == []


@BOTH_WAYS
@pytest.mark.parametrize("step", ["fdatasync", "rename", "writev"])
def test_a_disk_error_is_no_success_and_the_next_object_gets_its_chance(
    receiver: Start, monkeypatch: pytest.MonkeyPatch, step: str, direct_store: bool
) -> None:
    node = receiver(direct_store=direct_store)
    assoc = node.associate()
    with monkeypatch.context() as broken:

        def refuse(*_: object) -> None:
            raise OSError(5, "Input/output error")

        broken.setattr(os, step, refuse)
        assert assoc.send_c_store(ct_image(3000)).Status == 0xA700
    assert node.stored == node.parts == []
    assert assoc.send_c_store(ct_image()).Status == 0x0000
    assoc.release()
    assert len(node.stored) == 1


def test_an_object_that_does_not_fit_its_context_is_refused(receiver: Start) -> None:
    node = receiver()
    assoc = node.associate()
    image = ct_image()
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = MRImageStorage
    request.AffectedSOPInstanceUID = image.SOPInstanceUID
    request.Priority = 2
    request.DataSet = BytesIO(sent_bytes(image))
    assoc._reactor_checkpoint.clear()
    assoc.dimse.send_msg(request, assoc.accepted_contexts[0].context_id or 1)
    _, response = assoc.dimse.get_msg(block=True)
    assoc._reactor_checkpoint.set()
    assert response is not None
    assert response.Status == 0x0122
    assoc.release()
    assert node.stored == []


def values(*parts: tuple[int, bytes], context_id: int = 1) -> bytes:
    """P-DATA-TF with presentation data values of (control header, data)."""
    items = b"".join(
        struct.pack(">IBB", len(data) + 2, context_id, control) + data for control, data in parts
    )
    return struct.pack(">BBI", 4, 0, len(items)) + items


def raw(assoc: Association, *pdus: bytes) -> None:
    """Send PDUs as they are, past pynetdicom."""
    assert assoc.dul.socket is not None
    assert assoc.dul.socket.socket is not None
    for pdu in pdus:
        assoc.dul.socket.socket.sendall(pdu)


def test_any_fragmentation_gives_the_same_file(receiver: Start) -> None:
    node = receiver()
    image = ct_image(4000)  # one way sends it in one PDU, larger than the read buffer
    data = sent_bytes(image)
    command = store_command(9, CTImageStorage, image.SOPInstanceUID)
    third = len(data) // 3
    ways = [
        [values((3, command), (2, data))],
        [values((3, command)), values((0, data[:10]), (0, b""), (0, data[10:])), values((2, b""))],
        [values((3, command), (0, data[:third])), values((2, data[third:]))],
        # a command set in pieces takes the stock way
        [
            values((1, command[:40])),
            values((3, command[40:])),
            values((0, data[:7]), (2, data[7:])),
        ],
    ]
    assoc = node.associate()
    assoc._reactor_checkpoint.clear()
    for way in ways:
        stream = b"".join(way)
        for start in range(0, len(stream), 99_999):
            raw(assoc, stream[start : start + 99_999])
        _, response = assoc.dimse.get_msg(block=True)
        assert response is not None
        assert response.Status == 0x0000
    assoc._reactor_checkpoint.set()
    assoc.release()
    assert [data_set_bytes(file) for file in node.stored] == [data] * len(ways)


def test_a_sender_that_takes_tiny_pdus_only_is_served(receiver: Start) -> None:
    node = receiver()
    ae = AE("OLD")
    ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    assoc = ae.associate("127.0.0.1", node.port, max_pdu=64)
    image = ct_image(500)
    assert assoc.send_c_store(image).Status == 0x0000
    assoc.release()
    assert [data_set_bytes(file) for file in node.stored] == [sent_bytes(image)]


@pytest.mark.parametrize(
    "wrong",
    [
        values((0, b"data"), context_id=3),
        values((3, b"another command")),
        struct.pack(">BBIIBB", 4, 0, 6, 4000, 1, 0),
        struct.pack(">BBI", 4, 0, 3) + b"abc",
        struct.pack(">BBI", 4, 0, 2**32 - 1),
        struct.pack(">BBI", 77, 0, 4) + b"what",
        struct.pack(">BBHBB", 7, 0, 0, 0, 0) + bytes(2),
    ],
    ids=["context", "command", "long value", "short value", "huge", "unknown", "abort"],
)
def test_what_breaks_off_in_the_middle_leaves_nothing(receiver: Start, wrong: bytes) -> None:
    node = receiver()
    assoc = node.associate()
    begun = values((3, store_command(1, CTImageStorage, generate_uid())), (0, bytes(3000)))
    raw(assoc, begun)
    assert eventually(lambda: len(node.parts) == 1)
    raw(assoc, wrong)
    assert eventually(lambda: not node.parts)
    assert eventually(lambda: not assoc.is_established)
    assert node.stored == []
    again = node.associate()
    assert again.send_c_store(ct_image()).Status == 0x0000
    again.release()


def test_a_sender_that_vanishes_in_the_middle_leaves_nothing(receiver: Start) -> None:
    node = receiver()
    assoc = node.associate()
    raw(assoc, values((3, store_command(1, CTImageStorage, generate_uid())), (0, bytes(3000))))
    assert eventually(lambda: len(node.parts) == 1)
    assert assoc.dul.socket is not None
    assoc.dul.socket.close()
    assert eventually(lambda: not node.parts)
    assert node.stored == []


def test_a_silent_sender_is_dropped_after_the_network_timeout(receiver: Start) -> None:
    node = receiver(network_timeout_s=1.0)
    assoc = node.associate()
    raw(assoc, values((3, store_command(1, CTImageStorage, generate_uid())), (0, bytes(3000))))
    assert eventually(lambda: assoc.is_aborted, 5)
    assert eventually(lambda: not node.parts)
    assert node.stored == []


def test_senders_at_the_same_time_do_not_mix(receiver: Start) -> None:
    node = receiver()
    images = [[ct_image(100 + 10 * n + k) for k in range(5)] for n in range(6)]
    failures: list[object] = []

    def send(own: list[Dataset]) -> None:
        assoc = node.associate()
        failures.extend(s for s in map(assoc.send_c_store, own) if s.get("Status") != 0)
        assoc.release()

    threads = [threading.Thread(target=send, args=(own,)) for own in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    expected = {image.SOPInstanceUID: sent_bytes(image) for own in images for image in own}
    stored = {
        dcmread(f, stop_before_pixels=True).SOPInstanceUID: data_set_bytes(f) for f in node.stored
    }
    assert stored == expected


def test_a_running_association_finishes_when_the_receiver_stops(tmp_path: Path) -> None:
    from medq_node.receiver import ReceiverSettings, serve
    from tests.receiver.conftest import free_port

    settings = ReceiverSettings(
        spool=tmp_path, port=free_port(), minimum_free_bytes=1, drain_timeout_s=10.0
    )
    stop, ready = threading.Event(), threading.Event()
    server = threading.Thread(target=serve, args=(settings, stop, ready.set))
    server.start()
    assert ready.wait(10)
    node = Running(settings)
    assoc = node.associate()
    assert assoc.send_c_store(ct_image()).Status == 0x0000
    stop.set()

    def refused() -> bool:
        late = node.associate()
        if late.is_established:
            late.release()  # it was quicker than the stop, and must not be waited for
        return not late.is_established and not late.is_released

    assert eventually(refused)
    assert assoc.send_c_store(ct_image()).Status == 0x0000
    assoc.release()
    released = time.monotonic()
    server.join(15)
    assert not server.is_alive()
    assert time.monotonic() - released < 5
    assert len(node.stored) == 2
    assert list((tmp_path / "incoming" / ".part").iterdir()) == []
