"""``result.json``: what a child made, beside the objects themselves."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from pydantic import TypeAdapter

from engines.sentence import parse_sentence
from medq_node.objects import OutputKind, OutputObject, OutputReference
from medq_node.outputs.content import ActionTaken, ReportContent
from medq_node.workshop.order import StackResult, WorkResult

_RESULT = TypeAdapter(WorkResult)
_OBJECTS = TypeAdapter(tuple[OutputObject, ...])
_NAME = "result.json"
_OF_A_STACK = tuple(field.name for field in fields(StackResult))
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
    kept = json.loads((folder / _NAME).read_bytes())
    if "stacks" not in kept:  # written before a series could hold several
        kept["stacks"] = [{name: kept[name] for name in _OF_A_STACK if name in kept}]
    result = _RESULT.validate_json(json.dumps(kept))
    return replace(
        result,
        outputs=tuple(replace(o, path=folder / o.path) for o in result.outputs),
        page=folder / result.page if result.page else None,
    )


def report_contents(
    result: WorkResult, superseded: tuple[OutputReference, ...] = ()
) -> tuple[ReportContent, ...]:
    """What a report says of each stack of ``result``: sentences carry descriptions without loss.

    What is true of the series as a whole is said once, with the first.
    """
    restored = [o for o in result.outputs if o.kind is OutputKind.RESTORED]
    series = restored[0].series_instance_uid if restored else None
    return tuple(
        ReportContent(
            before=parse_sentence(stack.sentence_before),
            sentence_before=stack.sentence_before,
            action=stack.taken,
            reasons=stack.reasons,
            after=parse_sentence(stack.sentence_after) if stack.sentence_after else None,
            sentence_after=stack.sentence_after,
            gate=stack.gate,
            restored_series_instance_uid=series if stack.taken is ActionTaken.RESTORED else None,
            superseded=() if number else superseded,
            overridden=stack.overridden,
            alarms=() if number else result.alarms,
            left_out=() if number else result.left_out,
        )
        for number, stack in enumerate(result.stacks)
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
