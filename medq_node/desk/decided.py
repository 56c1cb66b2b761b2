"""What the desk says of one decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from medq_node.desk.handles import Handle
from medq_node.errors import MedqError


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision whose rows have been changed: what it was ``before``, what happens ``then``.

    ``files`` is called once the rows of all handles could be changed, and before they are
    committed: what it does to files has to be harmless where no commit follows.
    """

    before: str
    then: str
    files: Callable[[], None] | None = None


def not_waiting(handle: Handle, because: str = "") -> MedqError:
    """The error for a handle that names nothing that waits."""
    return MedqError(
        f"{handle} doesn't wait for a decision{because}; medq-node held lists what does"
    )
