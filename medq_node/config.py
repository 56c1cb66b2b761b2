"""config.yaml as one typed object, with MEDQ_* variables over it.

``MEDQ_SECTION__FIELD`` in the environment beats the file. The settings themselves stand in
``medq_node.config_sections``; how a problem is told, in ``medq_node.config_problems``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, cast

from pydantic import ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from engines.base import EngineOptions
from medq_node.config_problems import (
    ENV_PREFIX,
    NESTING,
    Problem,
    from_pydantic,
    stray_variables,
    tell_all,
    unknown_word,
)
from medq_node.config_sections import (
    Caller,
    DatabaseSettings,
    DeliverySettings,
    Destination,
    DestinationName,
    DicomDestination,
    EngineSettings,
    FolderDestination,
    GateSettings,
    InlineSettings,
    IntakeSettings,
    LogSettings,
    NodeSettings,
    PipelineSettings,
    ReceiverSettings,
    RetentionSettings,
    RulesSettings,
    Section,
)
from medq_node.config_trust import (
    CertifySection,
    EmailTarget,
    FirewallSettings,
    IdentitySettings,
    NotificationSettings,
    NotificationTarget,
    WebhookTarget,
)
from medq_node.errors import ConfigError
from medq_node.objects import CertifySettings, GateLimits
from rules.located_yaml import LocatedYaml, Location, YamlError, read_yaml

__all__ = [
    "Config",
    "load_config",
    "Caller",
    "DatabaseSettings",
    "DeliverySettings",
    "Destination",
    "DestinationName",
    "DicomDestination",
    "EmailTarget",
    "EngineSettings",
    "FirewallSettings",
    "FolderDestination",
    "GateSettings",
    "IdentitySettings",
    "InlineSettings",
    "IntakeSettings",
    "LogSettings",
    "NodeSettings",
    "NotificationSettings",
    "NotificationTarget",
    "PipelineSettings",
    "ReceiverSettings",
    "RetentionSettings",
    "RulesSettings",
    "Section",
    "WebhookTarget",
]


class Config(BaseSettings):
    """All settings of a node; made by ``load_config``."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=NESTING,
        env_parse_none_str="null",
        nested_model_default_partial_update=False,
    )
    node: NodeSettings = NodeSettings()
    database: DatabaseSettings = DatabaseSettings()
    receiver: ReceiverSettings = ReceiverSettings()
    intake: IntakeSettings = IntakeSettings()
    pipeline: PipelineSettings = PipelineSettings()
    engine: EngineSettings = EngineSettings()
    firewall: FirewallSettings = FirewallSettings()
    identity: IdentitySettings = IdentitySettings()
    gate: GateSettings = GateSettings()
    certify: CertifySection = CertifySection()
    destinations: Mapping[DestinationName, Destination] = {}
    delivery: DeliverySettings = DeliverySettings()
    notifications: NotificationSettings = NotificationSettings()
    inline: InlineSettings = InlineSettings()
    rules: RulesSettings = RulesSettings()
    retention: RetentionSettings = RetentionSettings()
    log: LogSettings = LogSettings()

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the node's tables."""
        return self.database.url or f"sqlite:///{self.node.data / 'medq.sqlite'}"

    @property
    def workflow_database_url(self) -> str:
        """SQLAlchemy URL of the workflow engine's tables."""
        return self.database.workflow_url or f"sqlite:///{self.node.data / 'dbos.sqlite'}"

    @property
    def originals_to(self) -> tuple[str, ...]:
        """Where every original goes on to, whatever rules say: nowhere unless inline."""
        return self.inline.forward_to if self.node.topology == "inline" else ()

    @property
    def engine_options(self) -> EngineOptions:
        """How engines run here; which cores and which GPU, each child is told by its place."""
        chosen = self.engine
        compiled = chosen.compiled or self.node.data / "compiled"
        return EngineOptions(chosen.runtime, weights=chosen.weights, compiled=compiled)

    @property
    def gate_limits(self) -> GateLimits:
        """The limits of the do-no-harm gate."""
        return GateLimits(**self.gate.model_dump())

    @property
    def certify_settings(self) -> CertifySettings:
        """How outputs are judged before they leave."""
        chosen = self.certify
        return CertifySettings(chosen.judges, chosen.judged_images, chosen.judge_timeout_s)

    @model_validator(mode="after")
    def _forwarding_is_possible(self) -> Self:
        if self.node.topology == "inline" and not self.inline.forward_to:
            raise _located(
                ("inline", "forward_to"),
                "topology inline needs at least one destination for the originals; "
                "name the PACS, e.g. forward_to: [pacs]",
            )
        for index, name in enumerate(self.inline.forward_to):
            if name not in self.destinations:
                raise _located(
                    ("inline", "forward_to", index),
                    unknown_word("destination", name, self.destinations)
                    + "; define it under destinations",
                )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment beats the file, which arrives as init arguments."""
        return env_settings, init_settings


def load_config(path: Path | None) -> Config:
    """The settings in ``path``, with the environment over them.

    Relative paths are taken from the file's folder. ``None`` means defaults and environment only,
    relative to the current folder.

    Raises:
        ConfigError: one line per problem, each with file and line, or the variable's name.
    """
    located = LocatedYaml({}, {}) if path is None else _read(path)
    sections = list(Config.model_fields)
    environment, problems = _environment()
    problems += stray_variables(os.environ, sections)
    data = {k: v for k, v in cast(dict[str, Any], located.data or {}).items() if v is not None}
    # A section whose lines are all commented out is null: its defaults hold. A leading underscore
    # would reach pydantic-settings' own parameters.
    for key in [key for key in data if key.startswith("_")]:
        problems.append(Problem((key,), unknown_word("section", key, sections)))
        del data[key]
    try:
        config = Config(**data)
    except SettingsError:
        pass  # the unreadable variables are among the problems already
    except ValidationError as error:
        problems += [
            from_pydantic(e, _settings_beside(e["loc"]), environment, located)
            for e in error.errors()
        ]
    if problems:
        source = None if path is None else str(path)
        raise ConfigError(tell_all(problems, source, located, os.environ))
    return _anchored(config, Path.cwd() if path is None else path.resolve().parent)


def _read(path: Path) -> LocatedYaml:
    try:
        located = read_yaml(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; name another with --config, or copy config.yaml from the "
            "project and edit it"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    except YamlError as error:
        raise ConfigError(f"{path}:{error.line}: {error}") from None
    if located.data is not None and not isinstance(located.data, dict):
        raise ConfigError(f"{path}:{located.line(())}: expected sections such as `receiver:`")
    return located


def _environment() -> tuple[dict[str, Any], list[Problem]]:
    """What the variables say, nested as in the file, and those that can't be read."""
    source = EnvSettingsSource(Config)
    try:
        return source(), []
    except SettingsError as error:
        every, unreadable = dict(source.env_vars), []
        for name, value in every.items():
            source.env_vars = {name: value}
            try:
                source()
            except SettingsError:
                parts = tuple(name.lower().removeprefix(ENV_PREFIX.lower()).split(NESTING))
                message = "is not valid JSON, which a list or a group of settings needs"
                unreadable.append(Problem(parts, message, from_environment=True))
        return {}, unreadable or [Problem((), str(error), from_environment=True)]


def _settings_beside(loc: tuple[str | int, ...]) -> list[str]:
    """Names of the settings that may stand where pydantic found ``loc``."""
    if len(loc) < 2:
        return list(Config.model_fields)
    if loc[0] == "destinations":
        kinds: dict[object, type[Section]] = {
            "dicom": DicomDestination,
            "folder": FolderDestination,
        }
        return list(kinds[loc[2]].model_fields) if len(loc) > 2 and loc[2] in kinds else []
    if loc[:2] == ("notifications", "targets") and len(loc) > 3:
        targets: dict[object, type[Section]] = {"webhook": WebhookTarget, "email": EmailTarget}
        return list(targets[loc[3]].model_fields) if loc[3] in targets else []
    if loc[:2] == ("receiver", "callers"):
        return list(Caller.model_fields)
    section = Config.model_fields[str(loc[0])].annotation
    return list(cast(type[Section], section).model_fields)


def _located(location: Location, message: str) -> PydanticCustomError:
    """A problem between sections, at the setting where it can be mended."""
    return PydanticCustomError("located", "{message}", {"location": location, "message": message})


def _anchored(config: Config, folder: Path) -> Config:
    """The same settings, with every path absolute, seen from ``folder``."""
    destinations = {
        name: d.model_copy(update={"path": folder / d.path.expanduser()})
        if isinstance(d, FolderDestination)
        else d
        for name, d in config.destinations.items()
    }
    data = (folder / config.node.data.expanduser()).resolve()
    seed = folder / config.rules.seed.expanduser()
    weights, compiled = config.engine.weights, config.engine.compiled
    return config.model_copy(
        update={
            "node": config.node.model_copy(update={"data": data}),
            "engine": config.engine.model_copy(
                update={
                    "weights": weights and (folder / weights.expanduser()).resolve(),
                    "compiled": compiled and (folder / compiled.expanduser()).resolve(),
                }
            ),
            "rules": config.rules.model_copy(update={"seed": seed}),
            "destinations": destinations,
        }
    )
