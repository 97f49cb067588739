"""How settings are read, written and explained: flags, environment, file, defaults, in this order.

Flags beat environment variables (``RL_TSAD_AGENT__GAMMA=0.9``), which beat ``rl-tsad.toml`` in the workspace, which
beats the defaults of :mod:`rl_tsad.config`. Unknown keys are refused.
"""

from __future__ import annotations

import difflib
import inspect
import json
import os
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from rl_tsad.config import Settings
from rl_tsad.errors import ConfigError

_NOT_SETTINGS = frozenset({"RL_TSAD_DATA", "RL_TSAD_WORKSPACE", "RL_TSAD_TEST_DB", "RL_TSAD_API_KEY"})
_SECRETS = "RL_TSAD_OIDC_"
"""Variables with this beginning are secrets for logging in, which the page reads itself."""

_NOT_OF_A_MODEL = frozenset({"database", "access"})


def load_settings(file: Path | None = None, **flags: Any) -> Settings:
    """Read the settings: flags, then environment, then file, then defaults.

    Args:
        file: a TOML file, or None for none.
        flags: settings that win over everything else, nested ones as dictionaries.

    Raises:
        ConfigError: on an unknown key, a wrong type or a number out of range; names the key and where it came from.

    Example:
        >>> load_settings(agent={"gamma": 0.3}).agent.gamma
        0.3
    """
    _refuse_unknown_variables()

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    try:
        return FromFile(**flags)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: expected TOML, got {error}; mend that line or delete the file") from error
    except SettingsError as error:
        raise ConfigError(
            f"expected lists in environment variables as JSON, such as RL_TSAD_AGENT__HIDDEN='[64, 64]', got {error}; "
            "mend or unset that variable"
        ) from error
    except ValidationError as error:
        raise ConfigError(_explain(error, file)) from error


def settings_text(settings: Settings) -> str:
    """Write settings as TOML: what differs from the defaults as it is, the rest as comments to discover.

    Example:
        >>> "gamma = 0.3" in settings_text(load_settings(agent={"gamma": 0.3})).splitlines()
        True
    """
    given, defaults = _plain(settings), _plain(Settings.model_construct())
    lines = ["# rl-tsad settings; commented lines show the defaults. Flags and RL_TSAD_* variables win over this file."]
    lines += _section("", given, defaults)
    return "\n".join(lines) + "\n"


def digest_facts(settings: Settings) -> dict[str, Any]:
    """Give the settings that a model may depend on as plain JSON values.

    The database URL is left out (it may hold a password), and so is who may come in.

    Example:
        >>> "database" in digest_facts(Settings())
        False
    """
    return {key: value for key, value in _plain(settings).items() if key not in _NOT_OF_A_MODEL}


def _plain(settings: Settings) -> dict[str, Any]:
    adapter = TypeAdapter(dict[str, Any])
    return dict(json.loads(adapter.dump_json(dict(settings))))


def _section(path: str, given: dict[str, Any], defaults: dict[str, Any]) -> list[str]:
    lines, nested = [], []
    told = _explained(path)
    for key, value in given.items():
        if isinstance(value, dict):
            name = f"{path}.{key}".lstrip(".")
            nested += ["", f"[{name}]", *_section(name, value, defaults[key])]
        else:
            lines += [f"#: {line}" for line in textwrap.wrap(told.get(key, ""), 110)]
            shown = '""' if value is None else json.dumps(value)
            lines.append(f"{key} = {shown}" if value != defaults[key] else f"# {key} = {shown}")
    return lines + nested


def _explained(path: str) -> dict[str, str]:
    """Take what the docstring of a section's class says of each setting."""
    room: Any = Settings
    for name in path.split(".") if path else []:
        room = get_type_hints(room, include_extras=False)[name]
    text = inspect.cleandoc(room.__doc__ or "").partition("Attributes:")[2]
    told: dict[str, str] = {}
    for names, words in re.findall(r"^    (\w[\w, ]*): (.*(?:\n        .*)*)", text, flags=re.MULTILINE):
        told |= dict.fromkeys(re.split(r",\s*", names), " ".join(words.split()).replace("``", ""))
    return told


def _refuse_unknown_variables() -> None:
    known = {f"RL_TSAD_{name.upper()}" for name in Settings.model_fields}
    for variable in os.environ:
        first = variable.upper().split("__")[0]
        if first.startswith("RL_TSAD_") and not first.startswith(_SECRETS) and first not in known | _NOT_SETTINGS:
            raise ConfigError(
                f"expected RL_TSAD_<section>__<key> with a section of {', '.join(sorted(Settings.model_fields))}, "
                f"got the environment variable {variable}; unset it or mend its name"
            )


def _explain(error: ValidationError, file: Path | None) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    where = f"{file}, environment or flags" if file else "environment or flags"
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        near = difflib.get_close_matches(key, _known_keys(), n=1)
        advice = f"did you mean {near[0]!r}?" if near else "the workspace's rl-tsad.toml lists them all"
        return f"setting {key!r}: expected a known key, got an unknown one ({where}); {advice}"
    if first["type"] == "tuple_type":
        usual = json.dumps(_default_of(key))
        return f"setting {key!r}: expected a list such as {usual}, got {first['input']!r} ({where}); mend that value"
    return f"setting {key!r}: {first['msg']}, got {first['input']!r} ({where}); mend that value"


def _default_of(key: str) -> Any:
    value: Any = _plain(Settings.model_construct())
    for name in key.split("."):
        value = value[name]
    return value


def _known_keys() -> list[str]:
    keys: list[str] = []

    def walk(path: str, values: dict[str, Any]) -> None:
        for key, value in values.items():
            keys.append(f"{path}{key}")
            if isinstance(value, dict):
                walk(f"{path}{key}.", value)

    walk("", _plain(Settings.model_construct()))
    return keys
