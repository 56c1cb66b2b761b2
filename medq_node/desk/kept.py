"""Objects that can't be put into a series: read them once more, or let them go."""

from __future__ import annotations

import os
import secrets
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.desk.decided import Decided, not_waiting
from medq_node.desk.handles import Handle, Subject
from medq_node.layout import Layout, sync_folder
from medq_node.store.states import KeptKind
from medq_node.store.tables import Instance, Quarantine, utc_now

RELEASE_MEANS = "read it once more, for instance after an upgrade"
DROP_MEANS = "let it go; retention removes its file here"


def release_kept(session: Session, layout: Layout, row_id: int, reason: str) -> Decided:
    """Intake reads the object once more.

    It gets a second name in ``incoming/`` and the old one goes later, as with whatever was sent
    again: there is no moment at which the object has no name, or its name no row.
    """
    kept = _kept(session, row_id)
    before = f"kept aside: {kept.reason}"
    source = layout.absolute(kept.path)
    # Never a name that it had before: intake must not take the new try for the old one.
    target = layout.incoming / f"{source.stem.partition('~')[0]}~{secrets.token_hex(4)}.dcm"
    kept.kind = KeptKind.AGAIN
    kept.reason = "released: read once more"
    return Decided(before, "the node reads it once more now", partial(_link, source, target))


def drop_kept(session: Session, layout: Layout, row_id: int, reason: str) -> Decided:
    """The object may go."""
    kept = _kept(session, row_id)
    kept.dropped_at = utc_now()
    return Decided(f"kept aside: {kept.reason}", "retention removes its file here")


def _kept(session: Session, row_id: int) -> Quarantine:
    kept = session.get(Quarantine, row_id, with_for_update=True)
    if (
        kept is None
        or kept.dropped_at is not None
        or kept.kind not in (KeptKind.UNREADABLE, KeptKind.CLASH)
        or (kept.kind is KeptKind.CLASH and _known(session, kept))
    ):
        raise not_waiting(Handle(Subject.KEPT, row_id))
    return kept


def _known(session: Session, kept: Quarantine) -> bool:
    """Whether it clashes with an image that we know: then it waits with its series."""
    query = select(Instance.id).where(Instance.sop_instance_uid == kept.sop_instance_uid)
    return session.scalar(query) is not None


def _link(source: Path, target: Path) -> None:
    os.link(source, target)
    sync_folder(target.parent)
