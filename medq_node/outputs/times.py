"""The revision's time as DICOM dates and times, so that a second try writes the same bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity


@dataclass(frozen=True, slots=True)
class CreationTime:
    """One instant as DA, TM (local to the object, see PS3.3 C.12.1.1.8) and DT with UTC offset."""

    date: str
    time: str
    date_time: str


def creation_time(identity: OutputIdentity, timezone_offset: str | None) -> CreationTime:
    """The time of the revision.

    ``timezone_offset`` is the source's Timezone Offset From UTC (0008,0201), ``+HHMM``: every DA
    and TM of an object that carries it are in that zone. Without it they are in the zone that
    ``identity.created_at`` is written in.

    Raises:
        OutputError: ``created_at`` is not ISO 8601 with a UTC offset.
    """
    try:
        instant = datetime.fromisoformat(identity.created_at)
    except ValueError as error:
        raise OutputError(f"created_at {identity.created_at!r} is not ISO 8601") from error
    if instant.tzinfo is None:
        raise OutputError(f"created_at {identity.created_at!r} has no UTC offset")
    match = re.fullmatch(r"([+-])(\d{2})(\d{2})", (timezone_offset or "").strip())
    if match is not None:
        sign = -1 if match[1] == "-" else 1
        offset = sign * timedelta(hours=int(match[2]), minutes=int(match[3]))
        if abs(offset) < timedelta(hours=24):
            instant = instant.astimezone(timezone(offset))
    zone = instant.strftime("%z")[:5]
    return CreationTime(
        date=instant.strftime("%Y%m%d"),
        time=instant.strftime("%H%M%S.%f"),
        date_time=instant.strftime("%Y%m%d%H%M%S.%f") + zone,
    )
