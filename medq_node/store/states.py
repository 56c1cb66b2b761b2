"""The states of a series revision and of a delivery, said once."""

from __future__ import annotations

from enum import StrEnum


class RevisionState(StrEnum):
    """Where one revision of a series stands."""

    COMPLETE = "complete"  # no more images are expected; waits for the pipeline
    PROCESSING = "processing"  # its workflow has begun
    IGNORED = "ignored"  # a rule, or the loop firewall, said to leave it alone
    REFUSED = "refused"  # kept, but nothing can be made of it; the decision says why
    HELD = "held"  # waits for a person; ``HoldKind`` says why
    DROPPED = "dropped"  # held, and a person decided that nothing is made of it
    DONE = "done"  # outputs are made, certified and handed to delivery


class DeliveryState(StrEnum):
    """Where the way of some objects to one destination stands."""

    PENDING = "pending"  # not tried yet
    RETRYING = "retrying"  # tried and failed; the next try is scheduled
    CONFIRMED = "confirmed"  # the peer has answered success for every object
    DEAD = "dead letter"  # the peer refuses it for good; kept until a person decides
    DROPPED = "dropped"  # a dead letter, and a person decided that it isn't sent


OPEN_DELIVERY = (DeliveryState.PENDING, DeliveryState.RETRYING)
"""Still to be tried."""

CLOSED_DELIVERY = (DeliveryState.CONFIRMED, DeliveryState.DROPPED)
"""Nothing is left to do or to decide."""


class HoldKind(StrEnum):
    """Why a series or a study note is held, and so what a release means."""

    IDENTITY = "identity"  # patient or study differ within the study; released, it is worked on
    ENGINE = "engine"  # the engine failed too often; released, it is tried again
    UNFIT = "unfit"  # an output isn't valid; released, it is made anew, never sent as it is
    LOOP = "loop"  # the firewall ignored it for who sent it; released, that net is passed
    BROKEN = "broken"  # the workflow broke; released, it is started anew


class KeptKind(StrEnum):
    """Why a received object lies in quarantine."""

    UNREADABLE = "unreadable"  # it can't be put into a series
    CLASH = "clash"  # other content under a known SOP Instance UID; the first one is used
    REPLACED = "replaced"  # was the first one, until a person released the other
    AGAIN = "again"  # sent again and only on its way through (inline)


class Content(StrEnum):
    """What a delivery carries."""

    ORIGINALS = "originals"  # as received, byte for byte
    OUTPUTS = "outputs"  # what we made of a revision


class FeedbackVerdict(StrEnum):
    """What a person says of a quality note."""

    AGREE = "agree"
    WRONG = "wrong"
