"""The parts of pynetdicom that ``medq_node.receiver.direct`` leans on, as it knows them.

A digest that differs says that a new pynetdicom changed one of these functions. Read the change,
see whether ``direct`` and ``buffered_socket`` still hold, run the stories of this folder, then
write the new digest here.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable

import pytest
from pynetdicom import fsm
from pynetdicom.acse import ACSE
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.transport import AssociationServer, AssociationSocket, RequestHandler

from medq_node.receiver import direct

SEAM: dict[Callable[..., object], str] = {
    RequestHandler._create_association: "0420cccd7e02",
    AssociationServer.get_request: "1c15ad537636",
    AssociationSocket.__init__: "e12a96d0fb45",
    AssociationSocket.close: "30a0b8ee4bfe",
    AssociationSocket.ready.fget: "631adecbcd74",
    AssociationSocket.recv: "1ff3e7b171c3",
    AssociationSocket.send: "cb634521fe89",
    DULServiceProvider.__init__: "6ff3b6c6bfad",
    DULServiceProvider.run_reactor: "1e9f61ac0aa5",
    DULServiceProvider._is_transport_event: "58029ac994dc",
    DULServiceProvider._read_pdu_data: "289e3ce12412",
    DULServiceProvider._process_recv_primitive: "f0fb43516c62",
    DULServiceProvider.send_pdu: "5c66123771a6",
    DULServiceProvider.kill_dul: "dd2475a5d6a7",
    DULServiceProvider.stop_dul: "ab528ad97887",
    DULServiceProvider.receive_pdu: "56157edc0728",
    DIMSEServiceProvider.receive_primitive: "765d3852e5d1",
    DIMSEServiceProvider.get_msg: "d52e903d15dc",
    Association.__init__: "dc9ce58c2b5a",
    Association.run_reactor: "f2a6b537aad9",
    Association._run_reactor: "c0cf568eba63",
    Association.kill: "bfbddc9026cd",
    Association._abort_blocking: "088a888c0d3a",
    ACSE._negotiate_as_acceptor: "d8406284a842",
    ACSE.send_reject: "1802a5c93508",
    fsm.AA_5: "4307768d2d5a",
    fsm.AA_8: "b4998cf931a5",
}


def digest(function: Callable[..., object]) -> str:
    """SHA-256 (start) of the source without white space; the same on every Python."""
    source = "".join(inspect.getsource(function).split())
    return hashlib.sha256(source.encode()).hexdigest()[:12]


@pytest.mark.parametrize("function", SEAM, ids=lambda f: f.__qualname__)
def test_pynetdicom_is_as_the_direct_way_knows_it(function: Callable[..., object]) -> None:
    assert digest(function) == SEAM[function], f"{function.__qualname__} changed: read it"


def test_the_direct_way_is_in_use() -> None:
    assert direct.available()
