"""Where do finished measurements stay so that a run can go on, and what makes them stale?"""

from __future__ import annotations

import ast
import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
_KINDS = {"str": str, "int": int, "float": float}


class Table(Generic[Row]):
    """Finished measurements, a line of a CSV file each, written as soon as they are measured.

    Args:
        file: read where it exists.
        kind: dataclass of str, int and float fields; its module postpones annotations.
        key: fields that tell one measurement from another.
    """

    def __init__(self, file: Path, kind: type[Row], key: tuple[str, ...]) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        cut_torn_line(file)
        self._file, self._kind, self._key = file, kind, key
        self.rows: dict[tuple[Any, ...], Row] = {}
        if file.exists():
            with file.open(newline="") as lines:
                for line in csv.DictReader(lines):
                    self._remember(self._read(line))

    def keep(self, row: Row) -> None:
        """Write the line."""
        is_new = not self._file.exists() or not self._file.stat().st_size
        with self._file.open("a", newline="") as file:
            writer = csv.DictWriter(file, [each.name for each in fields(self._kind)])  # type: ignore[arg-type]
            if is_new:
                writer.writeheader()
            writer.writerow(asdict(row))  # type: ignore[call-overload]
        self._remember(row)

    def has(self, *key: Any) -> bool:
        """Say whether a measurement is finished."""
        return key in self.rows

    def _remember(self, row: Row) -> None:
        self.rows[tuple(getattr(row, name) for name in self._key)] = row

    def _read(self, line: Mapping[str, str]) -> Row:
        return self._kind(**{each.name: _KINDS[str(each.type)](line[each.name]) for each in fields(self._kind)})  # type: ignore[arg-type]


def cut_torn_line(path: Path) -> None:
    """Drop what a crash left behind the last line break; it is measured again."""
    if path.exists():
        whole = path.read_bytes()
        path.write_bytes(whole[: whole.rfind(b"\n") + 1])


def code_version(settings: str, files: Iterable[Path]) -> str:
    """Give twelve letters that change with settings and code, not with comments and docstrings."""
    total = hashlib.sha256(settings.encode())
    for path in files:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            first = next(iter(getattr(node, "body", []) if hasattr(node, "name") or node is tree else []), None)
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                first.value.value = ""
        total.update(ast.dump(tree).encode())
    return total.hexdigest()[:12]
