"""The hand-written messages and file meta say what pynetdicom and pydicom understand."""

from __future__ import annotations

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ, C_STORE_RSP, DIMSEMessage
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import P_DATA_TF

from medq_node.receiver.file_meta import FileHead, Peer
from medq_node.receiver.messages import (
    Status,
    StoreRequest,
    decode_store_request,
    encode_store_response,
)

uids = st.lists(st.integers(0, 99999), min_size=2, max_size=9).map(
    lambda parts: "1." + ".".join(map(str, parts))
)
ae_titles = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=16)


def store_command(message_id: int, sop_class_uid: str, sop_instance_uid: str) -> bytes:
    primitive = C_STORE()
    primitive.MessageID = message_id
    primitive.AffectedSOPClassUID = sop_class_uid
    primitive.AffectedSOPInstanceUID = sop_instance_uid
    primitive.Priority = 2
    primitive.DataSet = BytesIO(b"\0\0")
    message = C_STORE_RQ()
    message.primitive_to_message(primitive)
    encoded = encode(message.command_set, True, True)
    assert encoded is not None
    return encoded


@given(st.integers(0, 65535), uids, uids)
def test_a_request_is_read_as_its_sender_wrote_it(
    message_id: int, sop_class_uid: str, sop_instance_uid: str
) -> None:
    command = store_command(message_id, sop_class_uid, sop_instance_uid)
    expected = StoreRequest(message_id, sop_class_uid, sop_instance_uid)
    assert decode_store_request(command) == expected


@given(st.binary(max_size=200))
def test_noise_is_never_a_request_and_never_an_exception(noise: bytes) -> None:
    command = store_command(7, CTImageStorage, "1.2.3")
    assert decode_store_request(noise) is None
    assert decode_store_request(command[:-1]) is None
    decode_store_request(command + noise)


def test_other_messages_are_left_to_pynetdicom() -> None:
    echo = C_ECHO()
    echo.MessageID = 1
    echo.AffectedSOPClassUID = "1.2.840.10008.1.1"
    message = C_ECHO_RQ()
    message.primitive_to_message(echo)
    encoded = encode(message.command_set, True, True)
    assert encoded is not None
    assert decode_store_request(encoded) is None


@given(st.integers(0, 65535), uids, uids, st.sampled_from(Status), st.text(max_size=90))
def test_the_peer_reads_the_status_we_meant(
    message_id: int, sop_class_uid: str, sop_instance_uid: str, status: Status, comment: str
) -> None:
    request = StoreRequest(message_id, sop_class_uid, sop_instance_uid)
    pdu = P_DATA_TF()
    pdu.decode(encode_store_response(request, 5, status, comment))
    message = DIMSEMessage()
    assert message.decode_msg(pdu.to_primitive())
    assert isinstance(message, C_STORE_RSP)
    assert message.context_id == 5
    command = message.command_set
    assert (command.Status, command.MessageIDBeingRespondedTo) == (status, message_id)
    assert command.AffectedSOPClassUID == sop_class_uid
    assert command.AffectedSOPInstanceUID == sop_instance_uid
    length = command.CommandGroupLength
    del command.CommandGroupLength
    rest = encode(command, True, True)
    assert rest is not None
    assert length == len(rest)


@given(uids, ae_titles, ae_titles, st.sampled_from(["10.0.0.7", "fe80::1", "scanner-3"]))
def test_the_file_says_who_sent_it_and_from_where(
    uid: str, calling: str, called: str, host: str
) -> None:
    head = FileHead(Peer(calling, called, host, 40000, "127.0.0.1", 104))
    content = head.encode(CTImageStorage, uid, ExplicitVRLittleEndian)
    ds = dcmread(BytesIO(content + bytes.fromhex("0800600043530200") + b"CT"))
    meta = ds.file_meta
    assert ds.Modality == "CT"
    assert meta.MediaStorageSOPInstanceUID == uid
    assert meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert meta.SourceApplicationEntityTitle == meta.SendingApplicationEntityTitle == calling
    assert meta.ReceivingApplicationEntityTitle == called
    bracketed = f"[{host}]" if ":" in host else host
    assert meta.SendingPresentationAddress == f"dicom://{bracketed}:40000"
    assert meta.ReceivingPresentationAddress == "dicom://127.0.0.1:104"
