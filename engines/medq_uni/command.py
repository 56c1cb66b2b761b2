"""What commands about engines have in common: one line when it goes wrong, and lists of names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer


class WrongUse(Exception):
    """An option can't be meant; told in one line, exit code 2."""


@contextmanager
def told_in_a_line(command: str, *failures: type[Exception]) -> Iterator[None]:
    """Ends a command that goes wrong with one line: exit 2 for ``WrongUse``, 1 for all else.

    ``failures`` are told besides what any command may meet: a ValueError and a file's trouble.
    """
    told: tuple[type[Exception], ...] = (ValueError, *failures)
    try:
        yield
    except WrongUse as error:
        typer.echo(f"{command}: {error}", err=True)
        raise typer.Exit(2) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"{command}: {where}{error.strerror or error}", err=True)
        raise typer.Exit(1) from error
    except told as error:
        typer.echo(f"{command}: {error}", err=True)
        raise typer.Exit(1) from error


def named(what: str, names: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """Those of ``known`` that are named, commas between, in their own order; all for ``None``."""
    if names is None:
        return known
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise WrongUse(f"no {what} named {unknown[0]!r}; known: {', '.join(known)}")
    if not wanted:
        raise WrongUse(f"no {what} is named; known: {', '.join(known)}")
    return tuple(name for name in known if name in wanted)
