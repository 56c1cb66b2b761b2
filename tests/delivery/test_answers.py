"""An answer reaches the thread that waits for it."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from medq_node.delivery.answers import keep_answers


def test_the_reactor_takes_nothing_while_a_request_is_under_way() -> None:
    checkpoint = threading.Event()
    assoc = SimpleNamespace(_reactor_checkpoint=checkpoint, dimse=None, dimse_timeout=1)
    keep_answers(SimpleNamespace(assoc=assoc))  # type: ignore[arg-type]
    assoc.dimse.msg_queue.put((1, "the answer"))
    assert assoc.dimse.get_msg(block=False) == (None, None)
    assert assoc.dimse.get_msg(block=True) == (1, "the answer")
    checkpoint.set()
    assoc.dimse.msg_queue.put((3, "a request of the peer"))
    assert assoc.dimse.get_msg(block=False) == (3, "a request of the peer")
