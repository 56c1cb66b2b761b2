"""The documents against the program: links, commands, dependencies, settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from medq_node.config import load_config

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert text.strip(), "an empty document"
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{document.name} links to {target}"
        assert file.is_relative_to(ROOT)
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in slugs, f"{document.name} links to {target}"


def test_commands_and_options_of_the_readme_are_those_of_the_program() -> None:
    # Continuous integration likes colours, which would stand between the words.
    forced = ("GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS")
    plain = {k: v for k, v in os.environ.items() if k not in forced}

    def shown(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "medq_node", *arguments, "--help"],
            env={**plain, "NO_COLOR": "1", "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    table = re.findall(r"^\| `medq-node (\w+)[^`]*` \|", README, re.MULTILINE)
    told = re.findall(r"^│ (\w+)  ", shown(), re.MULTILINE)
    assert sorted(table) == sorted(told)
    for command, rest in re.findall(r"`medq-node (\w+)([^`]*)`", README):
        options = re.findall(r"--[\w-]+", rest)
        if options:
            help_text = shown(command)
            assert all(option in help_text for option in options), (command, rest)


def test_make_targets_of_the_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for document in DOCUMENTS:
        named = re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text("utf-8"), re.MULTILINE)
        assert set(named) <= targets, document.name


def test_settings_of_the_readme_are_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(block)), encoding="utf-8")
        config = load_config(path)
        assert "pacs" in config.destinations


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(package for extra in extras for package in extra)]
    decisions = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    missing = [w for w in wanted if f"`{re.match(r'[A-Za-z0-9-]+', w)[0]}`" not in decisions]
    assert missing == []


def test_pictures_are_whole_and_small() -> None:
    ElementTree.parse(ROOT / "docs" / "journey.svg")
    for name in ("before-after.png", "quality-page.png"):
        picture = ROOT / "docs" / name
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size < 600_000
