"""``result.json``: what a child made, beside the objects themselves."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from medq_node.workshop.order import WorkResult

_RESULT = TypeAdapter(WorkResult)
_NAME = "result.json"


def write_result(result: WorkResult, folder: Path) -> None:
    """Keep ``result`` in ``folder``, its paths relative to it; durable when this returns."""
    relative = replace(
        result,
        outputs=tuple(replace(o, path=o.path.relative_to(folder)) for o in result.outputs),
        page=result.page.relative_to(folder) if result.page else None,
    )
    with (folder / _NAME).open("wb") as file:
        file.write(_RESULT.dump_json(relative, indent=1))
        file.flush()
        os.fsync(file.fileno())


def read_result(folder: Path) -> WorkResult:
    """The result kept in ``folder``, its paths absolute."""
    result = _RESULT.validate_json((folder / _NAME).read_bytes())
    return replace(
        result,
        outputs=tuple(replace(o, path=folder / o.path) for o in result.outputs),
        page=folder / result.page if result.page else None,
    )
