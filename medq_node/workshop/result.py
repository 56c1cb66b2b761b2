"""``result.json``: what a child made, beside the objects themselves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from engines.sentence import parse_sentence
from medq_node.objects import OutputKind, OutputObject, OutputReference
from medq_node.outputs.content import ReportContent
from medq_node.workshop.order import WorkResult

_RESULT = TypeAdapter(WorkResult)
_OBJECTS = TypeAdapter(tuple[OutputObject, ...])
_NAME = "result.json"
_OBJECTS_NAME = "objects.json"


def write_result(result: WorkResult, folder: Path) -> None:
    """Keep ``result`` in ``folder``, its paths relative to it; durable when this returns."""
    relative = replace(
        result,
        outputs=tuple(replace(o, path=o.path.relative_to(folder)) for o in result.outputs),
        page=result.page.relative_to(folder) if result.page else None,
    )
    _write(folder / _NAME, _RESULT.dump_json(relative, indent=1))


def read_result(folder: Path) -> WorkResult:
    """The result kept in ``folder``, its paths absolute."""
    result = _RESULT.validate_json((folder / _NAME).read_bytes())
    return replace(
        result,
        outputs=tuple(replace(o, path=folder / o.path) for o in result.outputs),
        page=folder / result.page if result.page else None,
    )


def report_content(
    result: WorkResult, superseded: tuple[OutputReference, ...] = ()
) -> ReportContent:
    """What a report says of ``result``: sentences carry the descriptions without loss."""
    restored = [o for o in result.outputs if o.kind is OutputKind.RESTORED]
    return ReportContent(
        before=parse_sentence(result.sentence_before),
        sentence_before=result.sentence_before,
        action=result.taken,
        reasons=result.reasons,
        after=parse_sentence(result.sentence_after) if result.sentence_after else None,
        sentence_after=result.sentence_after,
        gate=result.gate,
        restored_series_instance_uid=restored[0].series_instance_uid if restored else None,
        superseded=superseded,
        overridden=result.overridden,
        alarms=result.alarms,
    )


def write_objects(outputs: Sequence[OutputObject], folder: Path) -> None:
    """Keep what was made besides any single series in ``folder``; durable when this returns."""
    relative = tuple(replace(o, path=o.path.relative_to(folder)) for o in outputs)
    _write(folder / _OBJECTS_NAME, _OBJECTS.dump_json(relative, indent=1))


def read_objects(folder: Path) -> tuple[OutputObject, ...]:
    """The objects kept in ``folder``, their paths absolute."""
    kept = _OBJECTS.validate_json((folder / _OBJECTS_NAME).read_bytes())
    return tuple(replace(o, path=folder / o.path) for o in kept)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
