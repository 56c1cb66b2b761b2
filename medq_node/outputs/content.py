"""What a report has to say, before it becomes DICOM."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from engines.quality import Finding, QualityDescription, Severity
from medq_node.objects import GateVerdict, OutputIdentity, OutputReference

if TYPE_CHECKING:  # the words of a report are read where no pixels are
    from medq_node.pixels.series import SeriesStack

_REPRESENTATIVE_SLICES: Final = 5
"""At most so many slices are pointed at: readers open the worst, not all of them."""


class ActionTaken(StrEnum):
    """What the node did with a series."""

    RESTORED = "restored"  # a restored series was made and passed the gate
    ASSESSED_ONLY = "assessed only"  # not asked to restore, or not what is wrong
    REFUSED = "refused"  # a restoration was made or asked for, and is held back: reasons say why
    UNCHANGED = "unchanged"  # nothing was wrong that needs a restoration: the verdict is good
    UNMENDABLE = "unmendable"  # something was wrong, and this engine can mend nothing of it
    WITHHELD = "withheld"  # the engine failed its self-test: it is not trusted to restore
    UNFIT = "unfit"  # the verdict is reject: a clean-looking picture of it would mislead


@dataclass(frozen=True, slots=True)
class ReportContent:
    """Content of one quality report.

    ``sentence_before`` and ``sentence_after`` are what a person reads. ``after`` describes the
    restored series and is set only if there is one. ``restored_series_instance_uid`` is set when
    the restored series leaves the node: then the report may refer to its images.
    ``superseded`` are the outputs of an earlier revision that these replace: a late slice or a
    correction made a new one. ``overridden`` are whole sentences on what the rule's options changed
    of the engine's words; ``before`` stays what the engine said. ``alarms`` are whole sentences on
    an engine that could not be used or is not to be trusted, ``left_out`` those on objects of the
    series that are of no kind to be assessed.
    """

    before: QualityDescription
    sentence_before: str
    action: ActionTaken
    reasons: tuple[str, ...] = ()
    after: QualityDescription | None = None
    sentence_after: str | None = None
    gate: GateVerdict | None = None
    restored_series_instance_uid: str | None = None
    superseded: tuple[OutputReference, ...] = ()
    overridden: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportPart:
    """One stack of a series in a report; ``identity`` is that of what was restored of it."""

    source: SeriesStack
    content: ReportContent
    identity: OutputIdentity


def worst_first(description: QualityDescription) -> list[Finding]:
    """The findings, the most severe first."""
    rank = {severity: place for place, severity in enumerate(Severity)}
    return sorted(description.findings, key=lambda finding: -rank[finding.severity])


def worst_slices(description: QualityDescription, slices: int) -> list[int]:
    """0-based slices that show the findings best, worst finding first; the middle one if none."""
    findings = worst_first(description)
    wanted = [finding.worst_slice - 1 for finding in findings if finding.worst_slice is not None]
    known = [index for index in dict.fromkeys(wanted) if 0 <= index < slices]
    return known[:_REPRESENTATIVE_SLICES] or [slices // 2]
