"""What is to be reached beside what was measured: one small table from all others.

It reads the tables of the report, so that no figure of it is measured in another way. What wasn't
measured has no row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engines.medq_uni.yardstick.contestant import ALWAYS
from engines.medq_uni.yardstick.report import Section
from engines.medq_uni.yardstick.steering.gains import ABLATED, DOWN, HALF, SWAPPED, TRUE, TWICE, UP
from engines.medq_uni.yardstick.table import Cell, Table

Row = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Target:
    """One figure: ``measured`` is ``None`` where it can't be had; ``interval`` as "from to"."""

    what: str
    of: str
    target: str
    measured: float | None
    reached: bool | None
    interval: Cell = None


AT_LEAST: dict[str, float] = {
    "macro F1 of degradation types": 90.0,
    "severity exact": 75.0,
    "severity one step off at most": 97.0,
}
MILD_SEVERE_POINTS, NUMBER_PERCENT, ECE_POINTS = 10.0, 15.0, 5.0
CLEAN_GOOD, BIAS_HU, ACTIVITY_PERCENT = 90.0, 1.0, 1.0
SWAP_DB, BM3D_DB = 1.0, 0.3
QUARTER = 0.25
"""The dose that the physicist's table is held to."""
HALVED_PERCENT, MTF_PERCENT, INSERT_HU = 50.0, 3.0, 2.0
NPS_RATIO = 0.85, 1.15
RELATION = 0.1
"""The most that what was changed in clean images may correlate with their edges."""
SIGMAS = 5.0
"""The most that one pixel may change, in noise; or as much as the worst pixel was wrong before."""


def targets_section(sections: Sequence[Section], engine: str) -> Section:
    """The section for the top of the page; empty where nothing of it was measured."""
    tables = {table.name: table for section in sections for table in section.tables}
    found: list[Target] = []
    for part in (_words, _restored, _physicist, _steered, _harm, _unseen):
        found += part(lambda name: _rows(tables.get(name)), engine)
    if not found:
        return Section("Targets")
    rows = tuple(
        (t.what, t.of, t.target, t.measured if t.measured is None else _short(t.measured),
         t.interval, None if t.reached is None else "yes" if t.reached else "no")
        for t in found
    )  # fmt: skip
    columns = ("what", "of", "target", "measured", "95 %", "reached")
    known = [t for t in found if t.reached is not None]
    note = (
        f"{sum(bool(t.reached) for t in known)} of {len(known)} reached. Each figure is that of a "
        "table below; what wasn't measured has no row, and where nothing could be counted there is "
        "a dash."
    )
    return Section("Targets", tables=[Table("targets", "What is reached?", columns, rows, note)])


Read = Callable[[str], list[Row]]
"""Name of a table -> its rows by column, none where it isn't there."""


def _rows(table: Table | None) -> list[Row]:
    return [] if table is None else [dict(zip(table.columns, r, strict=True)) for r in table.rows]


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _number(row: Row, column: str) -> float | None:
    cell = row.get(column)
    return float(cell) if isinstance(cell, int | float) else None


def _first(rows: Iterable[Row], **where: Cell) -> Row:
    """The first row that has these cells; an empty one where none has."""
    return next((row for row in rows if all(row.get(k) == v for k, v in where.items())), {})


def _least(what: str, of: str, least: float, row: Row, column: str, interval: str) -> Target:
    value = _number(row, column)
    reached = None if value is None else value >= least
    return Target(what, of, f"at least {least:g} %", value, reached, row.get(interval))


def _words(read: Read, engine: str) -> Iterator[Target]:
    presence, severity = read("words_presence"), read("words_severity")
    if not presence:
        return
    mean = _first(presence, degradation="mean of all (macro)")
    there = _first(severity, truly="mild to severe")
    sources = ((mean, "F1 (%)", "F1 95 %"), (there, "exact (%)", "exact 95 %"),
               (there, "one step off at most (%)", "one step 95 %"))  # fmt: skip
    for (what, least), source in zip(AT_LEAST.items(), sources, strict=True):
        yield _least(what, "all tasks", least, *source)
    mild, severe = (_number(_first(severity, truly=t), "exact (%)") for t in ("mild", "severe"))
    behind = None if mild is None or severe is None else severe - mild
    yield _most("severity exact: mild behind severe", "all tasks", MILD_SEVERE_POINTS, behind,
                "points", signed=True)  # fmt: skip
    for row in read("words_numbers"):
        if row["degradation"] in ("noise", "low count") and row["unit"] != "% of counts":
            of = f"{row['degradation']}, {row['unit']}"
            found = _number(row, "median error (%)")
            yield _most("median error of the number", of, NUMBER_PERCENT, found, "%",
                        row["error 95 %"])  # fmt: skip
    yield _most("calibration error", "all tasks", ECE_POINTS, _calibration(read), "points")


def _most(
    what: str,
    of: str,
    most: float,
    value: float | None,
    unit: str,
    interval: Cell = None,
    *,
    signed: bool = False,
) -> Target:
    """A figure that may be at most ``most`` away from zero, or above it where ``signed``."""
    size = None if value is None else value if signed else abs(value)
    reached = None if size is None else size <= most
    return Target(what, of, f"within {most:g} {unit}".strip(), value, reached, interval)


def _calibration(read: Read) -> float | None:
    """Expected calibration error in points, from claim and share of each word."""
    gaps = [
        (said, abs(gap))
        for row in read("calibration")
        if (gap := _number(row, "right less claimed (points)")) is not None
        and (said := _number(row, "descriptions"))
    ]
    total = sum(said for said, _ in gaps)
    return sum(said * gap for said, gap in gaps) / total if total else None


def _restored(read: Read, engine: str) -> Iterator[Target]:
    for row in read("summary"):
        apart, low, high = (
            _number(row, name) for name in ("against best filter (dB)", "95% from", "to")
        )
        interval = None if low is None or high is None else f"{low:.2f} to {high:.2f}"
        what = f"ahead of the best filter ({row['best filter']}), always run, dB"
        of = f"{row['task']}, {row['cases of both']} cases"
        # Few cases tell nothing, and an interval that reaches zero no more.
        reached = None if low is None else low > 0
        yield Target(what, of, "above 0", apart, reached, interval)
    against = _against_bm3d(read, engine)
    if against is not None:
        apart, cases = against
        target, of = f"at least {BM3D_DB:g} dB", f"CT low dose, {cases:.0f} cases"
        yield Target("ahead of BM3D, always run, dB", of, target, apart, apart >= BM3D_DB)
    shift = _first(read("low_dose_shift"), contestant=engine)
    if shift:
        bias, isolated = (
            _number(shift, name)
            for name in ("soft tissue, mean (HU)", "largest isolated change (sigma)")
        )
        worst = _number(shift, "soft tissue, worst (HU)")
        yield _most("bias in soft tissue", "low dose, restored", BIAS_HU, bias, "HU")
        before = _first(read("low_dose_shift"), contestant="input")
        mine = _number(before, "soft tissue, worst (HU)")
        of = "low dose, restored" + ("" if mine is None else f"; the input's own {_short(mine)}")
        yield _most("bias in soft tissue, worst image", of, BIAS_HU, worst, "HU")
        wrong = _number(before, "largest isolated error (sigma)") or 0.0
        most = round(max(SIGMAS, wrong), 1)
        yield _most("largest isolated change", "low dose, restored", most, isolated, "sigma")


def _physicist(read: Read, engine: str) -> Iterator[Target]:
    """Worst of all kernels at quarter dose, d' of all doses, of what was changed at all.

    What an engine calls free of noise it leaves as it is: that is held against its words, not here.
    """
    always = f"{engine}, {ALWAYS}"
    noise_rows = [r for r in read("physicist_noise") if r["method"] == always]
    alone = {(r["dose"], r["kernel"]) for r in noise_rows if r["reduction %"] == 0}

    def at_quarter(name: str) -> list[Row]:
        return [r for r in restored(name) if r["dose"] == QUARTER]

    def restored(name: str) -> list[Row]:
        rows = [r for r in read(name) if r["method"] == always]
        return [r for r in rows if (r["dose"], r["kernel"]) not in alone]

    def worst(name: str, *columns: str) -> float | None:
        rows = at_quarter(name)
        found = [_number(row, column) for row in rows for column in columns]
        sizes = [value for value in found if value is not None]
        # An edge that can't be measured any more has no number: nothing is as bad.
        return max(sizes, key=abs) if sizes and len(sizes) == len(found) else None

    noise = at_quarter("physicist_noise")
    if not noise:
        return
    left = sum(dose == QUARTER for dose, _ in alone)
    of = f"quarter dose, worst of {len(noise)} kernels" + (
        f", {left} left as it was" if left else ""
    )
    reduced = min((_number(row, "reduction %") or 0.0 for row in noise), default=None)
    yield _least("noise reduced", of, HALVED_PERCENT, {"reduction": reduced}, "reduction", "")
    ratios = [value for row in noise if (value := _number(row, "ratio")) is not None]
    low, high = NPS_RATIO
    far = max(ratios, key=lambda ratio: abs(ratio - 1)) if len(ratios) == len(noise) else None
    reached = far is not None and low <= far <= high
    yield Target("mean noise frequency, of the input's", of, f"{low:g} to {high:g}", far, reached)
    for share in (50, 10):
        changed = worst(f"physicist_mtf{share}", "bone change %", "air change %")
        held = _most(f"MTF at {share} %, bone and air", of, MTF_PERCENT, changed, "%")
        yield replace(held, reached=bool(held.reached))
    inserts = ("polyethylene HU", "acrylic HU", "bone HU", "air HU", "water HU", "background HU")
    off = _most("inserts off", of, INSERT_HU, worst("physicist_hu", *inserts), "HU")
    yield replace(off, reached=bool(off.reached))
    better, rows = [], restored("physicist_detection")
    for row in rows:
        better += [v > 0 for name in row if "change" in name and (v := _number(row, name))]
    if rows:
        told = 100 * sum(better) / (4 * len(rows))
        what, where = "d' higher, four sizes of discs", f"{len(rows)} doses and kernels"
        where += f", {len(alone)} left as they were" if alone else ""
        yield Target(what, where, "100 %", told, told == 100)


def _against_bm3d(read: Read, engine: str) -> tuple[float, float] | None:
    """Gain at low dose, always run, less that of BM3D on the same cases, and how many these are."""
    for name in ("ct_low_dose_bm3d_cases", "ct_low_dose"):
        rows = read(name)
        always = f"{engine}, {ALWAYS}"
        own, other = (_first(rows, contestant=who) for who in (always, "BM3D"))
        first, second = _number(own, "gain (dB)"), _number(other, "gain (dB)")
        cases = _number(own, "cases")
        if first is None or second is None or cases is None:
            continue
        if own["cases"] == other["cases"]:
            return first - second, cases
    return None


def _steered(read: Read, engine: str) -> Iterator[Target]:
    rows = read("steering")
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    of = [row for row in rows if row["task"] == ("All" if "All" in tasks else tasks[0])]
    for row in of:
        words = row["words"]
        low, high = _number(row, "cost 95% from (dB)"), _number(row, "cost to (dB)")
        cost = _number(row, "cost against own words (dB)")
        interval = None if low is None or high is None else f"{low:.2f} to {high:.2f}"
        if words == SWAPPED:
            reached = None if cost is None else cost >= SWAP_DB
            target = f"costs at least {SWAP_DB:g} dB"
        elif words in (UP, DOWN, HALF, TWICE, ABLATED):
            reached = None if low is None else low > 0  # without an interval nobody can tell
            target = "costs measurably"
        elif words == TRUE:
            reached, target = None, "gains little (cost near 0)"
        else:
            continue
        yield Target(f"{words}: cost (dB)", str(row["task"]), target, cost, reached, interval)
    yield from _counted(read("steering_checks"), "cases")


def _counted(rows: Iterable[Row], cases: str) -> Iterator[Target]:
    """Checks that must hold in all: the share that does; ``cases`` is the column of how many."""
    for row in rows:
        count, holds = _number(row, cases), _number(row, "holds in")
        if count and holds is not None:
            share = 100 * holds / count
            of = f"{row.get('modality', 'real')}, {count:.0f}"
            yield Target(str(row["what must hold"]), of, "100 %", share, holds == count)


def _harm(read: Read, engine: str) -> Iterator[Target]:
    for row in read("harm_words"):
        if row["engine"] == engine:
            value, of = (
                _number(row, "called good (%)"),
                f"{row['modality']}, {row['images']} images",
            )
            reached = None if value is None else value >= CLEAN_GOOD
            what = "clean slices called good"
            yield Target(what, of, f"at least {CLEAN_GOOD:g} %", value, reached)
    for row in read("harm_bias"):
        if row["contestant"] == engine:
            bias = _number(row, "soft tissue, mean (HU)")
            yield _most("bias in soft tissue", f"clean, {row['kind']}", BIAS_HU, bias, "HU")
    for row in read("harm_change"):
        if row["contestant"] == engine:
            relation = _number(row, "relation to edges")
            what = "what was changed, correlation with edges"
            yield _most(what, f"CT clean, {row['kind']}", RELATION, relation, "")
    for row in read("harm_change_pet"):
        if row["contestant"] == engine:
            total = _number(row, "total activity, mean (%)")
            lost = None if total is None else total - 100
            of = f"PET clean, {row['kind']}"
            yield _most("total activity off", of, ACTIVITY_PERCENT, lost, "%")


def _unseen(read: Read, engine: str) -> Iterator[Target]:
    yield from _counted(read("unseen_checks"), "of")
