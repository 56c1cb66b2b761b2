"""What is negotiated: SOP classes, transfer syntaxes, limits, rejections."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import _STORAGE_CLASSES

from medq_node import worker
from medq_node.config import DicomDestination, ReceiverSettings
from medq_node.delivery import dicom
from medq_node.delivery.offers import COMPRESSIONS, offer
from medq_node.delivery.parcel import Parcel
from medq_node.pixels.images import ENHANCED
from medq_node.provenance import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from medq_node.receiver import settings
from medq_node.receiver.access import Refusal
from medq_node.receiver.contexts import RETIRED_STORAGE_CLASSES, VERIFICATION, supported_contexts
from tests.statement.attributes import account_of
from tests.statement.markdown import table
from tests.statement.writers import WRITTEN

_SYNTAXES = {
    "Storage": [c for c in supported_contexts() if str(c.abstract_syntax) != VERIFICATION],
    "Verification": [c for c in supported_contexts() if str(c.abstract_syntax) == VERIFICATION],
}


_ENHANCED = [(sop_class_uid, str(ExplicitVRLittleEndian)) for sop_class_uid in ENHANCED]
"""An enhanced object is made of one of the same kind."""
_LIST = "[list](#accepted-sop-classes)"


def services() -> str:
    """Storage as the overview tells it: each SOP class, as SCU and as SCP."""
    ours = dict.fromkeys(sop_class_uid for sop_class_uid, _ in _made())
    taken = {str(c.abstract_syntax) for c in _SYNTAXES["Storage"]}
    rows = [(UID(u).name, u, "yes", "yes" if u in taken else "no") for u in ours]
    others = len(taken - ours.keys())
    rows.append((f"{others} other storage SOP classes", _LIST, "as received", "yes"))
    rows.append(("Verification", VERIFICATION, "yes", "yes"))
    return table(("SOP class", "UID", "as SCU", "as SCP"), rows)


def accepted_sop_classes() -> str:
    """Every SOP class that the receiver accepts, alphabetically by name."""
    rows = [
        (name_of(str(c.abstract_syntax)), c.abstract_syntax)
        for contexts in _SYNTAXES.values()
        for c in contexts
    ]
    return table(("SOP class", "UID"), sorted(rows))


def accepted_syntaxes() -> str:
    """Transfer syntaxes in the order of our choice, and for which service."""
    sets = {
        service: [tuple(map(str, c.transfer_syntax)) for c in contexts]
        for service, contexts in _SYNTAXES.items()
    }
    assert all(len(set(of)) == 1 for of in sets.values()), "a service has one list of syntaxes"
    every = dict.fromkeys(s for of in sets.values() for s in of[0])
    rows = [
        (UID(s).name, s, ", ".join(name for name, of in sets.items() if s in of[0])) for s in every
    ]
    return table(("transfer syntax", "UID", "of"), rows)


def created() -> str:
    """What the node writes, with the SOP class and encoding of each."""
    told = [(w.title, account_of(w)) for w in WRITTEN]
    made = [(t, a.sop_class_uid, a.transfer_syntax_uid) for t, a in told]
    made += [("Restored frames", *pair) for pair in _ENHANCED]
    return table(
        ("object", "SOP class", "UID", "transfer syntax"),
        ((title, UID(sop).name, sop, UID(syntax).name) for title, sop, syntax in made),
    )


def proposed() -> str:
    """Contexts of what the node makes itself, in the order in which one is used."""
    rows: dict[tuple[str, ...], None] = {}
    with tempfile.TemporaryDirectory() as name:
        for account in map(account_of, WRITTEN):
            path = Path(name) / "object.dcm"
            account.full.save_as(path)
            parcel = Parcel(path, "", PurePosixPath("object.dcm"), sha256="ours")
            uid = account.sop_class_uid
            plain, small = offer(parcel).syntaxes, offer(parcel, list(COMPRESSIONS)).syntaxes
            rows[(UID(uid).name, uid, "", _listed(plain))] = None
            if small != plain:
                rows[(UID(uid).name, uid, "`compress` names all", _listed(small))] = None
    rows[("each original", "as received", "", "as received; what is decoded here also plain")] = (
        None
    )
    rows[
        ("Verification", VERIFICATION, "", _listed(build_context(VERIFICATION).transfer_syntax))
    ] = None
    return table(("SOP class", "UID", "where", "transfer syntaxes, best first"), rows)


def _listed(syntaxes: Iterable[str]) -> str:
    return "; ".join(f"{UID(s).name} ({s})" for s in syntaxes)


def _made() -> list[tuple[str, str]]:
    """SOP class and transfer syntax of everything that the node writes."""
    classic = [(a.sop_class_uid, a.transfer_syntax_uid) for a in map(account_of, WRITTEN)]
    return [*classic, *_ENHANCED]


def acceptor_limits() -> str:
    """What the receiver holds a caller to."""
    default = ReceiverSettings()
    fixed = {field.name: field for field in dataclasses.fields(settings.ReceiverSettings)}
    return table(
        ("", "setting", "default"),
        (
            ("Receiving processes that share the port", "`receiver.processes`", default.processes),
            (
                "Associations at a time, in each process",
                "`receiver.maximum_associations`",
                default.maximum_associations,
            ),
            ("Largest PDU received", "`receiver.max_pdu_bytes`", f"{default.max_pdu_bytes} bytes"),
            ("Silence before an abort", "`receiver.timeout_s`", f"{default.timeout_s:g} s"),
            ("Wait for an association request", "none", f"{fixed['acse_timeout_s'].default:g} s"),
            ("Time to finish at a stop", "none", f"{fixed['drain_timeout_s'].default:g} s"),
            ("Outstanding asynchronous transactions", "none", "1"),
        ),
    )


def initiator_limits() -> str:
    """What delivery holds itself to, for each destination."""
    fields = DicomDestination.model_fields
    return table(
        ("", "setting", "default"),
        (
            ("Associations at a time, to each destination", "none", worker._DELIVERIES_AT_ONCE),
            ("Presentation contexts of an association, at most", "none", dicom._MOST_CONTEXTS),
            ("Largest PDU received", "`max_pdu_bytes`", f"{fields['max_pdu_bytes'].default} bytes"),
            ("Wait for an answer", "`timeout_s`", f"{fields['timeout_s'].default:g} s"),
            (
                "Wait for a connection, at most",
                "`timeout_s` where it is less",
                f"{dicom._LONGEST_CONNECT_S:g} s",
            ),
            ("Outstanding asynchronous transactions", "none", "1"),
        ),
    )


def implementation() -> str:
    """How the node names itself."""
    return table(
        ("", ""),
        (
            ("Implementation Class UID", IMPLEMENTATION_CLASS_UID),
            ("Implementation Version Name", IMPLEMENTATION_VERSION_NAME),
        ),
    )


_WHY = {
    Refusal.CALLING_AE_TITLE_NOT_RECOGNIZED: (
        "no entry of `receiver.callers` has this AE title at this address"
    ),
    Refusal.CALLED_AE_TITLE_NOT_RECOGNIZED: (
        "`receiver.called_ae_titles` lists titles, and not this one"
    ),
}


def rejections() -> str:
    """A-ASSOCIATE-RJ as the receiver sends it (PS3.8 table 9-21)."""
    rows = [
        (
            "1 rejected permanent",
            "1 service user",
            f"{reason.value} {reason.name.lower().replace('_', ' ').replace('ae', 'AE')}",
            _WHY[reason],
        )
        for reason in Refusal
    ]
    rows.append(
        (
            "2 rejected transient",
            "3 service provider (presentation)",
            "2 local limit exceeded",
            "`receiver.maximum_associations` are open in this process",
        )
    )
    return table(("result", "source", "reason", "when"), rows)


def name_of(sop_class_uid: str) -> str:
    """Name in PS3.6; where pydicom has none, the keyword in words."""
    name = UID(sop_class_uid).name
    if name != sop_class_uid:
        return f"{name} (Retired)" if sop_class_uid in RETIRED_STORAGE_CLASSES else name
    keywords = {uid: keyword for keyword, uid in _STORAGE_CLASSES.items()}
    keyword = keywords[sop_class_uid]
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z]|$)|[A-Z][a-z]+|\d+D?", keyword)
    return " ".join(words)
