"""What a quality report says to whoever opens it: frozen data objects, nothing that names a person.

They are filled from the DICOM object alone (``preview_parse``): what is shown is what was sent.
All text is printable; whatever could move a terminal's cursor has become a space.
"""

from __future__ import annotations

from dataclasses import dataclass


def series_letter(place: int) -> str:
    """``A`` for the first series of the evidence; a number would pass for its Series Number."""
    letters = ""
    while place > 0:
        place, letter = divmod(place - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


@dataclass(frozen=True, slots=True)
class Item:
    """A content item, generically: its name, its value, how deep it lies below what it is about."""

    depth: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A series that the report is about, and how many of its objects stand in the evidence."""

    series_instance_uid: str
    kind: str
    objects: int


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image that the report points at.

    ``series`` is the place of its series among the evidence and ``slice`` its own place there, of
    ``slices``; all count from 1 and are None for an image that the evidence doesn't list.
    """

    sop_instance_uid: str
    series: int | None = None
    slice: int | None = None
    slices: int | None = None
    frames: tuple[int, ...] = ()

    def words(self, series: int) -> str:
        """Such as ``slice 3 of 40``; the series is named where the report has several."""
        if self.slice is None:
            text = f"image {self.sop_instance_uid}"
        else:
            text = f"slice {self.slice} of {self.slices}"
            if series > 1 and self.series is not None:
                text += f" in series {series_letter(self.series)}"
        if self.frames:
            text += f", frame {', '.join(map(str, self.frames))}"
        return text


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A coded answer, such as the severity of a degradation, and where it was seen."""

    name: str
    value: str
    images: tuple[ImageReference, ...] = ()
    details: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    """A measured number as it was written, in ``unit``, and where it was measured."""

    name: str
    value: str
    unit: str
    images: tuple[ImageReference, ...] = ()
    details: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A measurement group (TID 1501): ``heading`` is its tracking identifier.

    ``about`` is what was looked at, and where in the body; ``section`` the containers around it;
    ``further`` all that has no place of its own here.
    """

    heading: str
    section: str
    tracking_uid: str
    about: str
    sentences: tuple[str, ...]
    evaluations: tuple[Evaluation, ...]
    numbers: tuple[Number, ...]
    images: tuple[ImageReference, ...]
    algorithm: tuple[Item, ...]
    further: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class ReportSeen:
    """A whole report. ``flags`` are its standing, such as ``preliminary``, ``unverified``.

    ``written`` is its content date and time; ``replaces`` are SOP Instance UIDs of reports.
    """

    title: str
    description: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    written: str
    language: str
    flags: tuple[str, ...]
    observer: tuple[Item, ...]
    procedure: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    replaces: tuple[str, ...]
    groups: tuple[Group, ...]
    image_library: tuple[Item, ...]
    further: tuple[Item, ...]

    @property
    def algorithm(self) -> str:
        """The algorithm, where it is the same for every group; else empty."""
        said = {algorithm_words(group) for group in self.groups}
        return said.pop() if len(said) == 1 else ""

    def where(self, images: tuple[ImageReference, ...]) -> str:
        """``images`` in words."""
        return "; ".join(image.words(len(self.evidence)) for image in images)


def algorithm_words(group: Group) -> str:
    """Name, version, parameters and what else is said of a group's algorithm."""
    return ", ".join(item.value for item in group.algorithm)
