"""What would labelled streams of these series look like? Anomalies in copies of their own pool, judged like any series.

A belief, rules for alarms and a policy can be learnt on them before anybody has answered. The idea is that of
:mod:`rl_tsad.detector.trial` (Goswami et al., ICLR 2023, section 3.2), over the whole pool and with the detector as it
is used afterwards. Real faults are subtler than written ones, so the changes are softened. What is odd in the pool
itself stays in the copies and counts as normal there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rl_tsad.config import RehearsalConfig
from rl_tsad.data.windows import window_truth
from rl_tsad.data.write_events import measure, write_anomalies
from rl_tsad.detector.judge import Judge, Judgement
from rl_tsad.errors import DataError, listed
from rl_tsad.progress import Progress, no_progress
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Bool, Float32, Int8, Keys, Series, Windows, parse_key, slide, spans_of

_FEWEST = 8  # pool windows of a series that is rehearsed
_KEPT = 64  # windows that a copy keeps at least where there are too many
_COPIES = 2  # left at least: what is learnt on one is measured on another
_EVENTS = (3, 60)  # in one copy
_LONGEST = 24  # spans of an event
_ROOM = 8  # spans of the shortest stretch that gets an event
_SOFT = (0.35, 1.0)  # share of a change that is written


@dataclass(frozen=True)
class Rehearsal:
    """Labelled windows without an analyst: one entry for each copy of each series.

    Attributes:
        judgements: what the detector says of a copy's windows; their keys are ``"{series}~{copy}:{start}:{length}"``.
        truth: (N,) int8 for each, 1 where the span that a window decides holds a changed point.
    """

    judgements: tuple[Judgement, ...]
    truth: tuple[Int8, ...]

    @property
    def keys(self) -> Keys:
        """(N,) keys of all windows; distinct, and none is a real window's."""
        return np.concatenate([np.empty(0, np.str_), *(each.keys for each in self.judgements)])

    @property
    def copies(self) -> tuple[int, ...]:
        """The number of each entry's copy, counted from 0 in every series."""
        names = [parse_key(str(each.keys[0]))[0] for each in self.judgements]
        return tuple(int(name.rpartition("~")[2]) for name in names)

    def of(self, copies: Collection[int]) -> Rehearsal:
        """Keep some copies of every series, such as those that something else was not learnt on.

        Example:
            >>> Rehearsal((), ()).of([0, 1]).copies
            ()
        """
        rows = [row for row, copy in enumerate(self.copies) if copy in copies]
        return Rehearsal(tuple(self.judgements[row] for row in rows), tuple(self.truth[row] for row in rows))


def rehearse(
    judges: Sequence[Judge],
    series: Sequence[Series],
    windows: Sequence[Windows],
    config: RehearsalConfig,
    *,
    seed: int,
    progress: Progress = no_progress,
) -> Rehearsal:
    """Write anomalies into copies of each series' pool stretch and judge the copies. No truth is read.

    Args:
        judges: fitted on these pools; they take turns, copy by copy: who has seen the pool, and who has not (see
            :mod:`rl_tsad.detector.apart`).
        series: S series with distinct names.
        windows: the pool windows of each, one contiguous run; a series with fewer than 8 is passed over.
        config: how many copies, windows and anomalies.
        seed: the same seed gives the same copies, bit by bit.
        progress: called for "rehearsing events", once a copy.

    Returns:
        The copies of the first series, of the second one, and so on.

    Raises:
        DataError: when windows and series do not fit together, or the detector does not know such windows.

    Example:
        >>> from rl_tsad.config import AsterConfig, DetectorConfig
        >>> from rl_tsad.detector.fit import fit_detector
        >>> x = np.sin(np.arange(400, dtype=np.float32) / 5)[:, None]
        >>> s = Series("wave", x, np.arange(400), ("x",))
        >>> w = slide(s, length=32, stride=8)
        >>> detector = fit_detector([s], [w], DetectorConfig(aster=AsterConfig(steps=2)), seed=0)
        >>> made = rehearse([detector], [s], [w], RehearsalConfig(copies=2), seed=0)
        >>> made.copies, made.keys[[0, -1]].tolist(), [len(each) for each in made.truth]
        ((0, 1), ['wave~0:0:32', 'wave~1:368:32'], [47, 47])
    """
    _check(series, windows)
    copies, kept = fit_cost(windows, config)
    used = [(one, its) for one, its in zip(series, kept, strict=True) if len(its)]
    mark = "~" * (1 + max((len(run) for one in series for run in re.findall("~+", one.name)), default=0))
    judgements, truth = [], []
    for one, its in used:
        for copy, (changed, marked) in enumerate(write_copies(one, its, config, copies=copies, seed=seed)):
            named = replace(marked, series=f"{one.name}{mark}{copy}")
            judge = judges[copy % len(judges)]
            judgements.append(replace(judge.judge(replace(changed, truth=None), marked), keys=named.keys))
            truth.append(window_truth(changed, marked))
            progress("rehearsing events", len(truth), copies * len(used))
    return Rehearsal(tuple(judgements), tuple(truth))


def fit_cost(windows: Sequence[Windows], config: RehearsalConfig) -> tuple[int, list[Windows]]:
    """Choose how many copies there are and which windows each has, so that all together are at most ``config.most``.

    Copies go first, down to 2. Then only the latest windows of each series are kept, in proportion to their number. 64
    of each remain in any case, so that more than ``most / 128`` series may be above it, by at most twice their pool.

    Returns:
        Number of copies, and each series' windows; none of a series with fewer than 8.

    Example:
        >>> s = Series("a", np.zeros((8040, 1), np.float32), np.arange(8040), ("x",))
        >>> for most in (4000, 3000, 500):
        ...     copies, kept = fit_cost([slide(s, length=48, stride=8)], RehearsalConfig(most=most))
        ...     copies, len(kept[0]), int(kept[0].starts[-1])
        (4, 1000, 7992)
        (3, 1000, 7992)
        (2, 250, 7992)
    """
    counts = np.array([len(its) if len(its) >= _FEWEST else 0 for its in windows], np.int64)
    copies = min(config.copies, max(_COPIES, config.most // max(int(counts.sum()), 1)))
    least = np.minimum(counts, _KEPT)
    room = max(config.most // max(copies, 1) - int(least.sum()), 0)
    rest = counts - least
    kept = least + rest * min(room, int(rest.sum())) // max(int(rest.sum()), 1)
    if not copies:
        kept[:] = 0
    return copies, [its.between(len(its) - size, len(its)) for its, size in zip(windows, kept.tolist(), strict=True)]


def place_events(
    low: int, high: int, config: RehearsalConfig, rng: np.random.Generator, *, stride: int
) -> list[tuple[int, int]]:
    """Choose where events may be: one in each of equally long stretches, with normal points on both sides of it.

    Lengths are log-uniform from 1 to 24 spans, at most three fifths of a stretch.

    Args:
        low: first point that may be changed.
        high: first point after them.
        config: gives the spans to one event.
        rng: source of lengths and places.
        stride: points in a span.

    Returns:
        Half-open spans in order of time; none where there is no room for one.

    Example:
        >>> spans = place_events(100, 1060, RehearsalConfig(), np.random.default_rng(0), stride=8)
        >>> len(spans), all(stop - start >= 8 for start, stop in spans), min(spans)[0] > 100, max(spans)[1] < 1060
        (3, True, True, True)
    """
    points = high - low
    count = min(int(np.clip(points // (config.apart * stride), *_EVENTS)), points // (_ROOM * stride))
    spans = []
    for place in range(count):
        first, last = low + points * place // count, low + points * (place + 1) // count
        longest = min(_LONGEST * stride, (last - first) * 3 // 5)
        length = int(np.exp(rng.uniform(np.log(stride), np.log(longest))))
        margin = (last - first - length) // 4
        start = int(rng.integers(first + margin, last - margin - length + 1))
        spans.append((start, start + length))
    return spans


def write_copies(
    series: Series, windows: Windows, config: RehearsalConfig, *, copies: int, seed: int
) -> Iterator[tuple[Series, Windows]]:
    """Give copies of a series with what was written as their truth, and their windows."""
    spans = spans_of(windows, series.length)
    begin, low, high = int(windows.starts[0]), int(spans[0, 0]), int(spans[-1, 1])
    whole, targets = _filled(series.values), _targets(series)
    part = whole[begin:high]
    measured = {channel: measure(part[:, channel]) for channel in series.targets.tolist()}
    for copy in range(copies):
        rng = derive_rng(seed, "rehearsal", series.name, copy)
        places = place_events(low - begin, high - begin, config, rng, stride=windows.stride)
        values, truth = whole.copy(), np.zeros(series.length, np.int8)
        values[begin:high], truth[begin:high] = write_anomalies(
            part, targets, places, rng, measured=measured, soften=_SOFT
        )
        changed = replace(series, values=values, truth=truth)
        yield changed, _laid_over(changed, windows)


def _filled(values: Float32) -> Float32:
    """Draw straight lines over missing values, as reading a file does; a channel without any value gets 0."""
    if np.isfinite(values).all():
        return values
    result, places = values.copy(), np.arange(len(values))
    for column in result.T:
        known = np.isfinite(column)
        column[~known] = np.interp(places[~known], places[known], column[known]) if known.any() else 0
    return result


def _targets(series: Series) -> Bool:
    mask = np.zeros(series.width, np.bool_)
    mask[series.targets] = True
    return mask


def _laid_over(series: Series, windows: Windows) -> Windows:
    """Lay windows over another recording of the same length."""
    first = int(windows.starts[0]) // windows.stride
    every = slide(series, length=windows.length, stride=windows.stride)
    return replace(windows, values=every.between(first, first + len(windows)).values)


def _check(series: Sequence[Series], windows: Sequence[Windows]) -> None:
    names, theirs = [one.name for one in series], [its.series for its in windows]
    if names != theirs or len(set(names)) != len(names):
        raise DataError(
            f"expected the windows of {listed(names)} in this order, each name once, got those of {listed(theirs)}; "
            "pass windows[i] for series[i]"
        )
    for its in windows:
        if (np.diff(its.starts) != its.stride).any():
            raise DataError(
                f"series {its.series!r}: expected one contiguous run of windows, got a hole in it; pass a part without"
            )
