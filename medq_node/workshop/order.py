"""What the pipeline asks of a killable child, and what the child answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines.base import DEFAULT_OPTIONS, EngineOptions
from engines.quality import Verdict
from engines.steering import NO_OPTIONS, Options
from medq_node.objects import (
    CertifySettings,
    Form,
    GateLimits,
    GateVerdict,
    OutputObject,
    OutputReference,
)
from medq_node.outputs.content import ActionTaken
from medq_node.restoring import effective_action


@dataclass(frozen=True, slots=True)
class Wanted:
    """The engine asked for, how it is run, and which one works in its place where it can't.

    ``given_up`` says why the engine isn't to be tried on this series any more.
    """

    name: str
    options: EngineOptions = DEFAULT_OPTIONS
    fallback: str | None = None
    given_up: str | None = None


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """All that a killable child needs to know of one revision.

    ``restore`` is ``never``, ``when_needed`` or ``always``; ``options`` say what and how strongly,
    and ``rule`` is the name of the rule that asks for both; ``folder`` is where the finished
    outputs will lie; while being made they lie beside it, ending in ``.part``. ``report`` is
    False where one note for the whole study will speak of this series. ``superseded`` are the
    outputs of the revision that this one replaces; with ``retire`` a key object retires them.
    ``forms`` are those in which the note is wanted somewhere.
    """

    paths: tuple[Path, ...]
    folder: Path
    engine: Wanted
    restore: str
    node_uid: str
    station_name: str
    institution_name: str | None
    revision: int
    created_at: str
    slab_slices: int
    limits: GateLimits
    judging: CertifySettings
    report: bool = True
    superseded: tuple[OutputReference, ...] = ()
    retire: bool = False
    rule: str = ""
    options: Options = NO_OPTIONS
    forms: tuple[Form, ...] = (Form.SR,)

    @property
    def action(self) -> str:
        """What decides the result besides the engine, as outputs name it."""
        return effective_action(self.restore, self.options)


@dataclass(frozen=True, slots=True)
class WorkResult:
    """What a child made of one revision; it is also kept as ``result.json`` beside the objects.

    ``overridden`` are the sentences on what the rule's options changed of the engine's words;
    ``alarms`` those on an engine that can't be used or trusted;
    ``stages`` are durations in seconds; paths are relative to the folder of the outputs.
    """

    engine: str
    engine_version: str
    engine_digest: str
    verdict: Verdict
    sentence_before: str
    sentence_after: str | None
    taken: ActionTaken
    reasons: tuple[str, ...]
    gate: GateVerdict | None
    outputs: tuple[OutputObject, ...]
    page: Path | None
    stages: dict[str, float]
    overridden: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
