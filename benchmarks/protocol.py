"""Which series are detectors measured on, what may they be fitted on, and how is their score judged?

Protocols, each with its name (folder: RL_TSAD_DATA):

* ``nab`` and ``smap``: TSB-AD's, to stand beside its published columns. NAB-6: the first point is dropped and a
  window's start is outside the anomaly. SMAP-12: the test arrays only, 25 columns; the first is the target, the other
  24 are commands and stand as exogenous. The first ``tr_N`` points (from TSB-AD's file name) may be fitted on, the
  whole series is scored. TSB-AD's files have no clock, so times are sample numbers.
* ``skab``: SKAB valve 1, 16 runs of 8 sensors, each scored by what was fitted on the anomaly-free run.
* ``skab-self``: the same runs, fitted on the run itself. SKAB has no published rows, and no prefix is defined for it.

P-2's anomaly begins at 5350 in the folder's table and at 5300 in TSB-AD's files (their names say so), which moves a
published VUS-PR by up to .01; the folder's table counts here, for every method alike.

VUS-PR takes the sliding window that TSB-AD derives from the period of the first column (``find_length_rank``).
No method sees the truth: it is given a :class:`Task`. Run ``python benchmarks/protocol.py`` for a table of the series.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rl_tsad.data.period import find_period
from rl_tsad.data.readers import read_path
from rl_tsad.data.telemanom import telemanom_ranges
from rl_tsad.errors import ConfigError
from rl_tsad.types import Bool, Float32, Float64, Int8, Series

NAB = ("tsb_ad_u_nab_vus_pr.csv", "nab")
SMAP = ("tsb_ad_m_smap_vus_pr.csv", "channel")
"""Published tables and their columns of names."""


@dataclass(frozen=True)
class Task:
    """What a method sees of a case.

    Attributes:
        set: key in ``SETS``, or ``"validation"``.
        name: of the series, unique within the set.
        fit: what the method may be fitted on; named as the series, so that both count as one plant. No truth.
        series: what it scores, as a whole. No truth.
        window: points in the sliding window, TSB-AD's period of the first column.
        apart: whether ``fit`` is another recording and not a part of ``series``. TSB-AD's unsupervised methods are
            fitted on the whole series that they score; here they are, unless the two are apart.
        healthy: whether ``fit`` is known to hold no anomaly: TSB-AD's training parts, SKAB's anomaly-free run.
    """

    set: str
    name: str
    fit: Series
    series: Series
    window: int
    apart: bool
    healthy: bool


@dataclass(frozen=True)
class Case(Task):
    """A task with what is known of it.

    Attributes:
        truth: (T,) int8, 1 inside an anomaly.
        published: VUS-PR in [0, 1] of published detectors on this series, by TSB-AD's name; empty where there is none.
        kinds: what the anomalies of a generated series are, else empty.
    """

    truth: Int8 = field(repr=False)
    published: dict[str, float] = field(default_factory=dict, repr=False)
    kinds: tuple[str, ...] = ()

    def task(self) -> Task:
        """Leave out what a method must not see."""
        return Task(**{each.name: getattr(self, each.name) for each in fields(Task)})


Scorer = Callable[[], Float64]
"""Gives the scores (T,) of the task that it was fitted on; higher is more anomalous."""
Method = Callable[[Task, int], Scorer]
"""Fits on a task with a seed; fitting and scoring are two calls, so that their costs are told apart."""


def data_folder() -> Path:
    """Find the labelled data.

    Raises:
        ConfigError: when RL_TSAD_DATA names no folder.
    """
    folder = Path(os.environ.get("RL_TSAD_DATA", ""))
    if "RL_TSAD_DATA" not in os.environ or not (folder / "published").is_dir():
        raise ConfigError(
            f"expected RL_TSAD_DATA to name a folder with published/, nab/, smap/, skab/, got {str(folder)!r}; set it"
        )
    return folder


def make_case(
    set: str,
    fit: Series,
    series: Series,
    *,
    apart: bool = False,
    healthy: bool = True,
    kinds: tuple[str, ...] = (),
) -> Case:
    """Make a case of a series with truth, taking the truth off what a method sees."""
    if series.truth is None:
        raise ConfigError(f"series {series.name!r}: expected known anomalies, got none; a case is measured by them")
    window = find_period(series.values[:, 0])
    blind = replace(series, truth=None)
    fit = replace(fit, name=series.name, truth=None)
    return Case(set, series.name, fit, blind, window, apart, healthy, series.truth, kinds=kinds)


def load_nab6() -> list[Case]:
    """Load the six NAB series that TSB-AD publishes results for."""
    folder = data_folder()
    windows = json.loads((folder / "nab" / "labels" / "combined_windows.json").read_text())
    cases = []
    for file, length, published in _rows(*NAB):
        table = pd.read_csv(folder / "nab" / "data" / file, parse_dates=["timestamp"])
        truth = np.zeros(len(table), np.int8)
        for start, end in windows[file]:
            truth[(table.timestamp > pd.Timestamp(start)) & (table.timestamp <= pd.Timestamp(end))] = 1
        values = table.value.to_numpy(np.float32)[1:, None]
        cases.append(_prefix_case("nab", Path(file).stem, values, truth[1:], length, published))
    return cases


def load_smap12() -> list[Case]:
    """Load the twelve SMAP channels that TSB-AD publishes results for."""
    folder = data_folder() / "smap"
    ranges = telemanom_ranges(folder / "labeled_anomalies.csv")
    exogenous = np.arange(25) > 0
    cases = []
    for channel, length, published in _rows(*SMAP):
        values = np.load(folder / "test" / f"{channel}.npy", allow_pickle=False).astype(np.float32)
        truth = np.zeros(len(values), np.int8)
        for low, high in ranges[channel]:
            truth[low : high + 1] = 1
        cases.append(_prefix_case("smap", channel, values, truth, length, published, exogenous=exogenous))
    return cases


def load_skab(*, on_itself: bool = False) -> list[Case]:
    """Load SKAB's 16 runs of valve 1.

    Args:
        on_itself: fit on the run that is scored (``skab-self``) instead of on the anomaly-free run (``skab``).
    """
    runs = {reading.series.name: reading.series for reading in read_path(data_folder() / "skab")}
    healthy = runs["anomaly-free"]
    valve1 = [run for name, run in runs.items() if name.startswith("valve1-")]
    name = "skab-self" if on_itself else "skab"
    apart = not on_itself
    return [make_case(name, healthy if apart else run, run, apart=apart, healthy=apart) for run in valve1]


SETS: dict[str, Callable[[], list[Case]]] = {
    "nab": load_nab6,
    "smap": load_smap12,
    "skab": load_skab,
    "skab-self": lambda: load_skab(on_itself=True),
}
TITLES = {
    "nab": "NAB-6",
    "smap": "SMAP-12",
    "skab": "SKAB valve 1, fitted on anomaly-free",
    "skab-self": "SKAB valve 1, fitted on the run itself",
    "validation": "validation: simulated plants and generated anomalies",
}
TARGETS = {"nab": 0.50, "smap": 0.55, "skab": 0.95}
"""Mean VUS-PR that is to be reached without labels."""


def run_main(main: Callable[[], None]) -> None:
    """Run a benchmark: what is wrong with its input, or an interruption, ends it in a line and not in a traceback."""
    try:
        main()
    except ConfigError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted; with --out a later run goes on from here", file=sys.stderr)
        sys.exit(130)


def published_names(table: tuple[str, str]) -> set[str]:
    """Name the series of a published table: NAB's files below its folder of data, SMAP's channels."""
    return {name for name, _, _ in _rows(*table)}


def _rows(table: str, key: str) -> list[tuple[str, int, dict[str, float]]]:
    """Read a published table: the series' name, its ``tr_N``, and the VUS-PR of each method."""
    rows = []
    for row in pd.read_csv(data_folder() / "published" / table).to_dict("records"):
        name, file = str(row.pop(key)), str(row.pop("file"))
        length = re.search(r"_tr_(\d+)_", file)
        if length is None:
            raise ConfigError(f"{table}: expected '_tr_N_' in {file!r}, got none; take the table from its publisher")
        rows.append((name, int(length.group(1)), {str(method): float(value) for method, value in row.items()}))
    return rows


def _prefix_case(
    set: str,
    name: str,
    values: Float32,
    truth: Int8,
    length: int,
    published: dict[str, float],
    *,
    exogenous: Bool | None = None,
) -> Case:
    channels = tuple("value" if i == 0 else f"command {i}" for i in range(values.shape[1]))
    series = Series(name, values, np.arange(len(values)), channels, truth, exogenous=exogenous)
    prefix = replace(series, values=values[:length], times=series.times[:length], truth=None)
    return replace(make_case(set, prefix, series), published=published)


def main() -> None:
    if "RL_TSAD_DATA" not in os.environ:
        print(json.dumps({"claim": "protocol", "skipped": "RL_TSAD_DATA names no folder of labelled data"}))
        sys.exit(0)
    counts = {}
    print(f"{'set':10}{'series':46}{'fit':>7}{'points':>8}{'columns':>8}{'anomalous':>10}{'window':>7}")
    for key, load in SETS.items():
        cases = load()
        counts[key] = len(cases)
        for case in cases:
            sizes = f"{case.fit.length:>7}{case.series.length:>8}{case.series.width:>8}"
            print(f"{key:10}{case.name:46}{sizes}{int(case.truth.sum()):>10}{case.window:>7}")
    print(json.dumps({"claim": "series under the TSB-AD protocol and SKAB's two", "value": counts}))


if __name__ == "__main__":
    run_main(main)
