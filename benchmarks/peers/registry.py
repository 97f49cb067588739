"""Which detectors stand in the table, under what name, and what would make their numbers stale?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from detection.table import code_version
from protocol import Method

from peers import ours, outliers, plain, tsb
from peers.targets import on_targets

ROOT = Path(__file__).parents[2]
_HERE = Path(__file__).parent
_SHARED = (_HERE / "windows.py",)


@dataclass(frozen=True)
class Peer:
    """A detector of the table.

    Attributes:
        title: as the table names it.
        group: what kind of row it is.
        fit: the method.
        seeded: whether another seed gives another score; the others run once.
        sources: files that decide its scores; a change makes its numbers stale.
        whole: whether it is fitted on the whole series where nothing apart is given (TSB-AD's unsupervised methods).
        published: TSB-AD's name for the same method with the same settings, by set.
        prepare: imports and compiles, once and off the clock.
        settings: further text that decides its scores, such as a configuration.
    """

    title: str
    group: str
    fit: Method
    seeded: bool
    sources: tuple[Path, ...]
    whole: bool = True
    published: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[], object] = lambda: None
    settings: str = ""

    @property
    def version(self) -> str:
        """Digest of sources and settings."""
        return digest(self.sources, self.settings)


@cache
def digest(files: tuple[Path, ...], settings: str) -> str:
    """Give twelve letters that change with the files' code (of folders: their Python files) or the settings."""
    return code_version(settings, (path for each in files for path in (sorted(each.rglob("*.py")) or [each])))


def _own(settings: str, method: Method, title: str) -> Peer:
    data = [f"data/{name}.py" for name in ("bases", "disturb", "period", "scaling", "windows")]
    code = [ROOT / "rl_tsad" / part for part in ("detector", *data, "types.py", "seeding.py")]
    return Peer(title, "rl-tsad", method, True, (*code, _HERE / "ours.py"), whole=False, settings=settings)


def _pyod(module: str, name: str, *, seeded: bool = False) -> Peer:
    method = outliers.pyod(module, name, seeded=seeded)
    prepare = partial(outliers.load_pyod, module)
    sources = (*_SHARED, _HERE / "outliers.py")
    return Peer(f"PyOD {name}", "PyOD, windows of 100", method, seeded, sources, prepare=prepare)


def _tsb(title: str, method: Method, nab: str = "", smap: str = "", *, seeded: bool = False) -> Peer:
    published = {name: column for name, column in (("nab", nab), ("smap", smap)) if column}
    return Peer(title, "TSB-AD's settings", method, seeded, (*_SHARED, _HERE / "tsb.py"), published=published)


def _on_targets(peer: Peer) -> Peer:
    fit, sources = on_targets(peer.fit), (*peer.sources, _HERE / "targets.py")
    published = {name: column for name, column in peer.published.items() if name == "nab"}  # one column: the same
    return replace(peer, title=f"{peer.title}, targets", fit=fit, sources=sources, published=published)


def _plain(title: str, group: str, method: Method, nab: str = "") -> Peer:
    published = {"nab": nab} if nab else {}
    return Peer(title, group, method, title == "random", (*_SHARED, _HERE / "plain.py"), published=published)


_PYOD = {
    "iforest-100": _pyod("iforest", "IForest", seeded=True),
    "hbos-100": _pyod("hbos", "HBOS"),
    "knn-100": _pyod("knn", "KNN"),
    "pca-100": _pyod("pca", "PCA"),
    "ecod-100": _pyod("ecod", "ECOD"),
}
_TSB = {
    "iforest": _tsb("IForest", tsb.iforest, "IForest", "IForest", seeded=True),
    "hbos": _tsb("HBOS", tsb.hbos, "Sub-HBOS", "HBOS"),
    "knn": _tsb("KNN", tsb.knn, "Sub-KNN", "KNN"),
    "pca": _tsb("PCA", tsb.sub_pca(windows=False), "Sub-PCA", "PCA"),
    "sub-pca": _tsb("Sub-PCA", tsb.sub_pca(), "Sub-PCA"),
    "kmeans-ad": _tsb("KMeansAD", tsb.kmeans, "KMeansAD", "KMeansAD", seeded=True),
}
_UNIVARIATE = {
    "matrix-profile": replace(
        _plain("Matrix Profile", "univariate: targets", plain.matrix_profile, "MatrixProfile"),
        prepare=plain.load_stumpy,
    ),
    "spectral-residual": _plain("Spectral residual", "univariate: targets", plain.spectral_residual, "SR"),
}
PEERS: dict[str, Peer] = {
    "rl-tsad": _own(repr((ours.CONFIG, ours.WINDOWS)), ours.rl_tsad, "rl-tsad"),
    **_PYOD,
    **{f"{name}-targets": _on_targets(peer) for name, peer in _PYOD.items()},
    **_TSB,
    **{f"{name}-targets": _on_targets(_TSB[name]) for name in ("sub-pca", "kmeans-ad")},
    **_UNIVARIATE,
    "robust-z": _plain("robust z, largest", "controls", plain.robust_z),
    "random": _plain("random", "controls", plain.by_chance),
}
"""All rows, by the name that the command line takes."""
