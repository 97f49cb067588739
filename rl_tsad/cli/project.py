"""Which workspace a command works on, and the settings that its flags change."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rl_tsad.errors import ConfigError

if TYPE_CHECKING:
    from rl_tsad.services.workspace import Workspace


@dataclass(frozen=True)
class Project:
    """The root command's choices.

    Attributes:
        root: folder of the workspace.
        flags: settings that win over file and environment, nested by section.
    """

    root: Path
    flags: dict[str, Any] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether there is a workspace."""
        return self.settings_file.is_file()

    @property
    def settings_file(self) -> Path:
        """The workspace's settings."""
        from rl_tsad.services.workspace import SETTINGS_FILE

        return self.root / SETTINGS_FILE

    def hint(self, command: str) -> str:
        """Write a command as it can be typed here, with the program as it was called.

        Example:
            >>> Project(Path("pumps")).hint("train").endswith(" --workspace pumps train")
            True
        """
        called = Path(sys.argv[0])
        on_path = shutil.which(called.name) == str(called.absolute())
        program = called.name if on_path or called.name != "rl-tsad" else os.path.relpath(called)
        return f"{program} --workspace {shlex.quote(str(self.root))} {command}"

    def open(self) -> Workspace:
        """Open the workspace with the flags' settings."""
        from rl_tsad.services.workspace import open_workspace

        return open_workspace(self.root, **self.flags)


def parse_flags(pairs: Iterable[str]) -> dict[str, Any]:
    """Turn ``section.key=value`` into nested settings; types are checked where settings are read.

    A value in brackets is a list, written as in the settings file.

    Raises:
        ConfigError: when a pair has no ``=``.

    Example:
        >>> parse_flags(["agent.gamma=0.3", "seed=1"])
        {'agent': {'gamma': '0.3'}, 'seed': '1'}
        >>> parse_flags(['agent.hidden=[32, 32]'])
        {'agent': {'hidden': [32, 32]}}
    """
    flags: dict[str, Any] = {}
    for pair in pairs:
        path, equals, value = pair.partition("=")
        if not equals or not path:
            raise ConfigError(f"expected --set section.key=value, got {pair!r}; for instance --set agent.gamma=0.3")
        *sections, key = path.strip().split(".")
        place = flags
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = _list_in(value)
    return flags


def _list_in(value: str) -> Any:
    """Read a list; what only looks like one stays text, and is refused with its key where settings are read."""
    try:
        return json.loads(value) if value.startswith("[") else value
    except json.JSONDecodeError:
        return value
