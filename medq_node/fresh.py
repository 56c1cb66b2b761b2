"""Is the scan so new that people can still repeat it? Priors that come for comparison are not.

What a node gets is not always of today: a PACS routes priors, a migration moves whole years, and a
node that was off works on what has waited. Nobody must run to a scanner for those.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import structlog

from medq_node.config import NotificationSettings
from medq_node.snapshot import Snapshot
from medq_node.store.tables import Revision

_DATES = ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate")
_DATE = re.compile(r"(\d{4})([.-]?)(\d\d)\2(\d\d)", re.ASCII)
"""PS3.5 6.2, VR DA; with dots as before DICOM, with hyphens as careless programs write it."""

log = structlog.get_logger("notify")


def worth_telling(revision: Revision, settings: NotificationSettings, now: datetime) -> bool:
    """Whether to tell people of a reject at ``now`` (aware); where not, the log says so.

    Headers date a scan to the day, by the clocks of this machine's time zone. As long as a scan of
    its newest date may be younger than the limit, it counts as fresh; so does one without a date.
    """
    newest = newest_date(revision.snapshot)
    oldest_fresh = (now.astimezone() - timedelta(hours=settings.newest_scan_within_h)).date()
    fresh = newest is None or newest >= oldest_fresh
    if not fresh and settings.targets:
        log.info("not told: the scan is not of today", revision=revision.id)
    return fresh


def newest_date(snapshot: Snapshot) -> date | None:
    """The newest date that any image of a series gives for itself, its series or its study."""
    said = (
        _date(str(component))
        for keyword in _DATES
        for value in snapshot.get(keyword, [])
        for component in value
    )
    return max((day for day in said if day is not None), default=None)


def _date(text: str) -> date | None:
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:  # the 30th of February says nothing
        return None
