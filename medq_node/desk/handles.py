"""How a person names what waits: ``series-12``, ``study-3``, ``delivery-5``, ``clash-7``, ..."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from medq_node.errors import MedqError

_HANDLE = re.compile(r"([a-z]+)-([1-9][0-9]{0,17})")


class Subject(StrEnum):
    """What a handle's number counts."""

    SERIES = "series"  # revisions of series
    STUDY = "study"  # notes on whole studies
    DELIVERY = "delivery"  # deliveries
    CLASH = "clash"  # series, for all objects with other content under their SOP Instance UIDs
    KEPT = "kept"  # objects that can't be put into a series


@dataclass(frozen=True, slots=True)
class Handle:
    """The name of one thing that waits, or waited, for a person."""

    subject: Subject
    id: int

    def __str__(self) -> str:
        return f"{self.subject}-{self.id}"


def parse_handle(text: str) -> Handle:
    """The handle in ``text``.

    Raises:
        MedqError: it isn't one.
    """
    match = _HANDLE.fullmatch(text.strip().lower())
    if match is None or match[1] not in set(Subject):
        raise MedqError(f"{text!r} is no handle such as series-12: medq-node held lists them")
    return Handle(Subject(match[1]), int(match[2]))
