"""Which benchmarks are known by name, and whose are they?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rl_tsad.data import checksums
from rl_tsad.data.download import Dataset, fetch_dataset
from rl_tsad.errors import DataError
from rl_tsad.progress import Progress, no_progress

__all__ = ["DATASETS", "Dataset", "fetch", "fetch_dataset"]

_RAW = "https://raw.githubusercontent.com"

DATASETS: Mapping[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "nab",
            "Numenta Anomaly Benchmark: 30 univariate series of servers, ads and machines",
            f"{_RAW}/numenta/NAB/master",
            "MIT",
            "Ahmad, Lavin, Purdy, Agha (2017): Unsupervised real-time anomaly detection for streaming data",
            checksums.NAB,
        ),
        Dataset(
            "skab",
            "Skoltech Anomaly Benchmark: a water circuit with 8 sensors, 16 runs of valve 1 and one without anomaly",
            f"{_RAW}/waico/SKAB/master/data",
            "GPL-3.0",
            "Katser, Kozitsin (2020): Skoltech Anomaly Benchmark (SKAB)",
            checksums.SKAB,
        ),
        Dataset(
            "smap",
            "NASA's SMAP satellite: 20 telemetry channels with their commands",
            f"{_RAW}/imperial-qore/TranAD/main/data/SMAP_MSL",
            "BSD-3-Clause (TranAD's copy of NASA/JPL telemanom)",
            "Hundman et al. (2018): Detecting spacecraft anomalies using LSTMs and nonparametric dynamic thresholding",
            checksums.SMAP,
            {"labeled_anomalies.csv": f"{_RAW}/khundman/telemanom/master/labeled_anomalies.csv"},
        ),
        Dataset(
            "adbench",
            "ADBench: 22 tabular anomaly sets",
            f"{_RAW}/Minqi824/ADBench/main/adbench/datasets/Classical",
            "BSD-2-Clause",
            "Han et al. (2022): ADBench: Anomaly detection benchmark",
            checksums.ADBENCH,
        ),
    )
}


def fetch(name: str, target: Path, *, source: Path | None = None, progress: Progress = no_progress) -> Path:
    """Bring a benchmark's files into ``target/name``, each checked against its sum.

    Files gather in a hidden folder beside it, which gets its name only when all are there and right: an interrupted
    fetch goes on where it stopped, and a finished one is only checked again.

    Args:
        name: one of ``DATASETS``.
        target: folder that will hold the data set's folder.
        source: a local copy (its folder, or the one above); the publisher when omitted.
        progress: told after every file.

    Returns:
        The data set's folder.

    Raises:
        DataError: when the name is unknown, a file is missing or wrong, or the publisher cannot be reached.

    Example:
        >>> fetch("nap", Path("data"))
        Traceback (most recent call last):
        ...
        rl_tsad.errors.DataError: expected one of nab, skab, smap, adbench, got 'nap'; see `rl-tsad datasets list`
    """
    if name not in DATASETS:
        raise DataError(f"expected one of {', '.join(DATASETS)}, got {name!r}; see `rl-tsad datasets list`")
    return fetch_dataset(DATASETS[name], target, source=source, progress=progress)
