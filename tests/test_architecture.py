"""The import law of the house, read from the source itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROLES = ("receiver", "intake", "pipeline", "delivery", "notify", "web")
MAY_IMPORT_ROLES = ("cli", "roles", "worker", "batch", "checkup", "demo", "process", "__main__")


def imports(file: Path) -> set[str]:
    """Full names of the modules that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def files_of(*packages: str) -> list[Path]:
    found: list[Path] = []
    for package in packages:
        path = ROOT / package
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    return [f for f in found if f.exists()]


def role_of(file: Path) -> str | None:
    first = file.relative_to(ROOT / "medq_node").parts[0].removesuffix(".py")
    return first if first in ROLES else None


@pytest.mark.parametrize("file", files_of("engines"), ids=str)
def test_engines_know_arrays_and_words_only(file: Path) -> None:
    for name in imports(file):
        assert not within(name, "medq_node")
        assert not within(name, "rules")
        assert not within(name, "pydicom")


@pytest.mark.parametrize("file", files_of("rules"), ids=str)
def test_rules_know_neither_node_nor_engines(file: Path) -> None:
    for name in imports(file):
        assert not within(name, "medq_node")
        assert not within(name, "engines")


@pytest.mark.parametrize("file", files_of("medq_node"), ids=str)
def test_no_role_imports_another(file: Path) -> None:
    mine = role_of(file)
    first = file.relative_to(ROOT / "medq_node").parts[0].removesuffix(".py")
    for name in imports(file):
        for other in ROLES:
            if other != mine and within(name, f"medq_node.{other}"):
                assert first in MAY_IMPORT_ROLES, f"{file} imports {name}"


def test_a_receiver_process_loads_no_database_and_no_science() -> None:
    code = (
        "import sys, medq_node.process, medq_node.receiver.server\n"
        "heavy = {'sqlalchemy', 'dbos', 'scipy', 'skimage', 'highdicom', 'torch', 'transformers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_worker_loads_no_science_and_the_command_no_database() -> None:
    """What a node loads before it is needed is waited for at every start."""
    code = (
        "import sys, medq_node.cli\n"
        "heavy = {'pydicom', 'sqlalchemy', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "import medq_node.supervisor, medq_node.intake.service, medq_node.worker\n"
        "heavy = {'alembic', 'finufft', 'highdicom', 'onnxruntime', 'scipy', 'skimage'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_serving_never_loads_torch() -> None:
    code = (
        "import sys, medq_node.worker, medq_node.cli\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
