"""What to ask next: undecided, top-scored and unfamiliar windows mixed into one batch, or a walk through the pool."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

import numpy as np

from rl_tsad.active.gain import MOST, Facts, load_trees
from rl_tsad.active.neighbours import nearest_distance, standardise
from rl_tsad.active.stream import make_asker, walk
from rl_tsad.active.uncertainty import entropy, margin
from rl_tsad.config import STREAM_RULES, ActiveConfig
from rl_tsad.errors import DataError
from rl_tsad.seeding import derive_rng
from rl_tsad.setting_types import StreamRule
from rl_tsad.types import Float32, Float64, Int64, Keys, parse_key, rows_of

Pooled = Literal["margin", "top", "diverse"]
Strategy = Literal[Pooled, "gain", StreamRule]
POOLED: tuple[Pooled, ...] = get_args(Pooled)
_ASKED_SAMPLE = 1024


@dataclass(frozen=True)
class Pick:
    """One question.

    Attributes:
        row: position of the window among the keys that were given.
        strategy: why it was picked, for the machine.
        reason: why it was picked, for the analyst.
        priority: in (0, 1], higher is asked earlier.
    """

    row: int
    strategy: Strategy
    reason: str
    priority: float


@dataclass(frozen=True)
class _Candidates:
    """What is known of the windows that may be asked (see :func:`select`)."""

    keys: Keys
    probability: Float32
    prior: Float32
    embedding: Float32

    def __post_init__(self) -> None:
        sizes = {len(self.keys), len(self.probability), len(self.prior), len(self.embedding)}
        if len(sizes) != 1:
            raise DataError(
                f"expected as many keys as probabilities, priors and embeddings, got {sorted(sizes)}; join by key first"
            )
        for name in ("probability", "prior"):
            values = getattr(self, name)
            if not ((values >= 0) & (values <= 1)).all():
                raise DataError(f"expected {name} in [0, 1], got {values.min()} to {values.max()}; train again")


def select(
    keys: Keys,
    probability: Float32,
    prior: Float32,
    embedding: Float32,
    *,
    config: ActiveConfig,
    asked: Collection[str] = (),
    claim: Callable[[int], Int64] | None = None,
    count: int | None = None,
    before: int = 0,
    seed: int = 0,
) -> list[Pick]:
    """Pick the next batch of questions.

    Where ``config.rule`` is ``mixed``, three strategies take turns in proportion to their shares in ``config``; it may
    also name one of them:

    * ``margin``: the smallest margin between the two verdicts (finds the border; few anomalies at 1-4 % prevalence);
    * ``top``: the highest mean of agent and label-free score (finds anomalies; Das et al., arXiv 1901.08930);
    * ``diverse``: farthest first in the standardised embedding from all that was asked (Gonzalez, 1985;
      Sener & Savarese, "Active learning for CNNs: a core-set approach", ICLR 2018), distances weighted by
      ``(1 + entropy) / 2``; of more than 1,024 asked windows a sample of 1,024 stands for all.

    The rules ``decay``, ``spend`` and ``quantile`` walk once over all windows that need an answer and ask or pass at
    each as in a stream (see :mod:`rl_tsad.active.stream`). Series are walked side by side, in the order of where their
    windows start, so that a rule which spends early favours no series. Where a walk ends with fewer questions than
    wanted, the smallest margins follow. ``gain`` picks greedily by what an answer is expected to earn (see
    :mod:`rl_tsad.active.gain`).

    Two questions of one batch are more than ``config.spacing`` windows apart within a series, so a batch may come out
    smaller than wanted. Ties are broken by the seed.

    Args:
        keys: (N,) distinct keys of all windows of the pool, asked ones included.
        probability: (N,) float32, the agent's P(anomaly).
        prior: (N,) float32 in [0, 1], label-free anomaly score.
        embedding: (N, Z) float32, finite.
        config: shares, batch size and spacing.
        asked: keys that need no question (any more): answered, settled or set aside.
        claim: called once for each pick; gives the rows that a question about that row covers, which this batch then
            asks nothing more about. A question covers its own window when omitted.
        count: questions wanted; ``config.batch`` when omitted.
        before: questions answered before this batch: the strategies take turns over all batches, so that batches of one
            question are mixed too.
        seed: the run's seed.

    Returns:
        Picks in the order of asking.

    Raises:
        DataError: when lengths differ or a probability is outside [0, 1].

    Example:
        >>> keys = np.array(["a:0:8", "a:64:8", "a:128:8"])
        >>> p = np.array([0.5, 0.9, 0.1], np.float32)
        >>> select(keys, p, p, p[:, None], config=ActiveConfig(spacing=0), count=1)[0].reason
        'the agent is undecided: 50 % anomaly'
    """
    candidates = _Candidates(keys, probability, prior, embedding)
    if not len(keys):
        return []
    wanted = config.batch if count is None else count
    known = rows_of(keys, sorted(asked))
    batch = _Batch(candidates, known[known >= 0], config, seed)
    picks: list[tuple[int, Strategy, str]] = []
    for row, strategy in _questions(batch, config, wanted, before):
        picks.append((row, strategy, batch.reason(row, strategy)))
        batch.take(row)
        if claim is not None:
            batch.free[claim(row)] = False
    return [Pick(row, name, why, 1.0 - turn / max(wanted, 1)) for turn, (row, name, why) in enumerate(picks)]


def _questions(batch: _Batch, config: ActiveConfig, wanted: int, before: int) -> Iterator[tuple[int, Strategy]]:
    """Give row after row with its strategy; the caller blocks rows in the batch in between."""
    if config.rule == "gain":
        yield from ((row, "gain") for row in batch.by_gain(wanted))
        return
    walked = 0
    if config.rule in STREAM_RULES and wanted:
        order = batch.stream()
        asker = make_asker(config.rule, config.stream, budget=wanted, margins=batch.margin[order])
        for row in walk(asker, order.tolist(), batch.margin, batch.free):
            walked += 1
            yield row, config.rule
    for strategy in _turns(config, wanted - walked, before):
        found = batch.next(strategy)
        if found is None:
            return
        yield found, strategy


def _turns(config: ActiveConfig, count: int, before: int) -> Iterator[Pooled]:
    """Let the strategies take turns so that at any time each had its share as nearly as possible, earlier turns too."""
    if config.rule != "mixed":
        alone = config.rule if config.rule in POOLED else "margin"
        yield from (alone for _ in range(count))
        return
    shares = np.array([config.margin, config.top, config.diverse])
    shares = shares / shares.sum() if shares.sum() > 0 else np.full(3, 1 / 3)
    taken = np.zeros(3)
    for turn in range(1, before + count + 1):
        chosen = int(np.argmax(shares * turn - taken))
        taken[chosen] += 1
        if turn > before:
            yield POOLED[chosen]


class _Batch:
    """The batch while it is being filled: who is still free, and how far everything is from what was asked."""

    def __init__(self, candidates: _Candidates, known: Int64, config: ActiveConfig, seed: int) -> None:
        self.free = np.ones(len(candidates.keys), dtype=np.bool_)
        self.free[known] = False
        self.asked = known
        self.probability, self.prior = candidates.probability, candidates.prior
        self.series, self.start, self.position = _places(candidates.keys)
        self.spacing = config.spacing
        self.margin = margin(candidates.probability)
        self.top = (candidates.probability.astype(np.float64) + candidates.prior) / 2
        self.points = standardise(candidates.embedding)
        centres = self.points[_sample(known, seed)] if len(known) else np.zeros_like(self.points[:1])
        self.distance = nearest_distance(self.points, centres)
        self.usual = float(np.median(self.distance)) or 1.0
        self.doubt = (1.0 + entropy(candidates.probability)) / 2
        self.tie = derive_rng(seed, "active/select").permutation(len(self.free))
        self.ranked = {"margin": self._ranking(self.margin), "top": self._ranking(-self.top)}

    def _ranking(self, cost: Float32 | Float64) -> Iterator[int]:
        return iter(np.lexsort((self.tie, cost)).tolist())

    def stream(self) -> Int64:
        """Give the free rows in the order of a walk."""
        return np.array([row for row in np.lexsort((self.tie, self.start)).tolist() if self.free[row]], dtype=np.int64)

    def by_gain(self, wanted: int) -> Iterator[int]:
        """Give the free row whose answer is expected to earn most, again and again, each counted as asked then."""
        order = [self._ranking(cost) for cost in (self.margin, -self.top)]
        likely = [row for each in order for row in islice((row for row in each if self.free[row]), MOST)]
        if not likely:
            return
        facts = Facts(
            self.probability,
            self.prior,
            self.points,
            self.series,
            self.position,
            asked=self.asked,
            kept=np.unique(likely),
        )
        trees = load_trees()
        for _ in range(wanted):
            free = np.flatnonzero(self.free[facts.kept])
            if not len(free):
                return
            row = int(facts.kept[free[np.argmax(trees.predict(facts.table()[free]))]])
            yield row
            facts.add(row)

    def next(self, strategy: Pooled) -> int | None:
        """Give the best free row, or None when none is left."""
        if strategy == "diverse":
            worth = np.where(self.free, self.distance * self.doubt, -1.0)
            best = np.flatnonzero(worth == worth.max())
            row = int(best[np.argmin(self.tie[best])])
            return row if self.free[row] else None
        return next((row for row in self.ranked[strategy] if self.free[row]), None)

    def take(self, row: int) -> None:
        """Block the row and its neighbours in time, and measure distances from it too."""
        near = np.abs(self.position - self.position[row]) <= self.spacing
        self.free &= ~(near & (self.series == self.series[row]))
        np.minimum(self.distance, nearest_distance(self.points, self.points[row : row + 1]), out=self.distance)

    def reason(self, row: int, strategy: Strategy) -> str:
        """Say in words why the row is asked."""
        return _REASONS[strategy](self, row)


def _margin_reason(batch: _Batch, row: int) -> str:
    verdict = f"{100 * batch.probability[row]:.0f} % anomaly"
    doubt = "is undecided" if batch.margin[row] < 0.5 else "is least sure here"
    return f"the agent {doubt}: {verdict}"


def _top_reason(batch: _Batch, row: int) -> str:
    below = np.floor(1000 * np.mean(batch.top < batch.top[row])) / 10
    return f"it looks more unusual than {below:g} % of all windows"


def _diverse_reason(batch: _Batch, row: int) -> str:
    times = batch.distance[row] / batch.usual
    if times < 1.5:
        return "it is unlike the windows asked so far"
    return f"it is unlike the windows asked so far: {times:.1f} times the usual distance"


def _decay_reason(batch: _Batch, row: int) -> str:
    return f"{_margin_reason(batch, row)}; unsure enough for the questions that are left"


def _spend_reason(batch: _Batch, row: int) -> str:
    return f"{_margin_reason(batch, row)}; questions are spread evenly over the recording"


def _quantile_reason(batch: _Batch, row: int) -> str:
    return f"{_margin_reason(batch, row)}; less sure than around most windows before it"


def _gain_reason(batch: _Batch, row: int) -> str:
    return f"an answer here is expected to teach most; {_margin_reason(batch, row)}"


_REASONS: dict[Strategy, Callable[[_Batch, int], str]] = {
    "margin": _margin_reason,
    "top": _top_reason,
    "diverse": _diverse_reason,
    "gain": _gain_reason,
    "decay": _decay_reason,
    "spend": _spend_reason,
    "quantile": _quantile_reason,
}


def _places(keys: Keys) -> tuple[Int64, Int64, Int64]:
    """Number the series, tell the windows' starts, and number the windows within each series by start."""
    parts = [parse_key(key) for key in keys.tolist()]
    series = np.unique(np.array([name for name, _, _ in parts]), return_inverse=True)[1].astype(np.int64)
    starts = np.array([start for _, start, _ in parts], dtype=np.int64)
    order = np.lexsort((starts, series))
    first = np.searchsorted(series[order], np.arange(series.max() + 1))
    position = np.empty(len(keys), dtype=np.int64)
    position[order] = np.arange(len(keys)) - first[series[order]]
    return series, starts, position


def _sample(known: Int64, seed: int) -> Int64:
    if len(known) <= _ASKED_SAMPLE:
        return known
    return derive_rng(seed, "active/asked").choice(known, _ASKED_SAMPLE, replace=False)
