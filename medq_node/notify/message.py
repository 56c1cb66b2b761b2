"""What people are told of a rejected series: enough to find it at the scanner, nobody's data.

It holds no name, no number of a patient, no description and no UID, which PS3.15 E counts among
what identifies. Of the header it takes the modality alone, and only where that is a known word.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime

from engines.quality import Modality
from medq_node.provenance import MANUFACTURER, RESEARCH_LABEL
from medq_node.store.tables import Notice

ADVICE = "Look at the series; consider repeating the scan while the patient is there."

_NAMESPACE = uuid.UUID("fd2a94b0-6538-44f8-a607-5eeff0b9ed04")
_UNSAFE = re.compile(r"[^A-Za-z0-9 ._-]")
"""An AE title comes over the network; in a chat ``<!channel>`` or ``@all`` would call everybody."""


@dataclass(frozen=True, slots=True)
class Message:
    """One notice, ready to be told.

    ``id`` is the same however often the notice is sent, and no other notice has it. ``scanner`` is
    the calling AE title; ``revision`` counts the times the series was found complete, from 1;
    ``completed_at`` is when; ``quality`` is the sentence of the assessment.
    """

    id: str
    node: str
    scanner: str
    modality: str
    images: int
    revision: int
    completed_at: datetime
    verdict: str
    quality: str
    series: int
    noticed_at: datetime

    @property
    def handle(self) -> str:
        """By which the series is named on the node's command line."""
        return f"series-{self.series}"

    @property
    def command(self) -> str:
        """What shows the series, on the node's own machine."""
        return f"medq-node outputs preview {self.handle}"

    @property
    def subject(self) -> str:
        """The message in one line."""
        series = f"{self.modality} series from {self.scanner}"
        return f"{RESEARCH_LABEL}: verdict {self.verdict}, {series}"

    @property
    def text(self) -> str:
        """The message as people read it, in plain ASCII."""
        late = f" (with late images: version {self.revision})" if self.revision > 1 else ""
        images = "1 image" if self.images == 1 else f"{self.images} images"
        return "\n".join(
            (
                f"{self.subject}, {images}, complete at {self._completed}{late}.",
                ADVICE,
                f"Quality: {self.quality}",
                f"To see it, on the node: {self.command}",
                f"{MANUFACTURER}, AE {self.node}. Research use only. Not for diagnostic use.",
            )
        )

    def as_json(self) -> dict[str, str | int]:
        """The body of a webhook's POST; ``text`` is what chat servers show."""
        return {
            "id": self.id,
            "event": "series rejected",
            "product": MANUFACTURER,
            "label": RESEARCH_LABEL,
            "node": self.node,
            "scanner": self.scanner,
            "modality": self.modality,
            "images": self.images,
            "revision": self.revision,
            "completed_at": self._completed,
            "verdict": self.verdict,
            "quality": self.quality,
            "advice": ADVICE,
            "handle": self.handle,
            "command": self.command,
            "text": self.text,
        }

    @property
    def _completed(self) -> str:
        """ISO 8601 with the offset of this machine's time zone: clocks on walls show that."""
        return self.completed_at.astimezone().isoformat(timespec="seconds")


def message_of(notice: Notice, node_uid: str, node_ae_title: str) -> Message:
    """What ``notice`` says; its session is open."""
    revision = notice.revision
    assessment = revision.assessment
    assert assessment is not None
    return Message(
        # The node's UID tells the notices of two nodes apart, and can't be had back from this.
        id=str(uuid.uuid5(_NAMESPACE, f"{node_uid}/{notice.key}")),
        node=_safe(node_ae_title),
        scanner=_safe(revision.series.calling_ae_title),
        modality=_known(revision.series.modality),
        images=revision.images,
        revision=revision.number,
        completed_at=revision.created_at,
        verdict=assessment.verdict,
        quality=assessment.sentence_before,
        series=revision.id,
        noticed_at=notice.created_at,
    )


def _safe(ae_title: str | None) -> str:
    return _UNSAFE.sub("?", (ae_title or "").strip())[:16] or "an unnamed AE"


def _known(modality: str | None) -> str:
    """A malformed header may hold anything in the modality's place."""
    return next((known.value for known in Modality if known == modality), "unknown")
