"""Small pieces of HTML that every part of the preview is made of; all of it escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from medq_node.preview.content import Item


def details(items: Sequence[Item]) -> str:
    """Content items as a list, each as deep as it lies; empty for none."""
    lines = "".join(
        f'<li style="margin-left:{min(item.depth, 8)}em">{escape(item.name)}'
        f"{': ' if item.value else ''}{marked_up(item.value)}</li>\n"
        for item in items
    )
    return f"<ul>{lines}</ul>" if lines else ""


def marked_up(text: str) -> str:
    """``text`` escaped, its lines kept."""
    return escape(text).replace("\n", "<br>")
