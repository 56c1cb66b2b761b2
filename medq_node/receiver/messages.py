"""C-STORE messages as bytes (PS3.7 section 9.3.1, PS3.8 section 9.3.5).

A command set is implicit VR little endian with a dozen short elements; reading and writing it here
costs microseconds, where a pydicom Dataset costs as much as writing the image to disk.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

_NO_DATA_SET = 0x0101
_C_STORE_RQ = 0x0001
_C_STORE_RSP = 0x8001
_UID_MAXIMUM_BYTES = 64
_ERROR_COMMENT_MAXIMUM_CHARACTERS = 64


class Status(IntEnum):
    """Answers to a C-STORE request (PS3.4 table B.2-1, PS3.7 annex C)."""

    SUCCESS = 0x0000
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    OUT_OF_RESOURCES = 0xA700
    CANNOT_UNDERSTAND = 0xC000


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What we need of a C-STORE-RQ command set."""

    message_id: int
    sop_class_uid: str
    sop_instance_uid: str


def decode_store_request(command: bytes) -> StoreRequest | None:
    """The C-STORE request in a whole ``command`` set, or None where it is anything else."""
    elements: dict[int, bytes] = {}
    offset = 0
    while offset + 8 <= len(command):
        group, number, length = struct.unpack_from("<HHI", command, offset)
        offset += 8
        if group != 0 or offset + length > len(command):
            return None
        elements[number] = command[offset : offset + length]
        offset += length
    if offset != len(command):
        return None
    field, message_id, data_set = (_us(elements.get(n)) for n in (0x0100, 0x0110, 0x0800))
    sop_class_uid, sop_instance_uid = (_uid(elements.get(n)) for n in (0x0002, 0x1000))
    if field != _C_STORE_RQ or data_set in (None, _NO_DATA_SET):
        return None
    if message_id is None or sop_class_uid is None or sop_instance_uid is None:
        return None
    return StoreRequest(message_id, sop_class_uid, sop_instance_uid)


def encode_store_response(
    request: StoreRequest, context_id: int, status: Status, comment: str = ""
) -> bytes:
    """P-DATA-TF PDU with the C-STORE-RSP to ``request``; ``comment`` is ASCII."""
    elements = [
        _uid_element(0x0002, request.sop_class_uid),
        struct.pack("<HHIH", 0, 0x0100, 2, _C_STORE_RSP),
        struct.pack("<HHIH", 0, 0x0120, 2, request.message_id),
        struct.pack("<HHIH", 0, 0x0800, 2, _NO_DATA_SET),
        struct.pack("<HHIH", 0, 0x0900, 2, status),
    ]
    if comment:
        text = comment[:_ERROR_COMMENT_MAXIMUM_CHARACTERS].encode("ascii", "replace")
        text += b" " * (len(text) % 2)
        elements.append(struct.pack("<HHI", 0, 0x0902, len(text)) + text)
    elements.append(_uid_element(0x1000, request.sop_instance_uid))
    command = b"".join(elements)
    group = struct.pack("<HHII", 0, 0, 4, len(command)) + command
    # PDU header, then one presentation data value: length, context, 0x03 = last command fragment.
    return struct.pack(">BBIIBB", 4, 0, len(group) + 6, len(group) + 2, context_id, 3) + group


def _us(value: bytes | None) -> int | None:
    return int.from_bytes(value, "little") if value is not None and len(value) == 2 else None


def _uid(value: bytes | None) -> str | None:
    """A UID in printable ASCII; whether its form is right is for intake to judge."""
    stripped = (value or b"").strip(b"\0 ")
    if not 0 < len(stripped) <= _UID_MAXIMUM_BYTES:
        return None
    text = stripped.decode("latin-1")
    return text if text.isascii() and text.isprintable() else None


def _uid_element(number: int, uid: str) -> bytes:
    value = uid.encode("ascii")
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHI", 0, number, len(value)) + value
