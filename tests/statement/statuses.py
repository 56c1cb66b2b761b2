"""Answers to C-STORE: those that the receiver gives, and what delivery makes of others'."""

from __future__ import annotations

from itertools import groupby

from medq_node.delivery.statuses import Follows, what_follows
from medq_node.receiver.messages import Status
from tests.statement.markdown import table

_GIVEN: dict[Status, tuple[str, str, str]] = {
    Status.SUCCESS: ("Success", "", "the object is durable on disk"),
    Status.SOP_CLASS_NOT_SUPPORTED: (
        "Failure",
        "SOP class not supported",
        "the SOP class of the message is not that of its presentation context",
    ),
    Status.OUT_OF_RESOURCES: (
        "Refused",
        "out of resources",
        "free space is below `receiver.minimum_free_mib`, or the disk refused; send again later",
    ),
    Status.CANNOT_UNDERSTAND: ("Error", "cannot understand", "the message has no data set"),
}
"""One line for each; what is not here can't be told, and the table can't be made."""

_MEANINGS = (
    (0x0000, 0x0000, "Success", ""),
    (0x0100, 0x02FF, "Failure", "of PS3.7, such as SOP class not supported, not authorized"),
    (0xA700, 0xA7FF, "Refused", "out of resources"),
    (0xA900, 0xA9FF, "Error", "data set does not match SOP class"),
    (0xB000, 0xBFFF, "Warning", "coercion, elements discarded, does not match SOP class"),
    (0xC000, 0xCFFF, "Error", "cannot understand"),
)
_FOLLOWS = {
    Follows.CONFIRMED: "The object is confirmed.",
    Follows.LATER: "The delivery is repeated later, without end unless `delivery.retry_attempts` "
    "is set.",
    Follows.REFUSED: "The object is refused. Those behind it are sent all the same; it is tried "
    "again, and after `delivery.refusal_attempts` the delivery is a dead letter for a person.",
}


def given() -> str:
    """Status codes that the receiver answers with."""
    rows = [(w[0], w[1], f"{status:04X}", w[2]) for status, w in _with_words()]
    return table(("service status", "further meaning", "code", "when"), rows)


def _with_words() -> list[tuple[Status, tuple[str, str, str]]]:
    return [(status, _GIVEN[status]) for status in Status]


def taken() -> str:
    """What follows from each of the 65,536 answers; those of PS3.4 by name."""
    rows = []
    for low, high, status, meaning in _MEANINGS:
        for follows, codes in groupby(range(low, high + 1), what_follows):
            run = list(codes)
            rows.append((status, meaning, _range(run[0], run[-1]), _FOLLOWS[follows]))
    named = {c for low, high, *_ in _MEANINGS for c in range(low, high + 1)}
    others = {what_follows(code) for code in range(0x10000) if code not in named}
    assert len(others) == 1, "what has no name is met in one way"
    rows.append(("any other", "", "", _FOLLOWS[others.pop()]))
    return table(("service status", "further meaning", "code", "what the node does"), rows)


def _range(first: int, last: int) -> str:
    return f"{first:04X}" if first == last else f"{first:04X} to {last:04X}"
