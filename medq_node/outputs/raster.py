"""A sheet as pixels."""

from __future__ import annotations

import math
from typing import Final

from PIL import Image, ImageDraw

from medq_node.outputs.lettering import typeface
from medq_node.outputs.sheet import WIDTH, Box, Ink, Picture, Sheet, Theme, Words

_FINER: Final = 4


def rastered(sheet: Sheet, theme: Theme) -> Image.Image:
    """``sheet`` in the colours of ``theme``, RGB, ``WIDTH`` wide."""
    image = Image.new("RGB", (WIDTH, math.ceil(sheet.height)), theme[Ink.GROUND])
    draw = ImageDraw.Draw(image)
    for item in sheet.items:
        match item:
            case Words(x, y, words, size, ink):
                draw.text((x, y), words, font=typeface(size), fill=theme[ink], anchor="ls")
            case Box():
                _box(image, item, theme)
            case Picture(left, top, width, height, grey):
                size_px = (max(1, round(width)), max(1, round(height)))
                shown = Image.fromarray(grey).resize(size_px, Image.Resampling.BICUBIC)
                image.paste(shown, (round(left), round(top)))
    return image


def _box(image: Image.Image, box: Box, theme: Theme) -> None:
    left, top = round(box.left), round(box.top)
    size = (max(1, round(box.right) - left), max(1, round(box.bottom) - top))
    if box.filled and not box.radius:
        image.paste(theme[box.ink], (left, top, left + size[0], top + size[1]))
        return
    # Drawn large and made small: Pillow's own curves have steps.
    large = (size[0] * _FINER, size[1] * _FINER)
    mask = Image.new("L", large)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, large[0] - 1, large[1] - 1),
        box.radius * _FINER,
        fill=255 if box.filled else None,
        outline=255,
        width=2 * _FINER,
    )
    image.paste(theme[box.ink], (left, top), mask.resize(size, Image.Resampling.BOX))
