"""Loaded by every Python process of a node under test: kills it at the armed points.

Python imports ``sitecustomize`` at its start from ``PYTHONPATH``, in spawned children too. Where
``MEDQ_FAULTS`` names a folder (see ``tests.faults.points``), the functions that its points name are
wrapped as their module is imported, and the first process to reach an armed point is killed there
by the system: nothing is flushed, no ``finally`` runs. Standard library only, and cheap to import.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_SUPERVISOR = "MEDQ_FAULTS_SUPERVISOR"


class Finder(importlib.abc.MetaPathFinder):
    """Lets the other finders find a module, and wraps its functions once it is executed."""

    def __init__(self, folder: Path, points: dict[str, list[dict[str, Any]]]) -> None:
        self._folder = folder
        self._points = points

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        points = self._points.get(fullname)
        if points is None:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                for point in points:
                    _wrap(module, point, self._folder)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _wrap(module: ModuleType, point: dict[str, Any], folder: Path) -> None:
    *owners, name = point["function"].split(".")
    owner: Any = functools.reduce(getattr, owners, module)
    setattr(owner, name, _deadly(vars(owner)[name], point, folder))


def _deadly(function: Callable[..., Any], point: dict[str, Any], folder: Path) -> Any:
    calls = 0

    def reached(arguments: object) -> None:
        nonlocal calls
        if not (folder / f"{point['name']}.armed").exists():
            return
        if point["containing"] not in repr(arguments):
            return
        calls += 1
        if calls >= point["nth"]:
            _die(point, folder)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if point["moment"] == "before":
            reached((args, kwargs))
            return function(*args, **kwargs)
        result = function(*args, **kwargs)
        reached((args, kwargs))
        return result

    return wrapper


def _die(point: dict[str, Any], folder: Path) -> None:
    fired = folder / f"{point['name']}.fired"
    try:
        (folder / f"{point['name']}.armed").rename(fired)
    except FileNotFoundError:
        return  # another process was first
    fired.write_text(json.dumps({"pid": os.getpid(), "process": " ".join(sys.orig_argv[1:4])}))
    if point["victim"] == "node":
        supervisor = int(os.environ[_SUPERVISOR])
        others = {supervisor, *descendants(supervisor)} - {os.getpid()}
        if supervisor in others:
            os.kill(supervisor, signal.SIGSTOP)  # it must not start anything in between
        for pid in others:
            os.kill(pid, signal.SIGKILL)
    elif point["victim"] == "supervisor":
        os.kill(int(os.environ[_SUPERVISOR]), signal.SIGKILL)
        return
    os.kill(os.getpid(), signal.SIGKILL)


def descendants(root: int) -> set[int]:
    """Process ids of all that ``root`` has started, and what these have started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, grown = set[int](), {root}
    while grown:
        grown = {pid for pid, parent in parents.items() if parent in grown}
        found |= grown
    return found


def _install(folder: Path) -> None:
    os.environ.setdefault(_SUPERVISOR, str(os.getpid()))  # the first of a node to come here
    points: dict[str, list[dict[str, Any]]] = {}
    for point in json.loads((folder / "points.json").read_text()):
        points.setdefault(point["module"], []).append(point)
        if loaded := sys.modules.get(point["module"]):
            _wrap(loaded, point, folder)
    sys.meta_path.insert(0, Finder(folder, points))


if "MEDQ_FAULTS" in os.environ:
    _install(Path(os.environ["MEDQ_FAULTS"]))
