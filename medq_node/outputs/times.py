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
    and TM of an object that carries it are in that zone. Without it they are in the node's local
    zone at that instant, as the scanner's are in the scanner's. The object then states no zone,
    for it would hold for the scanner's times too, of which it isn't known. The DT states its own.

    The local zone is a constant of the site (``TZ``, else /etc/localtime): the same
    ``created_at`` gives the same bytes as long as it stays.

    Raises:
        OutputError: ``created_at`` is not ISO 8601 with a UTC offset.
    """
    try:
        instant = datetime.fromisoformat(identity.created_at)
    except ValueError as error:
        raise OutputError(f"created_at {identity.created_at!r} is not ISO 8601") from error
    if instant.tzinfo is None:
        raise OutputError(f"created_at {identity.created_at!r} has no UTC offset")
    instant = instant.astimezone(_zone(timezone_offset))  # None: the local zone
    zone = instant.strftime("%z")[:5]
    return CreationTime(
        date=instant.strftime("%Y%m%d"),
        time=instant.strftime("%H%M%S.%f"),
        date_time=instant.strftime("%Y%m%d%H%M%S.%f") + zone,
    )


def _zone(timezone_offset: str | None) -> timezone | None:
    """The zone that (0008,0201) states; None where it states none that can be read."""
    match = re.fullmatch(r"([+-])(\d{2})([0-5]\d)", (timezone_offset or "").strip())
    if match is None:
        return None
    sign = -1 if match[1] == "-" else 1
    offset = sign * timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(offset) if abs(offset) < timedelta(hours=24) else None
