"""What the pipeline asks of a killable child, and what the child answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

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

RESTORED_FOLDER = "restored"
"""Restored instances are counted here while they are made: that is the progress."""


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
class StackResult:
    """What a child made of one stack of a series; ``label`` tells it from the others.

    ``overridden`` are the sentences on what the rule's options changed of the engine's words.
    """

    verdict: Verdict
    sentence_before: str
    sentence_after: str | None
    taken: ActionTaken
    reasons: tuple[str, ...]
    gate: GateVerdict | None
    overridden: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class WorkResult:
    """What a child made of one revision; it is also kept as ``result.json`` beside the objects.

    ``stacks`` are those of the series, at least one. ``alarms`` are sentences on an engine that
    can't be used or trusted, ``left_out`` those on objects that no stack holds; ``stages`` are
    durations in seconds; paths are relative to the folder of the outputs.
    """

    engine: str
    engine_version: str
    engine_digest: str
    stacks: tuple[StackResult, ...]
    outputs: tuple[OutputObject, ...]
    page: Path | None
    stages: dict[str, float]
    alarms: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of any stack."""
        return max((stack.verdict for stack in self.stacks), key=lambda verdict: verdict.rank)

    @property
    def taken(self) -> ActionTaken:
        """What was done; where that differs between stacks, what people have to know first."""
        taken = {stack.taken for stack in self.stacks}
        return next(action for action in _TOLD_FIRST if action in taken)

    @property
    def sentence_before(self) -> str:
        """What is said of the series as it came, a line for each stack."""
        return "\n".join(_labelled(stack, stack.sentence_before) for stack in self.stacks)

    @property
    def sentence_after(self) -> str | None:
        """The same of what was restored, ``None`` where nothing was."""
        said = [
            _labelled(stack, stack.sentence_after) for stack in self.stacks if stack.sentence_after
        ]
        return "\n".join(said) or None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it was done, or not; each once."""
        said = (_labelled(stack, reason) for stack in self.stacks for reason in stack.reasons)
        return (*dict.fromkeys(said), *self.left_out)

    @property
    def overridden(self) -> tuple[str, ...]:
        """The sentences of all stacks, each once."""
        return tuple(dict.fromkeys(s for stack in self.stacks for s in stack.overridden))

    @property
    def gate(self) -> GateVerdict | None:
        """What the do-no-harm gate said: the first refusal, else the first verdict."""
        verdicts = [stack.gate for stack in self.stacks if stack.gate is not None]
        return next((v for v in verdicts if not v.passed), verdicts[0] if verdicts else None)


_TOLD_FIRST: Final = (
    ActionTaken.RESTORED,
    ActionTaken.WITHHELD,
    ActionTaken.REFUSED,
    ActionTaken.UNFIT,
    ActionTaken.UNMENDABLE,
    ActionTaken.ASSESSED_ONLY,
    ActionTaken.UNCHANGED,
)


def _labelled(stack: StackResult, words: str) -> str:
    return f"{stack.label}: {words}" if stack.label else words


@dataclass(frozen=True, slots=True)
class StudySeries:
    """One series of the study: its images, its finished outputs, and what named them.

    ``images`` is how many there were when its outputs were made.
    """

    revision_id: int
    series_id: int
    paths: tuple[Path, ...]
    folder: Path
    revision: int
    action: str
    created_at: str
    images: int

    def is_here(self) -> bool:
        """Whether it can still be spoken of.

        Retention may have removed a series that is long done, a correction replaced some images.
        """
        whole = len(self.paths) == self.images and self.folder.exists()
        return whole and all(path.exists() for path in self.paths)


@dataclass(frozen=True, slots=True)
class StudyOrder:
    """All that a killable child needs to know of one note on a study; see ``WorkOrder``."""

    series: tuple[StudySeries, ...]
    folder: Path
    node_uid: str
    station_name: str
    institution_name: str | None
    number: int
    created_at: str
    judging: CertifySettings
    superseded: tuple[OutputReference, ...] = ()
    retire: bool = False
    forms: tuple[Form, ...] = (Form.SR,)
