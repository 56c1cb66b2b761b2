"""What the pipeline asks of a killable child, and what the child answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medq_node.objects import GateLimits, GateVerdict, OutputObject
from medq_node.outputs.content import ActionTaken


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """All that a killable child needs to know of one revision.

    ``restore`` is ``never``, ``when_needed`` or ``always``; ``folder`` is where the finished
    outputs will lie; while being made they lie beside it, ending in ``.part``. ``predecessor`` is
    (Series, SOP Instance UID) of the report that this revision's report supersedes.
    """

    paths: tuple[Path, ...]
    folder: Path
    engine: str
    restore: str
    node_uid: str
    station_name: str
    institution_name: str | None
    revision: int
    created_at: str
    slab_slices: int
    limits: GateLimits
    predecessor: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class WorkResult:
    """What a child made of one revision; it is also kept as ``result.json`` beside the objects.

    ``stages`` are durations in seconds; paths are relative to the folder of the outputs.
    """

    engine: str
    engine_version: str
    engine_digest: str
    sentence_before: str
    sentence_after: str | None
    taken: ActionTaken
    reasons: tuple[str, ...]
    gate: GateVerdict | None
    outputs: tuple[OutputObject, ...]
    page: Path | None
    stages: dict[str, float]
