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


def restored_instance_uid(identity: OutputIdentity, source_instance_uid: str) -> str:
    """SOP Instance UID of the restored image made of ``source_instance_uid``."""
    return derived_uid(identity, source_instance_uid, OutputKind.RESTORED, INSTANCE_PART)
