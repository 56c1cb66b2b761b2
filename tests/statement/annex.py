"""The annex of IODs: for each object that the node writes its modules and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import UID

from medq_node.objects import OutputKind
from tests.statement.attributes import Fate, account_of, is_empty, name_of, tag_text
from tests.statement.markdown import table
from tests.statement.remarks import FOLLOWS, OF, OF_KIND
from tests.statement.sources import attributes_of, modules_of
from tests.statement.tree import content_tree
from tests.statement.writers import WRITTEN, Written

_HEAD = ("attribute", "tag", "VR", "presence", "source", "value")
_ABBREVIATIONS = ("CT", "MR", "PET", "SOP", "SR", "VOI", "LUT", "NM", "SC", "ICC")
_OUTSIDE = "Outside of the modules of the IOD"
_OPTIONAL = "Copied where the source has them (ANAP, SRC):"


def annex() -> str:
    """Every object in full; a module that was told before is referred to."""
    told: dict[str, str] = {}
    return "\n\n".join(_object(written, number, told) for number, written in enumerate(WRITTEN, 1))


def _object(written: Written, number: int, told: dict[str, str]) -> str:
    told_of = account_of(written)
    every, sop_class_uid = told_of.fates, told_of.sop_class_uid
    title = f"{number} {written.title}"
    parts = [f"## {title}", f"{UID(sop_class_uid).name}, {sop_class_uid}."]
    present = [fate for fate in every if fate.presence != "REMOVED"]
    again: dict[str, list[str]] = {}
    optional: list[tuple[str, str]] = []
    for module, of_module in _by_module(sop_class_uid, present):
        shared = [f for f in of_module if f.copied and f.presence == "ANAP"]
        rows = [_row(written.kind, fate) for fate in of_module if fate not in shared]
        block = table(_HEAD, rows)
        before = told.setdefault(f"{module}{block}{_names(shared)}", title)
        if before != title:
            again.setdefault(before, []).append(module)
            continue
        if rows:
            parts += [f"### {module}", block]
        if shared:
            optional.append((module, _names(shared)))
    parts += [f"As in {_link(before)}: {', '.join(of)}." for before, of in again.items()]
    if optional:
        parts += [_OPTIONAL, table(("module", "attributes"), optional)]
    if written.kind is OutputKind.RESTORED:
        gone = [f for f in every if f.presence == "REMOVED" and not Tag(f.path[0]).is_private]
        parts.append(f"Removed: {_names(gone)}; private attributes not named above.")
    if tree := content_tree(told_of):
        parts += ["Content tree:", tree]
    return "\n\n".join(parts)


def _link(heading: str) -> str:
    return f"[{heading}](#{heading.lower().replace(' ', '-')})"


def _by_module(sop_class_uid: str, present: list[Fate]) -> Iterator[tuple[str, list[Fate]]]:
    """Each attribute in the first module of the IOD that names it."""
    left = {fate.path[0]: True for fate in present}
    by_tag: dict[int, list[Fate]] = {tag: [] for tag in left}
    for fate in present:
        by_tag[fate.path[0]].append(fate)
    keywords = {tag: of[0].outer_keyword for tag, of in by_tag.items()}
    for module in modules_of(sop_class_uid):
        wanted = set(attributes_of(module))
        mine = [tag for tag in left if left[tag] and keywords[tag] in wanted]
        for tag in mine:
            left[tag] = False
        if mine:
            yield _module_name(module), [fate for tag in mine for fate in by_tag[tag]]
    if rest := [fate for tag in left if left[tag] for fate in by_tag[tag]]:
        yield _OUTSIDE, rest


def _module_name(key: str) -> str:
    words = (w.upper() if w.upper() in _ABBREVIATIONS else w.title() for w in key.split("-"))
    return " ".join(words)


def _row(kind: OutputKind, fate: Fate) -> tuple[str, ...]:
    inner = ">" * (len(fate.path) - 1)
    unsaid = fate.presence == "EMPTY" or (fate.source == "FIXED" and is_empty(fate.value))
    return (
        f"{inner}{name_of(fate.path[-1])}",
        tag_text(fate.path[-1]),
        # Of pixel values the sign decides.
        "US or SS" if fate.vr in ("US or SS", "SS") and not inner else fate.vr,
        fate.presence,
        "" if unsaid else fate.source,
        "empty" if unsaid else _value(kind, fate),
    )


def _value(kind: OutputKind, fate: Fate) -> str:
    keyword, within = fate.keyword, len(fate.path) > 1
    if fate.copied:
        return ""
    if within and (keyword.startswith("ReferencedSOP") or keyword.endswith("InstanceUID")):
        return "" if fate.vr == "SQ" else "of the object referred to"
    if fate.appended:
        return "an item behind those of the source"
    if made := OF_KIND.get((kind.value, keyword)) or OF.get(keyword):
        return made
    if fate.follows == ("source",) and (made := _built_on(fate)):
        return made
    if fate.vr == "SQ" and not _is_shown(fate.value):
        return ""
    if "time" in fate.follows:
        return "the revision's date" if fate.vr == "DA" else "the revision's time"
    if fate.follows:
        return "from " + ", ".join(FOLLOWS[name] for name in fate.follows)
    return _shown(fate.value)


def _built_on(fate: Fate) -> str:
    """A text that ends in the source's, or a number above it."""
    if fate.vr == "LO" and str(fate.value).endswith(str(fate.stated)):
        return f"`{str(fate.value).removesuffix(str(fate.stated))}` and the source's, cut to 64"
    if fate.vr == "IS" and fate.stated is not None:
        return f"the source's plus {int(fate.value) - int(fate.stated)}"
    return ""


def _shown(value: object) -> str:
    if isinstance(value, list | tuple | MultiValue):
        return ", ".join(_shown(v) for v in value) if _is_shown(value) else ""
    return str(value)


def _is_shown(value: Iterable[object]) -> bool:
    """Codes and plain values are; items have rows of their own."""
    return not any(isinstance(v, Dataset) for v in value)


def _names(of: Iterable[Fate]) -> str:
    return ", ".join(f"{name_of(f.path[-1])} {tag_text(f.path[-1])}" for f in of)
