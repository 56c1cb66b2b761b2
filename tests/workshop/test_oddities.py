"""Odd files, each a series of its own: what must yield valid outputs does, the rest says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from medq_node.errors import Unprocessable
from medq_node.objects import OutputKind
from medq_node.pixels.series import open_stacks
from medq_node.workshop.certify import certify
from medq_node.workshop.produce import produce
from tests.oddities import oddities, work_order
from tests.workshop.odd_files import ASSESSED, RESTORED

pytestmark = [
    pytest.mark.data,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.usefixtures("untested_engines"),
]


@pytest.fixture(autouse=True)
def _no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture costs more than all that is looked at here."""
    monkeypatch.setattr(
        "medq_node.workshop.stack.before_after_png", lambda *_: _[-1].write_bytes(b"")
    )


@pytest.mark.parametrize("name", RESTORED)
def test_it_is_restored(data_root: Path, tmp_path: Path, name: str) -> None:
    order = work_order(data_root / "torture" / name, tmp_path / "out")
    result = produce(order)
    kinds = [output.kind for output in result.outputs]
    assert kinds.count(OutputKind.RESTORED) >= 1
    assert kinds.count(OutputKind.REPORT) == 1
    assert certify(order) == ()


@pytest.mark.parametrize("name", ASSESSED)
def test_it_is_assessed_and_says_why_no_more(data_root: Path, tmp_path: Path, name: str) -> None:
    order = work_order(data_root / "torture" / name, tmp_path / "out")
    result = produce(order)
    assert [output.kind for output in result.outputs] == [OutputKind.REPORT]
    assert result.reasons
    assert certify(order) == ()


def test_all_the_rest_is_refused_with_a_reason(data_root: Path) -> None:
    folder = data_root / "torture"
    named = {folder / name for name in (*RESTORED, *ASSESSED)}
    rest = [path for path in oddities(folder) if path not in named]
    assert len(rest) == 257 - len(named)
    for path in rest:
        with pytest.raises(Unprocessable) as refusal:
            open_stacks([path])
        assert len(str(refusal.value)) > 20, path
