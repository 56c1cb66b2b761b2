"""Kinds of images that are not assessed, or never restored, and why.

Told by Image Type (C.7.6.1.1.2, C.8.2.1.1.1, C.8.3.1.1.1, C.8.16.1), and where scanners don't tell
there, by what they write into descriptions.
"""

from __future__ import annotations

import re
from typing import Final

from medq_node.errors import UnsuitedKind
from medq_node.pixels.header import Attributes, integer, text, texts

_LOCALIZERS: Final = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM"})
_CAPTURES: Final = frozenset({"SCREEN SAVE", "SCREENSHOT", "DOSE_INFO", "DOSE REPORT"})
_MAPS: Final = {
    "ADC": "maps of diffusion",
    "EADC": "maps of diffusion",
    "FA": "maps of diffusion",
    "RA": "maps of diffusion",
    "TENSOR": "maps of diffusion",
    "TENSOR_B0": "maps of diffusion",
    "CBF": "maps of perfusion",
    "CBV": "maps of perfusion",
    "MTT": "maps of perfusion",
    "TTP": "maps of perfusion",
    "TMAX": "maps of perfusion",
    "RCBF": "maps of perfusion",
    "RCBV": "maps of perfusion",
    "RELCBF": "maps of perfusion",
    "RELCBV": "maps of perfusion",
    "RELMTT": "maps of perfusion",
    "T1 MAP": "maps of relaxation",
    "T2 MAP": "maps of relaxation",
    "T2_STAR MAP": "maps of relaxation",
    "T2 STAR MAP": "maps of relaxation",
    "B0 MAP": "maps of the field",
    "P": "phase images",
    "PHASE": "phase images",
    "PHASE MAP": "phase images",
    "R": "real parts",
    "REAL": "real parts",
    "I": "imaginary parts",
    "IMAGINARY": "imaginary parts",
    "VELOCITY": "maps of velocity",
    "MIP": "projections",
    "MAX_IP": "projections",
    "MIN_IP": "projections",
    "MINIP": "projections",
    "PROJECTION IMAGE": "projections",
    "VOLUME_RENDER": "renderings",
    "VRT": "renderings",
    "SURFACE_RENDER": "renderings",
    "SSD": "renderings",
}
"""Value 3 and further of Image Type, or Complex Image Component -> what such images are."""
_REFORMATTED: Final = frozenset({"MPR", "CPR", "REFORMATTED", "CURVED_MPR", "MULTIPLANAR"})
"""Of derived images alone: GE writes ORIGINAL\\PRIMARY\\MPR into what it has just measured."""
_PLANNED: Final = re.compile(
    r"(?<![a-z])(t[12])?(loc|locali[sz]ers?|scouts?|survey|surview|topogram|scanogram)(?![a-z])",
    re.IGNORECASE,
)


def refuse_unsuited_kinds(attributes: Attributes, uid: str) -> None:
    """Let only images pass that were measured, or computed of such.

    ``attributes`` are those of an image or of one frame of an object.

    Raises:
        UnsuitedKind: a colour image, a localizer, a mosaic, a screen capture or an image with
            burned-in text; says which.
    """
    samples = integer(attributes, "SamplesPerPixel")
    photometric = text(attributes, "PhotometricInterpretation")
    if (samples or 1) > 1 or (photometric and not photometric.startswith("MONOCHROME")):
        raise UnsuitedKind(f"image {uid} is a colour image ({photometric or samples})")
    image_type = set(_upper(attributes))
    if _LOCALIZERS & image_type or _is_planned_from(attributes):
        raise UnsuitedKind(f"image {uid} is a localizer, which isn't assessed")
    if "MOSAIC" in image_type:
        raise UnsuitedKind(f"image {uid} is a mosaic of slices, which isn't supported")
    if _CAPTURES & image_type:
        raise UnsuitedKind(f"image {uid} is a screen capture, not an acquired image")
    if text(attributes, "BurnedInAnnotation").upper() == "YES":
        raise UnsuitedKind(f"image {uid} has text burned into it (Burned In Annotation)")


def why_never_restored(attributes: Attributes) -> str:
    """What the image is where words may be had of it and nothing else; empty of an acquired one."""
    image_type = _upper(attributes)
    further = {*image_type[2:], text(attributes, "ComplexImageComponent").upper()}
    for value in sorted(further & _MAPS.keys()):
        return f"the images are {_MAPS[value]} ({value}), not acquired ones"
    if image_type[:1] == ["DERIVED"] and (reformatted := sorted(further & _REFORMATTED)):
        return f"the images are reformatted ({reformatted[0]}), not acquired ones"
    return ""


def _upper(attributes: Attributes) -> list[str]:
    return [value.upper() for value in texts(attributes, "ImageType")]


def _is_planned_from(attributes: Attributes) -> bool:
    """MR localizers seldom say so in Image Type; their series and protocols are called so."""
    if text(attributes, "Modality") != "MR":
        return False
    called = (text(attributes, "SeriesDescription"), text(attributes, "ProtocolName"))
    return any(_PLANNED.search(words) for words in called)
