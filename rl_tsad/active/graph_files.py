"""How a graph lies on disk: arrays that are memory-mapped, and a note with their digest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_tsad.active.graph import Graph, Placed
from rl_tsad.active.neighbours import Scaling
from rl_tsad.active.search_files import Cells, replacing
from rl_tsad.active.window_table import WindowTable
from rl_tsad.errors import CheckpointError

FORMAT = 2
_WINDOWS = ("series", "starts")
_EDGES = ("indptr", "indices", "weights")
_PLACED = ("points", "scale", "centres", "assigned", "center", "spread")


def save_graph(graph: Graph, folder: Path) -> str:
    """Write the graph as ``.npy`` files and a JSON note that names their digest.

    Each file replaces its predecessor in one step and the note comes last: what is torn does not load.

    Returns:
        The sha256 digest over arrays and facts.

    Example:
        >>> import tempfile
        >>> from rl_tsad.active.graph import build_graph
        >>> g = build_graph(np.eye(2, dtype=np.float32), np.array(["a:0:8", "a:4:8"]), neighbours=1)
        >>> with tempfile.TemporaryDirectory() as d:
        ...     digest = save_graph(g, Path(d))
        ...     load_graph(Path(d), digest).keys.tolist()
        ['a:0:8', 'a:4:8']
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = _arrays(graph)
    for name, array in arrays.items():
        with replacing(folder / f"{name}.npy") as part, part.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    facts: dict[str, Any] = {"format": FORMAT, "windows": len(graph), "edges": len(graph.indices) // 2}
    facts |= {"names": graph.windows.names, "length": graph.windows.length, "arrays": sorted(arrays)}
    if graph.placed is not None:
        facts |= {"recall": graph.recall, "probes": graph.probes}
        facts |= {"neighbours": graph.placed.count, "mutual": graph.placed.mutual}
    digest = _digest(folder, facts)
    with replacing(folder / "graph.json") as part:
        part.write_text(json.dumps({**facts, "digest": digest}, indent=2) + "\n", encoding="utf-8")
    return digest


def load_graph(folder: Path, digest: str | None = None) -> Graph:
    """Open a saved graph as read-only memory maps.

    Args:
        folder: where :func:`save_graph` wrote.
        digest: digest that the caller expects; only the note's own when omitted.

    Raises:
        CheckpointError: when files are missing, damaged or not the expected ones.
    """
    try:
        note = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
        written = note.pop("digest")
        real = _digest(folder, note)
        names = [name for name in (*_WINDOWS, *_EDGES, *_PLACED) if name in note["arrays"]]
        arrays = {name: _mapped(folder / f"{name}.npy") for name in names}
        graph = _graph_of(arrays, note)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"expected a graph in {folder}, got {error!r}; retrain to build it again") from error
    if real != written or (digest is not None and digest != written):
        raise CheckpointError(
            f"expected graph {digest or written} in {folder}, got {real}; the files were changed or torn: retrain"
        )
    return graph


def load_windows(folder: Path) -> WindowTable:
    """Open which windows a saved graph holds, without the graph.

    Raises:
        CheckpointError: when files are missing or damaged.
    """
    try:
        note = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
        arrays = {name: _mapped(folder / f"{name}.npy") for name in _WINDOWS}
        return _table_of(arrays, note)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"expected a graph in {folder}, got {error!r}; retrain to build it again") from error


def _mapped(file: Path) -> NDArray[Any]:
    """Open an array as a plain view of its memory map: slices of an np.memmap cost ten times those of an array."""
    return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))


def _arrays(graph: Graph) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"series": graph.windows.series, "starts": graph.windows.starts}
    arrays |= {name: getattr(graph, name) for name in _EDGES}
    if (placed := graph.placed) is not None:
        arrays |= {"points": placed.points, "scale": placed.scale}
        arrays |= {"centres": placed.cells.centres, "assigned": placed.cells.assigned}
        arrays |= {"center": placed.scaling.center, "spread": placed.scaling.spread}
    return arrays


def _graph_of(arrays: dict[str, NDArray[Any]], note: dict[str, Any]) -> Graph:
    placed = None
    if "points" in arrays:
        cells = Cells(arrays["centres"], arrays["assigned"], int(note["probes"]), float(note["recall"]))
        scaling = Scaling(np.array(arrays["center"]), np.array(arrays["spread"]))
        how = int(note["neighbours"]), bool(note["mutual"])
        placed = Placed(arrays["points"], arrays["scale"], scaling, cells, *how)
    indptr, indices, weights = (arrays[name] for name in _EDGES)
    return Graph(_table_of(arrays, note), indptr, indices, weights, placed=placed)


def _table_of(arrays: dict[str, NDArray[Any]], note: dict[str, Any]) -> WindowTable:
    return WindowTable(tuple(note["names"]), arrays["series"], arrays["starts"], int(note["length"]))


def _digest(folder: Path, facts: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in facts["arrays"]:
        if name not in (*_WINDOWS, *_EDGES, *_PLACED):
            raise ValueError(f"no array of a graph is called {name!r}")
        with (folder / f"{name}.npy").open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
