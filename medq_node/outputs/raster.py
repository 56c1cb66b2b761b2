"""A sheet as pixels."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from medq_node.outputs.lettering import typeface
from medq_node.outputs.sheet import WIDTH, Box, Ink, Picture, Sheet, Theme, Words


def rastered(sheet: Sheet, theme: Theme) -> Image.Image:
    """``sheet`` in the colours of ``theme``, RGB, ``WIDTH`` wide."""
    image = Image.new("RGB", (WIDTH, math.ceil(sheet.height)), theme[Ink.GROUND])
    draw = ImageDraw.Draw(image)
    for item in sheet.items:
        match item:
            case Words(x, y, words, size, ink):
                draw.text((x, y), words, font=typeface(size), fill=theme[ink], anchor="ls")
            case Box():
                _box(draw, item, theme)
            case Picture(left, top, width, height, grey):
                size_px = (max(1, round(width)), max(1, round(height)))
                shown = Image.fromarray(grey).resize(size_px, Image.Resampling.BICUBIC)
                image.paste(shown, (round(left), round(top)))
    return image


def _box(draw: ImageDraw.ImageDraw, box: Box, theme: Theme) -> None:
    corners = (round(box.left), round(box.top), round(box.right) - 1, round(box.bottom) - 1)
    corners = (*corners[:2], max(corners[0], corners[2]), max(corners[1], corners[3]))
    if box.filled:
        draw.rounded_rectangle(corners, box.radius, fill=theme[box.ink])
    else:
        draw.rounded_rectangle(corners, box.radius, outline=theme[box.ink], width=2)
