"""Deterministic UIDs: the same input, engine and revision always name the same object.

A crash between writing and sending is then harmless: the second try makes the same SOP Instance
UIDs, and the peer sees one object, not two. UUID-derived UIDs: PS3.5 Annex B.2.
"""

from __future__ import annotations

import json
import uuid
from typing import Final

from medq_node.objects import OutputIdentity, OutputKind

_NAMESPACE: Final = uuid.UUID("5b0c0a5e-6d0f-5c7e-9a55-6d6564716e6f")


SERIES_PART: Final = "series"
INSTANCE_PART: Final = "instance"
FRAME_PART: Final = "frame of reference"


def derived_uid(identity: OutputIdentity, source_uid: str, kind: OutputKind, part: str) -> str:
    """UID of what ``identity`` makes of the object or series named ``source_uid``.

    ``part`` tells apart the several UIDs that one source gives rise to (``series``, ``instance``,
    ``tracking/before``, a frame, ...). The station's name, its institution and the time don't
    count: they may be renamed or retried without making another object.
    """
    name = json.dumps(
        [
            identity.node_uid,
            source_uid,
            kind.value,
            part,
            identity.revision,
            identity.engine_name,
            identity.engine_version,
            identity.engine_digest,
            identity.action,
        ]
    )
    return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"


def restored_series_uid(identity: OutputIdentity, source_series_uid: str) -> str:
    """Series Instance UID of the restored series made of ``source_series_uid``."""
    return derived_uid(identity, source_series_uid, OutputKind.RESTORED, SERIES_PART)


def restored_instance_uid(
    identity: OutputIdentity, source_instance_uid: str, stack: int = 1
) -> str:
    """SOP Instance UID of what was restored of the object ``source_instance_uid``.

    An enhanced object whose frames are several stacks becomes an object for each ``stack``, counted
    from 1.
    """
    part = INSTANCE_PART if stack == 1 else f"{INSTANCE_PART}/stack-{stack}"
    return derived_uid(identity, source_instance_uid, OutputKind.RESTORED, part)


def frame_of_reference_uid(identity: OutputIdentity, source_series_uid: str) -> str:
    """Frame of Reference UID of what is made of a series that has none."""
    return derived_uid(identity, source_series_uid, OutputKind.RESTORED, FRAME_PART)
