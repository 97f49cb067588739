"""Which held-out windows hold a real anomaly, and what stands in their place when generators write the anomalies?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from protocol import Case
from torch import Tensor

from detection.alone import WINDOW, lay
from rl_tsad.data.windows import make_windows
from rl_tsad.detector.aster.generators.edit import Generator
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.aster.pool import training_pool, validation_generators
from rl_tsad.detector.track import Track
from rl_tsad.errors import DataError
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import Bool, Int64

UNTOUCHED = "untouched"  # the control: normal windows posing as anomalies
MIXTURE = "mixture"  # the generators that trained, by their shares
DRAWN = "mixture-as-drawn"  # the same without regard to length
DRAFTS = 64  # written for each real anomaly; the one whose length fits best stays
_IMPOSSIBLE = 1_000_000  # points by which a draft that leaves the span as it was misses
_FEW = 16  # anomalies written at once; drafts of one call exchange pieces (swap)


@dataclass(frozen=True)
class Held:
    """Windows of a series that share no point with the fit part and cross no gap.

    Attributes:
        track: windows that start at every point.
        roles: (W,) 1 for a target channel, else 0.
        clean: (N,) rows of the windows, a stride apart, without an anomalous point: the negatives of both versions.
        real: (P,) rows of those whose span, the last points, holds a real anomaly: the positives.
        marks: (P, L) bool, the real ones' anomalous points.
        donors: (D,) rows of all windows without an anomalous point, wherever they start.
    """

    track: Track
    roles: Tensor
    clean: Int64
    real: Int64
    marks: Bool
    donors: Int64


@dataclass(frozen=True)
class Written:
    """Windows (P, L, W) that stand for anomalies, and which of their points (P, L) are anomalous."""

    windows: Tensor
    marks: Tensor

    def take(self, rows: Tensor) -> Written:
        """Keep some."""
        return Written(self.windows[rows], self.marks[rows])


def hold_out(case: Case) -> Held:
    """Find the held-out windows. Windows with an anomaly in their context alone are on neither side.

    Raises:
        DataError: when there is no anomaly, or no window without one.
    """
    laid, stride = lay(case.fit, case.series), WINDOW.stride
    every = make_windows(case.series, replace(WINDOW, stride=1))
    marks = sliding_window_view(case.truth > 0, WINDOW.length)  # (T - L + 1, L)
    usable = ~every.crosses_gap & (every.starts >= (0 if case.apart else case.fit.length))
    donors, on_grid = usable & ~marks.any(axis=1), every.starts % stride == 0
    real = np.flatnonzero(usable & marks[:, -stride:].any(axis=1) & on_grid)
    clean = np.flatnonzero(donors & on_grid)
    if not len(real) or not len(clean):
        raise DataError(
            f"{case.set} {case.name}: expected held-out windows with and without an anomaly, got {len(real)} and "
            f"{len(clean)}; leave the case out"
        )
    track = Track(laid.track.values, every.starts, WINDOW.length)
    return Held(track, torch.from_numpy(laid.roles), clean, real, marks[real], np.flatnonzero(donors))


def real_ones(held: Held) -> Written:
    """Give the real anomalies."""
    return Written(held.track.take(held.real), torch.from_numpy(held.marks))


def swap_all(held: Held, aster: Aster, seed: int, name: str) -> dict[str, Written]:
    """Give what stands in the real anomalies' place, P windows a version: each generator, their mixture, the control.

    A generator is asked as in training (same windows, same hardness), of normal windows that are held out; the latent
    one decodes its codes and writes the piece into the window like all others. The mixture takes its windows from the
    single generators', by the shares that they had in training; once as long as the real ones, once as they come.
    """
    pool = training_pool(aster.latent, aster.config)
    every = {**pool.generators, **validation_generators(aster.latent, aster.config), UNTOUCHED: untouched}
    made = {kind: write(one, held, aster.config.hardness, derive_seed(seed, name, kind)) for kind, one in every.items()}
    fitting, drawn = ({kind: pair[place] for kind, pair in made.items()} for place in range(2))
    mixtures = {
        key: mix(found, pool.shares, derive_rng(seed, name, MIXTURE))
        for key, found in ((MIXTURE, fitting), (DRAWN, drawn))
    }
    return {**mixtures, **fitting}


@torch.no_grad()
def write(generator: Generator, held: Held, hardness: float, seed: int) -> tuple[Written, Written]:
    """Let a generator write one anomaly for each real one, into a normal window drawn by chance.

    There are ``DRAFTS``, each with a donor of its own. The first version takes the one whose anomalous points, in the
    window and in its span, are nearest in number to the real one's; the second the first that comes. Either has an
    anomalous point in its span, where the generator moves anything at all.
    """
    rng, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    chosen: tuple[list[Written], list[Written]] = ([], [])
    for marks in torch.from_numpy(held.marks).split(_FEW):
        rows = rng.choice(held.donors, len(marks) * DRAFTS)
        drafts = Written(*generator(held.track.take(rows), held.roles.expand(len(rows), -1), hardness, noise))
        for found, own in zip(chosen, _choose(drafts.marks, marks), strict=True):
            found.append(drafts.take(own))
    return _join(chosen[0]), _join(chosen[1])


def _join(parts: Sequence[Written]) -> Written:
    return Written(torch.cat([part.windows for part in parts]), torch.cat([part.marks for part in parts]))


def _choose(changed: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
    """Choose from the drafts (P * DRAFTS, L) the fitting one and the first for each of the real ones' marks (P, L)."""
    drafts, span = changed.reshape(len(marks), DRAFTS, -1), WINDOW.stride
    in_span, wanted = drafts[..., -span:].sum(dim=2), marks[:, None, -span:].sum(dim=2)
    miss = (drafts.sum(dim=2) - marks[:, None].sum(dim=2)).abs() + (in_span - wanted).abs()
    own = torch.arange(len(marks)) * DRAFTS
    fitting = (miss + _IMPOSSIBLE * (in_span == 0)).argmin(dim=1)
    return own + fitting, own + (in_span > 0).int().argmax(dim=1)


def mix(found: Mapping[str, Written], shares: Mapping[str, float], rng: np.random.Generator) -> Written:
    """Take each anomaly from one of the generators, drawn by their shares."""
    kinds, count = list(shares), len(next(iter(found.values())).windows)
    drawn = torch.from_numpy(rng.choice(len(kinds), count, p=list(shares.values())))
    rows = torch.arange(count)
    windows = torch.stack([found[kind].windows for kind in kinds])[drawn, rows]
    return Written(windows, torch.stack([found[kind].marks for kind in kinds])[drawn, rows])


def untouched(windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Leave windows as they are (see :class:`rl_tsad.detector.aster.generators.edit.Generator`)."""
    return windows, torch.zeros(windows.shape[:2], dtype=torch.bool)
