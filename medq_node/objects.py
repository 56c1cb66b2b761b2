"""The frozen data objects that flow between the parts of the node, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class OutputKind(StrEnum):
    """What we make of a series."""

    RESTORED = "restored"
    REPORT = "report"
    TEXT = "text report"
    PAGE = "page"
    PDF = "pdf"
    QUALITY_ISSUE = "quality issue"
    KEY_OBJECT = "key object"
    """Retires what we made before; ``QUALITY_ISSUE`` is a key object too, and points at originals.
    """


class Form(StrEnum):
    """A form of the quality note that a destination may ask for."""

    SR = "sr"
    TEXT = "text"
    PAGE = "page"
    PDF = "pdf"
    KEY = "key"

    @property
    def kind(self) -> OutputKind:
        """What is made where this form is asked for."""
        return _KINDS[self]


_KINDS = {
    Form.SR: OutputKind.REPORT,
    Form.TEXT: OutputKind.TEXT,
    Form.PAGE: OutputKind.PAGE,
    Form.PDF: OutputKind.PDF,
    Form.KEY: OutputKind.QUALITY_ISSUE,
}

NOTES = frozenset(_KINDS.values())
"""Kinds of objects that are the quality note, in one form or another."""


@dataclass(frozen=True, slots=True)
class OutputIdentity:
    """Everything that decides the UIDs and the provenance text of what we make of one revision.

    ``node_uid`` identifies this installation; ``created_at`` is the revision row's time in ISO
    8601 with UTC offset, so that a second try writes the same bytes.
    """

    node_uid: str
    revision: int
    engine_name: str
    engine_version: str
    engine_digest: str
    action: str
    created_at: str
    station_name: str
    institution_name: str | None = None


@dataclass(frozen=True, slots=True)
class OutputObject:
    """One object that we made, as it lies on disk."""

    kind: OutputKind
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class OutputReference:
    """An object that we made and sent earlier, in the study of what refers to it."""

    kind: OutputKind
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class CertifySettings:
    """How outputs are judged before they leave.

    ``judges`` names programs of others, of which those that are installed are asked;
    ``judged_images`` is how many restored images of a series the programs look at,
    spread evenly; ``timeout_s`` is for one program on one object, in seconds.
    """

    judges: tuple[str, ...] = ("dciodvfy", "DicomSRValidator")
    judged_images: int = 3
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class GateLimits:
    """How much a restoration may change. In brackets: the largest seen on real series.

    - ``bias_hu``: mean change of flat lung, fat, soft tissue or bone in CT, in the series and in
      every slice; at least ``bias_noise_levels`` of the noise there, as less can't be told.
    - ``bias_percent``: the same for flat tissue and the whole image in MR, the whole image in PET.
    - ``bias_percent_pet_flat``: flat tissue in PET, where few voxels lie far from hot ones. (Total
      variation at half a noise level 4.3.)
    - ``bias_area_mm2``: smaller flat regions don't count.
    - ``edge_noise_levels``: RMS change at edges in noise levels. (Total variation at one noise
      level 1.4, in PET 1.7; a Gaussian blur of 4 pixels at least 3.7.)
    - ``structure_noise_levels``: RMS change at the strongest edges that the image's own Laplacian
      and derivatives explain. (Total variation at one noise level 0.78, soft wavelet shrinkage
      1.02; a Gaussian blur of 1 pixel at least 1.26, a shift by half a pixel at least 1.50.)
    - ``local_change_share``, ``local_change_share_pet``: largest mean change under a 3 mm Gaussian,
      as a share of the source's local standard deviation. (Total variation at one noise level 0.31,
      PET 0.75, as a voxel is as large as the Gaussian; a lesion of 8 mm and +60 HU at least 0.7.)
    - ``organ_change_share_pet``: the same in PET under a 12 mm Gaussian. (Total variation at one
      noise level 0.15; a region of 40 mm and +10 % 0.13 to 0.50.)
    - ``local_change_hu``: the same in HU, for noisy CT where the share is small. (Total variation
      at one noise level 9; a lesion of 8 mm and +60 HU at least 32.)
    - ``range_margin_percent``: how far values may leave the range of the source slice, in percent
      of that range.
    """

    bias_hu: float = 1.0
    bias_noise_levels: float = 0.05
    bias_percent: float = 1.0
    bias_percent_pet_flat: float = 5.0
    bias_area_mm2: float = 400.0
    edge_noise_levels: float = 2.0
    structure_noise_levels: float = 1.2
    local_change_share: float = 0.4
    local_change_share_pet: float = 1.0
    organ_change_share_pet: float = 0.18
    local_change_hu: float = 25.0
    range_margin_percent: float = 1.0


@dataclass(frozen=True, slots=True)
class GateMeasure:
    """One measured property of a restored series against its limit; ``limit`` in ``unit``."""

    name: str
    value: float
    limit: float
    unit: str
    passed: bool


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What the do-no-harm gate says of a restored series."""

    passed: bool
    measures: tuple[GateMeasure, ...]
    reasons: tuple[str, ...]
