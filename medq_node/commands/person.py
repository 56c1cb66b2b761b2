"""Who decides and why: the options of every command by which a person says something."""

from __future__ import annotations

import os
import pwd
from typing import Annotated

import typer

_LONGEST_TEXT = 500
_LONGEST_NAME = 64


def one_line_of_text(text: str | None) -> str | None:
    """``text`` without spaces around it.

    Raises:
        typer.BadParameter: it is empty, too long, or not one printable line.
    """
    return None if text is None else _printable(text, _LONGEST_TEXT)


def person(name: str | None) -> str:
    """``name``, or the user of the operating system that runs this process.

    Raises:
        typer.BadParameter: it is empty, too long, or not one printable line.
    """
    if name is not None:
        return _printable(name, _LONGEST_NAME)
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def _printable(text: str, longest: int) -> str:
    text = text.strip()
    if not text:
        raise typer.BadParameter("it is empty")
    if len(text) > longest:
        raise typer.BadParameter(f"it has {len(text)} characters; {longest} are allowed")
    if not text.isprintable():
        raise typer.BadParameter("it must be one line of printable characters")
    return text


ByOption = Annotated[
    str | None,
    typer.Option("--by", help="Who decides; by default the user of this terminal."),
]
ReasonOption = Annotated[
    str,
    typer.Option(
        "--reason",
        callback=one_line_of_text,
        help="Why, in one line. It is kept for good: never name a patient in it.",
    ),
]
