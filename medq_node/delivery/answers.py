"""No answer is lost between the library's threads (pynetdicom as SCU)."""

from __future__ import annotations

from pynetdicom import evt
from pynetdicom.dimse import DIMSEServiceProvider, _QueueItem


def keep_answers(event: evt.Event) -> None:
    """Handler of EVT_CONN_OPEN: answers go to the thread that asked, and to no other.

    Sending clears the association's checkpoint so that its reactor thread rests. A reactor that
    has just passed the checkpoint can still take the answer off the queue, where it is dropped:
    the sender then waits until its time-out although the peer has answered.
    """
    event.assoc.dimse = _AnswersKept(event.assoc)


class _AnswersKept(DIMSEServiceProvider):
    """A DIMSE provider whose messages the reactor leaves alone while a request is under way."""

    def get_msg(self, block: bool = False) -> _QueueItem:
        """The next message as (context id, message), or (None, None); see the base class."""
        if not block and not self.assoc._reactor_checkpoint.is_set():
            return None, None
        return super().get_msg(block)
