"""Does a restored series lie where its source lies, in the same units and the same format?"""

from __future__ import annotations

import math

from medq_node.pixels.series import SeriesStack


def geometry_mismatches(source: SeriesStack, restored: SeriesStack) -> list[str]:
    """Where place, units or stored format differ, in sentences without full stop."""
    if len(source.instances) != len(restored.instances):
        return [
            f"The restored series has {len(restored.instances)} slices where the source has"
            f" {len(source.instances)}"
        ]
    compared = {
        "rows": "Rows",
        "columns": "Columns",
        "position_mm": "Image Position",
        "orientation": "Image Orientation",
        "pixel_spacing_mm": "Pixel Spacing",
        "frame_of_reference_uid": "Frame of Reference UID",
        "unit": "unit",
        "rescale_slope": "Rescale Slope",
        "rescale_intercept": "Rescale Intercept",
        "bits_stored": "Bits Stored",
        "is_signed": "Pixel Representation",
        "padding": "Pixel Padding Value",
    }
    return [
        f"Slice {number}: {words} differs from the source"
        for number, (ours, theirs) in enumerate(
            zip(restored.instances, source.instances, strict=True), start=1
        )
        for name, words in compared.items()
        if not _same(getattr(ours, name), getattr(theirs, name))
        and not (name == "frame_of_reference_uid" and not theirs.frame_of_reference_uid)
    ]


def _same(ours: object, theirs: object) -> bool:
    """Equal; numbers to seven digits, as decimal strings beyond 16 characters get shortened."""
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs):
        return all(_same(a, b) for a, b in zip(ours, theirs, strict=True))
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-7, abs_tol=1e-12)
    return ours == theirs
