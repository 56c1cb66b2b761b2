"""The curves of a training: a line of JSON per validation, and a picture of all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES, PICTURE = "curves.jsonl", "curves.png"
Line = dict[str, Any]
STYLES = ("-", "--", ":")
"""Of curves in one panel that have one colour."""
COLOURS = 8
LEAST_LOSS = 0.01
"""Losses below this are as good as none and are cut off."""


class Recent:
    """Means of losses since they were last taken; kept in checkpoints."""

    def __init__(self, sums: dict[str, list[float]] | None = None) -> None:
        self.sums: dict[str, list[float]] = {n: list(v) for n, v in (sums or {}).items()}

    def add(self, loss: float, told: dict[str, float]) -> None:
        """Take in the loss of a step and its parts."""
        for name, value in {"": loss, **told}.items():
            sum_ = self.sums.setdefault(name, [0.0, 0.0])
            sum_[0] += value
            sum_[1] += 1

    def take(self) -> Line:
        """The means, and begin anew."""
        means = {name: total / count for name, (total, count) in self.sums.items()}
        self.sums = {}
        return {"loss": means.pop("", 0.0), "parts": means}


def write_line(folder: Path, line: Line) -> None:
    """Add a validation's line to the curves of a training; one that was cut off is ended first."""
    path = folder / CURVES
    whole = not path.exists() or not path.stat().st_size or path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("" if whole else "\n") + json.dumps(line) + "\n")


def read_lines(folder: Path) -> list[Line]:
    """All lines in order; a step that was trained twice, after a kill, counts once.

    A line that was cut off is left out.
    """
    path = folder / CURVES
    found: dict[tuple[str, int], Line] = {}
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        found[line["stage"], line["step"]] = line
    return [found[key] for key in sorted(found)]


def draw(folder: Path) -> bool:
    """Draw the curves to ``PICTURE``; False where matplotlib isn't installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    lines = read_lines(folder)
    assess = [line for line in lines if line["stage"] == "assess"]
    restore = [line for line in lines if line["stage"] == "restore"]
    figure = Figure(figsize=(13, 8.5), dpi=110, layout="constrained")
    panels = figure.subplots(2, 2)
    _losses(panels[0, 0], assess, "Assess: loss by what is said")
    _found(
        panels[0, 1],
        assess,
        " severity",
        100,
        "Assess: severity right on validation",
        "%",
        (0, 101),
    )
    _losses(panels[1, 0], restore, "Restore: loss by task")
    _found(panels[1, 1], restore, " dB", 1, "Restore: gain with true words on validation", "dB")
    part = folder / f".{PICTURE}.part"
    figure.savefig(part, format="png")
    part.replace(folder / PICTURE)
    return True


def _losses(axes: Axes, lines: list[Line], title: str) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    names = _names(line["parts"] for line in lines)
    _curves(axes, lines, names, lambda line, name: line["parts"].get(name))
    if lines:
        steps = [line["step"] for line in lines]
        axes.plot(steps, [line["loss"] for line in lines], "k", lw=2.2, label="all")
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(axes.get_ylim()[0], LEAST_LOSS))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    _finish(axes, title, "loss", bool(lines))


def _found(
    axes: Axes,
    lines: list[Line],
    end: str,
    times: float,
    title: str,
    unit: str,
    limits: tuple[float, float] | None = None,
) -> None:
    names = [n for n in _names(line["validation"] for line in lines) if n.endswith(end)]
    _curves(
        axes,
        lines,
        names,
        lambda line, name: times * line["validation"][name] if name in line["validation"] else None,
        end,
    )
    if limits is None:
        axes.axhline(0, color="0.5", lw=0.8)
    else:
        axes.set_ylim(*limits)
    _finish(axes, title, unit, bool(names))


def _names(parts: Iterable[dict[str, float]]) -> list[str]:
    return sorted({name for part in parts for name in part})


def _curves(
    axes: Axes,
    lines: list[Line],
    names: list[str],
    value: Callable[[Line, str], float | None],
    end: str = "",
) -> None:
    for number, name in enumerate(names):
        known = [(line["step"], v) for line in lines if (v := value(line, name)) is not None]
        axes.plot(
            [step for step, _ in known], [v for _, v in known],
            STYLES[number // COLOURS % len(STYLES)], color=f"C{number % COLOURS}", lw=1.4,
            marker=".", ms=5, label=name.removesuffix(end),
        )  # fmt: skip


def _finish(axes: Axes, title: str, unit: str, any_: bool) -> None:
    axes.locator_params(axis="x", nbins=6, integer=True)
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlabel("step")
    axes.set_ylabel(unit)
    axes.grid(alpha=0.25, which="major")
    axes.spines[["top", "right"]].set_visible(False)
    if any_:
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    else:
        axes.text(0.5, 0.5, "not trained yet", ha="center", transform=axes.transAxes, color="0.5")
