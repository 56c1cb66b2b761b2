"""A page as a list of things to draw, before anybody draws it: words, boxes, pictures.

The same sheet becomes pixels (``raster``, for a secondary capture) and a PDF (``pdf``). Lengths are
pixels of a page ``WIDTH`` wide; x grows to the right and y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from engines.quality import Severity, Verdict
from medq_node.outputs.window import Grey

WIDTH: Final = 1024
MARGIN: Final = 32

TITLE: Final = 44
LARGE: Final = 32
BODY: Final = 26
SMALL: Final = 23
"""Sizes of type: even the smallest can be read where the page is shown at half its width."""


class Ink(Enum):
    """What a colour is for; a ``Theme`` says which colour that is."""

    GROUND = auto()
    PANEL = auto()
    LINE = auto()
    TEXT = auto()
    QUIET = auto()
    LABEL = auto()
    NONE = auto()
    MILD = auto()
    MODERATE = auto()
    SEVERE = auto()


Theme = dict[Ink, tuple[int, int, int]]

DARK: Final[Theme] = {
    Ink.GROUND: (17, 20, 24),
    Ink.PANEL: (32, 37, 43),
    Ink.LINE: (62, 70, 79),
    Ink.TEXT: (236, 239, 241),
    Ink.QUIET: (164, 174, 184),
    Ink.LABEL: (255, 190, 70),
    Ink.NONE: (120, 200, 140),
    Ink.MILD: (225, 215, 120),
    Ink.MODERATE: (255, 170, 85),
    Ink.SEVERE: (255, 115, 105),
}
"""For a reading room: beside images, a white page would blind."""

LIGHT: Final[Theme] = {
    Ink.GROUND: (255, 255, 255),
    Ink.PANEL: (240, 242, 245),
    Ink.LINE: (198, 204, 211),
    Ink.TEXT: (24, 28, 33),
    Ink.QUIET: (86, 96, 106),
    Ink.LABEL: (140, 80, 0),
    Ink.NONE: (26, 115, 55),
    Ink.MILD: (128, 108, 0),
    Ink.MODERATE: (184, 88, 0),
    Ink.SEVERE: (186, 32, 24),
}
"""For paper."""

SEVERITY_INKS: Final = {
    Severity.NONE: Ink.NONE,
    Severity.MILD: Ink.MILD,
    Severity.MODERATE: Ink.MODERATE,
    Severity.SEVERE: Ink.SEVERE,
}
VERDICT_INKS: Final = {
    Verdict.GOOD: Ink.NONE,
    Verdict.USABLE: Ink.MODERATE,
    Verdict.REJECT: Ink.SEVERE,
}


@dataclass(frozen=True, slots=True)
class Words:
    """Words on one line, from ``x``; ``y`` is the line they stand on. ``size`` in pixels."""

    x: float
    y: float
    words: str
    size: int
    ink: Ink


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, filled or as an outline of 2 pixels, its corners rounded by ``radius``."""

    left: float
    top: float
    right: float
    bottom: float
    ink: Ink
    filled: bool = True
    radius: float = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """A grey image, drawn ``width`` by ``height`` pixels."""

    left: float
    top: float
    width: float
    height: float
    grey: Grey


@dataclass(slots=True)
class Sheet:
    """A page: what is on it, in the order in which it is drawn, and how high it is so far."""

    height: float = 0
    items: list[Words | Box | Picture] = field(default_factory=list)
