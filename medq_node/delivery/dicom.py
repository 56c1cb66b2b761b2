"""A Storage SCP as destination (C-STORE SCU, PS3.4 B).

A data set goes out as it lies on disk, or as a copy in a syntax that the association accepted.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from pydicom.uid import UID
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from medq_node.delivery.answers import keep_answers
from medq_node.delivery.converter import Converter
from medq_node.delivery.offers import Offer, offer
from medq_node.delivery.parcel import Parcel, Refusals
from medq_node.delivery.statuses import Follows, what_follows
from medq_node.errors import DeliveryError
from medq_node.provenance import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_MOST_CONTEXTS = 128
"""PS3.8 9.3.2.2: presentation context ids are odd and at most 255."""

_LONGEST_CONNECT_S = 10.0
"""A host that is there answers at once, however long its disk may take over an object."""

log = structlog.get_logger("delivery")

# Send from disk in pieces: the data set is neither decoded nor held in memory.
_config.STORE_SEND_CHUNKED_DATASET = True


class NoAnswer(DeliveryError):
    """A C-STORE without an answer: it may be stored or not; sending it again is harmless."""


@dataclass(frozen=True, slots=True)
class DicomDestination:
    """A peer AE. ``timeout_s`` bounds connecting and each answer, in seconds.

    ``compress`` names how our images should go there, best first; ``converter`` makes the copies.
    """

    calling_ae_title: str
    ae_title: str
    host: str
    port: int
    timeout_s: float
    max_pdu_bytes: int
    compress: tuple[str, ...] = ()
    converter: Converter = field(default_factory=Converter)

    def send(self, parcels: Sequence[Parcel], confirmed: Callable[[Parcel], None]) -> None:
        """Store every parcel, as few associations as contexts allow; see ``Destination``.

        Once, a missing answer is met with a new association at once: sending an object again is
        harmless.
        """
        arrived: set[Parcel] = set()

        def noted(parcel: Parcel) -> None:
            arrived.add(parcel)
            confirmed(parcel)

        try:
            self._send(parcels, noted)
        except NoAnswer:
            self._send([p for p in parcels if p not in arrived], noted)

    def _send(self, parcels: Sequence[Parcel], confirmed: Callable[[Parcel], None]) -> None:
        refusals = Refusals()
        for batch in _batches(parcels, self.compress, refusals):
            converted = Counter[str]()
            try:
                self._send_batch(batch, refusals, confirmed, converted)
            finally:
                if converted:
                    log.info("converted", peer=str(self), objects=dict(converted))
        refusals.tell()

    def _send_batch(
        self,
        batch: list[tuple[Parcel, Offer]],
        refusals: Refusals,
        confirmed: Callable[[Parcel], None],
        converted: Counter[str],
    ) -> None:
        pairs = dict.fromkeys(pair for _, offered in batch for pair in offered.contexts)
        contexts = [build_context(*pair) for pair in pairs]
        with ExitStack() as open_:
            assoc = open_.enter_context(self._associated(contexts))
            for parcel, offered in batch:
                with refusals:
                    parcel.check()
                    taken = _taken(assoc, offered.sop_class_uid)
                    with self.converter.ready(parcel, offered, taken, str(self)) as (path, syntax):
                        if not assoc.is_established:
                            # A large copy, of this or the one before, took longer than peers wait.
                            open_.close()
                            assoc = open_.enter_context(self._associated(contexts))
                        self._store(assoc, parcel, path)
                    if syntax != offered.stored:
                        converted[f"{offered.stored.name} -> {syntax.name}"] += 1
                    confirmed(parcel)

    def echo(self) -> float:
        """C-ECHO; see ``Destination``."""
        start = time.perf_counter()
        with self._associated([build_context(Verification)]) as assoc:
            status = assoc.send_c_echo()
        if status.get("Status") != 0x0000:
            raise DeliveryError(f"{self} answered C-ECHO with {_shown(status.get('Status'))}")
        return time.perf_counter() - start

    def __str__(self) -> str:
        return f"{self.ae_title}@{self.host}:{self.port}"

    def _store(self, assoc: Association, parcel: Parcel, path: Path) -> None:
        try:
            status = assoc.send_c_store(path)
        except (OSError, RuntimeError) as error:
            raise DeliveryError(f"{self}: the association ended while sending") from error
        except ValueError as error:
            raise DeliveryError(f"{self} no longer takes what it took a moment ago") from error
        code = status.get("Status")
        if code is None:
            raise NoAnswer(f"{self} didn't answer in {self.timeout_s:g} s or hung up")
        follows = what_follows(code)
        if follows is not Follows.CONFIRMED:
            raise DeliveryError(
                f"{self} refused {parcel.sop_instance_uid} with {_shown(code)}",
                permanent=follows is Follows.REFUSED,
            )

    @contextmanager
    def _associated(self, contexts: list[PresentationContext]) -> Iterator[Association]:
        ae = AE(self.calling_ae_title)
        ae.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
        ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = self.timeout_s
        ae.connection_timeout = min(self.timeout_s, _LONGEST_CONNECT_S)
        try:
            assoc = ae.associate(
                self.host,
                self.port,
                contexts,
                self.ae_title,
                max_pdu=self.max_pdu_bytes,
                evt_handlers=[(evt.EVT_CONN_OPEN, _no_delay), (evt.EVT_CONN_OPEN, keep_answers)],
            )
        except OSError as error:
            # A name that can't be looked up; DNS may be back in a minute.
            raise DeliveryError(f"can't find {self}: check its host ({error.strerror})") from error
        if not assoc.is_established:
            raise DeliveryError(self._why_not(assoc))
        try:
            yield assoc
            assoc.release()
        finally:
            if assoc.is_established:
                assoc.abort()

    def _why_not(self, assoc: Association) -> str:
        if assoc.is_rejected:
            return (
                f"{self} rejected the association: is {self.calling_ae_title!r} a known AE there, "
                f"and {self.ae_title!r} its title?"
            )
        if assoc.acceptor.primitive is not None:
            return f"{self} took no presentation context of ours"
        return f"no answer from {self}: is it running, and are host and port right?"


def _no_delay(event: evt.Event) -> None:
    """Small PDVs must not wait for acknowledgements (Nagle)."""
    transport = event.assoc.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _taken(assoc: Association, sop_class_uid: UID) -> frozenset[UID]:
    """Transfer syntaxes that the peer accepted for a SOP class."""
    return frozenset(
        context.transfer_syntax[0]
        for context in assoc.accepted_contexts
        if context.abstract_syntax == sop_class_uid
    )


def _batches(
    parcels: Sequence[Parcel], compress: Sequence[str], refusals: Refusals
) -> Iterator[list[tuple[Parcel, Offer]]]:
    """Runs of parcels that need at most 128 presentation contexts."""
    batch: list[tuple[Parcel, Offer]] = []
    contexts: set[tuple[UID, UID]] = set()
    for parcel in parcels:
        offered = None
        with refusals:
            offered = offer(parcel, compress)
        if offered is None:
            continue
        if len(contexts.union(offered.contexts)) > _MOST_CONTEXTS:
            yield batch
            batch, contexts = [], set()
        contexts.update(offered.contexts)
        batch.append((parcel, offered))
    if batch:
        yield batch


def _shown(code: int | None) -> str:
    return "no status" if code is None else f"status 0x{code:04X}"
