"""Every setting of config.yaml, from the settings classes; what it means, from config.yaml."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from medq_node.config import Caller, Config, EmailTarget, WebhookTarget
from medq_node.config_sections import Destination
from tests.statement.markdown import table

_CONFIG = Path(__file__).resolve().parents[2] / "config.yaml"

_GROUPS: dict[str, tuple[type[BaseModel], ...]] = {
    "destinations.NAME": get_args(get_args(Destination)[0]),
    "receiver.callers[]": (Caller,),
    "notifications.targets.NAME": (WebhookTarget, EmailTarget),
}
"""Where a group of settings stands -> the kinds that it has."""

_SAID_HERE = {
    "destinations.NAME.path": "folder that files are written into",
    "receiver.callers[].ae_title": "AE title of who may connect; `*` is any",
    "receiver.callers[].host": "its address, network or name; null is any",
    "notifications.targets.NAME.kind": "`webhook` is told by POST of JSON, `email` by SMTP",
    "notifications.targets.NAME.url": "where it is told; a secret",
    "notifications.targets.NAME.timeout_s": "seconds to wait for an answer",
    "notifications.targets.NAME.host": "SMTP server",
    "notifications.targets.NAME.port": "its TCP port",
    "notifications.targets.NAME.starttls": "whether to insist on TLS",
    "notifications.targets.NAME.username": "log-in at the server",
    "notifications.targets.NAME.password": "its password; a secret",
    "notifications.targets.NAME.sender": "address that it comes from",
    "notifications.targets.NAME.recipients": "addresses that it goes to",
}
"""What config.yaml shows in an example only: one line each, or the table can't be made."""


def parameters() -> str:
    """A row for each setting, in the order of config.yaml."""
    comments = _comments({name.rpartition(".")[2] for name, _ in _settings()})
    rows: dict[str, tuple[str, ...]] = {}
    for name, field in _settings():
        said = comments.get(name.replace(".NAME", ".pacs")) or _SAID_HERE.get(name)
        if said is None:
            raise KeyError(f"{name} is explained neither in config.yaml nor here")
        values, default = _values(field), _default(field)
        known = rows.get(name)
        if known and values not in known[1]:
            values = f"{known[1]} or {values}"
        rows[name] = (f"`{name}`", values, known[2] if known else default, said)
    return table(("parameter", "values", "default", "meaning"), rows.values())


def _settings() -> Iterator[tuple[str, FieldInfo]]:
    for section, field in Config.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            for name, inner in model.model_fields.items():
                if f"{section}.{name}.NAME" in _GROUPS:
                    yield from _of_group(f"{section}.{name}.NAME")
                else:
                    yield f"{section}.{name}", inner
                    yield from _of_group(f"{section}.{name}[]")
        else:
            yield from _of_group(f"{section}.NAME")


def _of_group(prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for model in _GROUPS.get(prefix, ()):
        for name, field in model.model_fields.items():
            yield f"{prefix}.{name}", field


def _comments(known: set[str]) -> dict[str, str]:
    """``section.setting`` -> the comment above it; ``known`` tells settings from words.

    A setting may be commented out itself, as one whose default is elsewhere.
    """
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in _CONFIG.read_text(encoding="utf-8").splitlines():
        setting = re.fullmatch(r"(\s*)(# )?([a-z0-9_]+):(?: [^#]*)?", line)
        remark = re.fullmatch(r"\s*# ?(.*)", line)
        if setting and (not setting[2] or (comment and setting[3] in known)):
            indent = len(setting[1])
            path = [(i, n) for i, n in path if i < indent] + [(indent, setting[3])]
            found[".".join(n for _, n in path)] = _sentence(comment)
            comment = []
        elif remark:
            comment.append(remark[1])
        else:
            comment = []
    return {name: said for name, said in found.items() if said}


def _sentence(lines: list[str]) -> str:
    """Without the examples that are set out in lines of their own."""
    prose = [line for line in lines if not line.startswith("  ")]
    return " ".join(prose).strip().removesuffix(", e.g.")


def _default(field: FieldInfo) -> str:
    if field.is_required() or field.default is PydanticUndefined:
        return "none: has to be stated"
    value = field.default
    if isinstance(value, Path) and value.is_absolute():
        return "the starter rules"
    if isinstance(value, tuple | dict):
        return ", ".join(map(_plain, value)) or "empty"
    return _plain(value)


def _plain(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value.value if isinstance(value, Enum) else value)


def _values(field: FieldInfo) -> str:
    kind = _kind(field.annotation)
    low = _limit(field.metadata, Ge, Gt)
    high = _limit(field.metadata, Le, Lt)
    if low and high:
        return f"{kind}, {low} to {high}"
    return f"{kind}, from {low}" if low else kind


def _limit(metadata: list[Any], *kinds: type) -> str | None:
    found = [m for m in metadata if isinstance(m, kinds)]
    if not found:
        return None
    bound = found[-1]
    value = next(getattr(bound, n) for n in ("ge", "gt", "le", "lt") if hasattr(bound, n))
    text = str(int(value)) if value == int(value) else f"{value:g}"
    return f"above {text}" if isinstance(bound, Gt) else text


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        low, high = _limit(metadata, Ge, Gt), _limit(metadata, Le, Lt)
        return f"{_kind(inner)}, {low} to {high}" if low and high else _kind(inner)
    if origin is Literal:
        return ", ".join(map(str, get_args(annotation)))
    if origin in (Union, types.UnionType):
        return " or ".join("null" if a is type(None) else _kind(a) for a in get_args(annotation))
    if origin is tuple:
        return f"list of {_kind(get_args(annotation)[0])}"
    if origin is not None:
        return "map"
    if issubclass(annotation, Enum):
        return ", ".join(str(word.value) for word in annotation)
    names = {"str": "text", "int": "whole number", "float": "number", "bool": "true, false"}
    return names.get(annotation.__name__, _KINDS.get(annotation.__name__, annotation.__name__))


_KINDS = {"Path": "path", "Caller": "caller", "SecretStr": "text", "HttpUrl": "URL"}
