"""What follows from the answer to a C-STORE that we sent (PS3.4 table B.2-1)."""

from __future__ import annotations

from enum import StrEnum


class Follows(StrEnum):
    """What becomes of an object after an answer."""

    CONFIRMED = "confirmed"
    LATER = "sent again later"
    REFUSED = "refused"


def what_follows(status: int) -> Follows:
    """Success and warnings confirm; 0xA7xx, out of resources, passes; all else is the object's."""
    if status == 0x0000 or status >> 12 == 0xB:
        return Follows.CONFIRMED
    return Follows.LATER if status >> 8 == 0xA7 else Follows.REFUSED
