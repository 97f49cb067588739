"""Which reader fits a file or folder? The one door for everything that comes from disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rl_tsad.data.published import is_tsb, nab_root, read_nab, read_skab, read_tsb, skab_runs
from rl_tsad.data.tabular import read_csv, read_parquet
from rl_tsad.data.telemanom import read_telemanom, telemanom_root
from rl_tsad.data.understanding import Reading, ReadOptions, Understanding, naming
from rl_tsad.errors import DataError

__all__ = ["ReadOptions", "Reading", "Understanding", "read_path"]

_TEXTS = (".csv", ".tsv", ".txt")
_PARQUETS = (".parquet", ".pq")


def read_path(path: Path, options: ReadOptions | None = None) -> Iterator[Reading]:
    r"""Read a file, or all series of a folder, one after the other.

    A folder is recognised as NAB, SKAB or SMAP/MSL by its layout; from any other, every CSV and Parquet file is read,
    subfolders included, hidden files not, in the order of their paths. A single file inside a NAB or SMAP/MSL folder
    brings its truth along.

    Args:
        path: file or folder.
        options: what the reader should not guess; ``name`` only for a single file.

    Yields:
        Readings with distinct series names.

    Raises:
        DataError: names file, line and column of what cannot be read.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> _ = Path(folder.name, "pump.csv").write_text("time,flow\n2024-01-01,1\n2024-01-02,2\n")
        >>> [reading.series.name for reading in read_path(Path(folder.name))]
        ['pump']
        >>> folder.cleanup()
    """
    options = options or ReadOptions()
    path = Path(path)
    if path.is_dir():
        return _distinct(_read_folder(path, _nameless(options)))
    if not path.is_file():
        raise DataError(f"{path}: expected a file or folder, got nothing there; check the path")
    return _read_file(path, options)


def _read_folder(folder: Path, options: ReadOptions) -> Iterator[Reading]:
    if nab_root(folder) == folder:
        return read_nab(folder, options)
    if telemanom_root(folder) == folder:
        return read_telemanom(folder, options)
    runs = skab_runs(folder)
    return read_skab(runs, options, folder=folder) if runs else _read_files(folder, options)


def _read_files(folder: Path, options: ReadOptions) -> Iterator[Reading]:
    files = [path for path in sorted(folder.rglob("*")) if _is_table(path.relative_to(folder)) and path.is_file()]
    if not files:
        raise DataError(f"{folder}: expected CSV or Parquet files, got none; check the path")
    stems = Counter(path.stem for path in files)
    for path in files:
        inside = path.relative_to(folder)
        name = path.stem if stems[path.stem] == 1 else "-".join(inside.with_suffix("").parts)
        with naming(path, folder):
            yield from _read_file(path, replace(options, name=name))


def _read_file(path: Path, options: ReadOptions) -> Iterator[Reading]:
    if path.suffix.lower() == ".npy":
        return _read_array(path, options)
    if path.suffix.lower() in _PARQUETS:
        return iter([read_parquet(path, options)])
    if path.suffix.lower() not in _TEXTS:
        raise DataError(f"{path.name}: expected .csv, .parquet or .npy, got {path.suffix!r}; export it as CSV")
    root = nab_root(path)
    if root is not None and path.is_relative_to(root / "data"):
        return read_nab(root, options, only=path)
    return iter([read_tsb(path, options) if is_tsb(path) else read_csv(path, options)])


def _read_array(path: Path, options: ReadOptions) -> Iterator[Reading]:
    root = telemanom_root(path)
    if root is None or path.parent != root / "test":
        raise DataError(
            f"{path.name}: expected an array in a SMAP/MSL folder (test/{path.name} beside labeled_anomalies.csv), "
            "got one elsewhere; save it as CSV or Parquet with named columns"
        )
    return read_telemanom(root, options, only=path)


def _distinct(readings: Iterator[Reading]) -> Iterator[Reading]:
    seen: dict[str, Path] = {}
    for reading in readings:
        name = reading.series.name
        if name in seen:
            raise DataError(
                f"expected a name of its own for every series, got {name!r} from {seen[name]} and "
                f"{reading.understanding.path}; rename one of the files"
            )
        seen[name] = reading.understanding.path
        yield reading


def _nameless(options: ReadOptions) -> ReadOptions:
    if options.name is not None:
        raise DataError(f"expected a single file for the name {options.name!r}, got a folder; leave --name away")
    return options


def _is_table(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.suffix.lower() in (".csv", ".tsv", *_PARQUETS)
