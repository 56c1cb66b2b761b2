"""The states of a series revision and of a delivery, said once."""

from __future__ import annotations

from enum import StrEnum


class RevisionState(StrEnum):
    """Where one revision of a series stands."""

    COMPLETE = "complete"  # no more images are expected; waits for the pipeline
    PROCESSING = "processing"  # its workflow has begun
    IGNORED = "ignored"  # a rule, or the loop firewall, said to leave it alone
    REFUSED = "refused"  # kept, but nothing can be made of it; the decision says why
    HELD = "held"  # the engine failed three times or an output is unfit; needs a person
    DONE = "done"  # outputs are made, certified and handed to delivery


class DeliveryState(StrEnum):
    """Where the way of some objects to one destination stands."""

    PENDING = "pending"  # not tried yet
    RETRYING = "retrying"  # tried and failed; the next try is scheduled
    CONFIRMED = "confirmed"  # the peer has answered success for every object
    DEAD = "dead letter"  # the peer refuses it for good; kept until a person decides


class Content(StrEnum):
    """What a delivery carries."""

    ORIGINALS = "originals"  # as received, byte for byte
    OUTPUTS = "outputs"  # what we made of a revision
