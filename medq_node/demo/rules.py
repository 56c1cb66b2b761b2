"""The starter rules, with another answer to "when to restore" where the user wants one."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import yaml


def write_rules(restore: str, path: Path) -> Path:
    """Write the starter rules to ``path``; ``restore`` is when_needed, always or never."""
    text = (files("rules") / "starter.yaml").read_text(encoding="utf-8")
    if restore != "when_needed":
        rules = yaml.safe_load(text)
        for rule in rules["rules"]:
            if rule["then"]["action"] == "restore" and restore == "never":
                rule["then"] = {k: v for k, v in rule["then"].items() if k != "restore"}
                rule["then"]["action"] = "assess"
            elif rule["then"]["action"] == "restore":
                rule["then"]["restore"] = restore
        text = yaml.safe_dump(rules, sort_keys=False)
    path.write_text(text, encoding="utf-8")
    return path
