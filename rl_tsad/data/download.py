"""How does a published data set get here, whole and checked, from its publisher or a local copy?"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from rl_tsad.data.telemanom import telemanom_ranges
from rl_tsad.errors import DataError
from rl_tsad.progress import Progress, no_progress

_ENTRIES = "entries:"


@dataclass(frozen=True)
class Dataset:
    """A published benchmark.

    Attributes:
        name: for the command line; also the folder's name.
        title: for people.
        url: where the publisher keeps the files; a file's address is ``url/path``.
        licence: of the data.
        citation: what to cite.
        files: relative path -> SHA-256, or ``entries:`` and the sum of the listed series' entries.
        addresses: full address of files that another publisher keeps.

    Raises:
        DataError: when a path would lead out of the folder.
    """

    name: str
    title: str
    url: str
    licence: str
    citation: str
    files: Mapping[str, str]
    addresses: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in (self.name, *self.files):
            parts = PurePosixPath(path).parts
            if not parts or PurePosixPath(path).is_absolute() or ".." in parts or "\\" in path:
                raise DataError(f"dataset {self.name!r}: expected a path inside its folder, got {path!r}; correct it")

    def address(self, path: str) -> str:
        """Give the address of one file."""
        return self.addresses.get(path, f"{self.url.rstrip('/')}/{path}")


def fetch_dataset(
    dataset: Dataset, target: Path, *, source: Path | None = None, progress: Progress = no_progress
) -> Path:
    """Bring any data set's files into ``target/name``: see :func:`rl_tsad.data.catalog.fetch`.

    Raises:
        DataError: when a file is missing or wrong, or the publisher cannot be reached.

    Example:
        >>> folder = tempfile.TemporaryDirectory()
        >>> copy = Path(folder.name, "copy")
        >>> copy.mkdir()
        >>> _ = Path(copy, "a.csv").write_bytes(b"x")
        >>> tiny = Dataset("tiny", "", "", "", "", {"a.csv": hashlib.sha256(b"x").hexdigest()})
        >>> fetch_dataset(tiny, Path(folder.name), source=copy).name
        'tiny'
        >>> folder.cleanup()
    """
    final = Path(target) / dataset.name
    if final.exists():
        _check_all(dataset, final, progress)
        return final
    partial = final.with_name(f".{dataset.name}.partial")
    for done, path in enumerate(dataset.files):
        progress(f"fetch/{dataset.name}", done, len(dataset.files))
        if not _is_right(dataset, path, partial / path):
            _bring(dataset, path, partial / path, source)
    partial.replace(final)
    progress(f"fetch/{dataset.name}", len(dataset.files), len(dataset.files))
    return final


def _check_all(dataset: Dataset, folder: Path, progress: Progress) -> None:
    for done, path in enumerate(dataset.files, start=1):
        if not _is_right(dataset, path, folder / path):
            raise DataError(
                f"{folder / path}: expected the publisher's file, got another or none; "
                f"move {folder} away and fetch it again"
            )
        progress(f"fetch/{dataset.name}", done, len(dataset.files))


def _bring(dataset: Dataset, path: str, place: Path, source: Path | None) -> None:
    """Bring one file to its place, whole and right or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fetching-") as folder:
        arriving = Path(folder) / place.name
        if source is None:
            _download(dataset.address(path), arriving)
        else:
            _copy(dataset, path, Path(source), arriving)
        if not _is_right(dataset, path, arriving):
            origin = dataset.address(path) if source is None else f"{source}"
            raise DataError(
                f"{path} from {origin}: expected the file with the known SHA-256 sum, got another; "
                "the publisher changed it or the copy is damaged: try again or take another copy (--from)"
            )
        arriving.replace(place)


def _copy(dataset: Dataset, path: str, source: Path, arriving: Path) -> None:
    for folder in (source, source / dataset.name, source / "data"):
        if (folder / path).is_file():
            shutil.copyfile(folder / path, arriving)
            return
    raise DataError(f"{source}: expected {path} in it or in {dataset.name}/, got no such file; check --from")


def _download(address: str, arriving: Path) -> None:
    import pooch
    import requests

    downloader = pooch.HTTPDownloader(timeout=60)
    try:
        downloader(address, str(arriving), None)
    except (requests.RequestException, OSError, ValueError) as error:
        raise DataError(
            f"{address}: expected the publisher's file, got no answer ({error}); "
            "check the connection, or take a local copy (--from DIR)"
        ) from error


def _is_right(dataset: Dataset, path: str, place: Path) -> bool:
    wanted = dataset.files[path]
    if not place.is_file():
        return False
    if wanted.startswith(_ENTRIES):
        return _entries_sum(dataset, place) == wanted.removeprefix(_ENTRIES)
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == wanted


def _entries_sum(dataset: Dataset, place: Path) -> str | None:
    """Sum the entries of the data set's own series in a label file; None when it cannot be read."""
    try:
        content = json.loads(place.read_bytes()) if place.suffix == ".json" else telemanom_ranges(place)
        listed = {name: content[name] for name in _series(dataset, place) if name in content}
    except (ValueError, TypeError, DataError):
        return None
    text = json.dumps(listed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _series(dataset: Dataset, place: Path) -> list[str]:
    if place.suffix == ".json":
        return [path.removeprefix("data/") for path in dataset.files if path.startswith("data/")]
    return [PurePosixPath(path).stem for path in dataset.files if path.startswith("test/")]
