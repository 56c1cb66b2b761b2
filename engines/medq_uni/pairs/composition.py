"""What a data set is made of, as tables: ``python -m engines.medq_uni.pairs.composition PAGE``.

The tables of the benchmark without real images are written into PAGE between its marks. They come
from the plan: no pair is made.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from engines.description import Modality, Severity
from engines.medq_uni.pairs.benchmark import BENCHMARK_PAIRS, BENCHMARK_SEED, benchmark_material
from engines.medq_uni.pairs.plan import Item, Plan
from engines.medq_uni.phantom_sources import kinds_of
from engines.medq_uni.tasks.table import TASKS
from engines.phantoms.anatomy import Kind

BEGIN, END = "<!-- composition -->", "<!-- end of composition -->"


def benchmark_items() -> list[Item]:
    """What the benchmark without real images is made of: tasks of modalities with phantoms."""
    tasks = tuple(task for task in TASKS.values() if kinds_of([task.modality]))
    modalities = list(dict.fromkeys(task.modality for task in tasks))
    plan = Plan(benchmark_material(modalities), tasks, BENCHMARK_SEED)
    return [plan.item(number) for number in range(BENCHMARK_PAIRS)]


def composition(items: Iterable[Item]) -> str:
    """Markdown tables of how many pairs there are: by task and severity, variant, source, side."""
    everything = list(items)
    parts = ["Severities as planned:", _by_severity(everything)]
    for modality in Modality.sectional():
        some = [item for item in everything if item.task.modality is modality]
        if not some:
            continue
        rows = [
            ("sources", Counter(_slot(item) for item in some)),
            ("sides (pixels)", Counter(str(item.side or "real") for item in some)),
        ]
        for word in dict.fromkeys(item.task.variant_of for item in some):
            named = [item.variant for item in some if item.task.variant_of == word]
            rows.append((f"by {word}", Counter(v.name for v in named if v is not None)))
        lines = [f"| {modality.value} | pairs |", "|---|---|"]
        lines += [f"| {name} | {_listed(counts)} |" for name, counts in rows if counts]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def written(page: str) -> str:
    """``page`` with the benchmark's tables between its marks.

    Raises:
        ValueError: it hasn't both marks, once each.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"page must have {BEGIN} and {END} once each")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{composition(benchmark_items())}\n\n{END}{rest.partition(END)[2]}"


def _by_severity(items: list[Item]) -> str:
    found = Counter((item.task.name, item.severity.value) for item in items)
    there = {severity for item in items for severity in item.task.severities}
    severities = [severity.value for severity in Severity if severity in there]
    names = dict.fromkeys(i.task.name for i in sorted(items, key=lambda i: i.task.name))
    bears = {i.task.name: len(i.task.severities) * len(i.task.variants) for i in items}
    lines = ["| task | pairs | " + " | ".join(severities) + " | most of one real slice |"]
    lines.append("|---|---:|" + "---:|" * (len(severities) + 1))
    for name in names:
        counts = [found[name, severity] for severity in severities]
        cells = " | ".join(str(count or "") for count in counts)
        lines.append(f"| {name} | {sum(counts)} | {cells} | {bears[name]} |")
    return "\n".join(lines)


def _slot(item: Item) -> str:
    words = (item.slot.region, item.slot.contrast) if isinstance(item.slot, Kind) else item.slot
    return " ".join(word for word in words if word)


def _listed(counts: Counter[str]) -> str:
    def key(name: str) -> tuple[int, str]:
        return (int(name) if name.isdigit() else 0, name)

    return ", ".join(f"{name} {counts[name]}" for name in sorted(counts, key=key))


if __name__ == "__main__":
    _page = Path(sys.argv[1])
    _page.write_text(written(_page.read_text(encoding="utf-8")), encoding="utf-8")
