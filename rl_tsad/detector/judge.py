"""What the fitted detector says of any windows and points, label-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np

from rl_tsad.config import MEMBERS, DetectorConfig
from rl_tsad.data.excuses import Excuse
from rl_tsad.data.habits import NOTED
from rl_tsad.data.heard import Heard
from rl_tsad.data.scaling import Scale, apply_scale
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.aster.score import AsterScores, judge_aster
from rl_tsad.detector.bank import fit_bank
from rl_tsad.detector.blocks import Block, cut_blocks
from rl_tsad.detector.calibrate import Tails, fit_tails, squash
from rl_tsad.detector.ensemble import THIN, RuleScores, blend, member_oddness, rule_scores
from rl_tsad.detector.features import FEATURES, window_features
from rl_tsad.detector.known import Known, covered_part, habit_of, own_and_pooled
from rl_tsad.detector.noting import note_block, widen
from rl_tsad.detector.streams import Profile, fit_profile
from rl_tsad.detector.track import Track, lay_track
from rl_tsad.errors import DataError
from rl_tsad.types import Bool, Float32, Int64, Keys, Scores, Series, Windows, spans_of

CLIP = 10.0  # usual deviations beyond which the networks see no difference


@dataclass(frozen=True)
class Judgement:
    """Everything label-free about N windows.

    Attributes:
        keys: (N,) window keys.
        features: (N, F) float32 in [0, 1): oddness of robust statistics, comparable across series; above one half is
            among the oddest 5 %.
        feature_names: F names, ``"{stream}/{kind}"``.
        members: (N, M) float32 in [0, 1): oddness of the span by each member of the ensemble, in the order of
            :data:`rl_tsad.config.MEMBERS`.
        prior: (N,) float32 in [0, 1), the members' weighted blend.
        vae_error: (N,) float32 in [0, 1], share of pool points that ASTER's VAE reproduces better.
        aster: (N,) float32 in [0, 1], ASTER's calibrated probability of an anomaly in the span.
        embedding: (N, Z) float32, ASTER's summary token.
        notes: (N, K) float32, what stands out in the window most, by size (:func:`rl_tsad.data.habits.note_table`).
        excused: (N,) float32, 1 where an operator's note says that this is normal, else 0.
    """

    keys: Keys
    features: Float32
    feature_names: tuple[str, ...]
    members: Float32
    prior: Float32
    vae_error: Float32
    aster: Float32
    embedding: Float32
    notes: Float32
    excused: Float32

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: Bool | Int64 | slice) -> Judgement:
        """Keep some windows."""
        kept = (each.name for each in fields(self) if each.name != "feature_names")
        return replace(self, **{name: getattr(self, name)[rows] for name in kept})

    def scores(self) -> Scores:
        """Give the prior as the house's scores.

        Example:
            >>> one = np.full(1, 0.25, np.float32)
            >>> empty = np.zeros((1, 0), np.float32)
            >>> judgement = Judgement(np.array(["a:0:4"]), empty, (), empty, one, one, one, empty, empty, one)
            >>> judgement.scores().proba.tolist()
            [[0.75, 0.25]]
        """
        proba = np.stack([1 - self.prior, self.prior], axis=1)
        return Scores(self.keys, self.prior, proba, self.embedding)


class Judge(Protocol):
    """Whoever judges windows."""

    def judge(self, series: Series, windows: Windows) -> Judgement:
        """Judge windows of a series, all of them or a contiguous run."""


@dataclass(frozen=True)
class PointScores:
    """What the ensemble says of T points.

    Attributes:
        members: (T, M) float32 >= 0, oddness by member in the order of :data:`rl_tsad.config.MEMBERS`: the negative log
            of a tail probability.
        blend: (T,) float32 >= 0, their weighted mean, higher is more anomalous.
    """

    members: Float32
    blend: Float32


@dataclass(frozen=True)
class Detector:
    """A fitted detector; build it with :func:`rl_tsad.detector.fit.fit_detector`.

    Attributes:
        config: what it was fitted with.
        length: L, points per window.
        width: W, channels of the widest series it knows.
        known: what was learnt of each series, by name.
        features: tails of all pool windows' features together.
        rules: tails of all pool points' scores together, a row for each rule.
        aster: the networks.
        history: losses by path, such as "aster/validation".
        excuses: what operators say is normal.
        heard: what a language model said; a matter of one model version, so not kept with the detector.
    """

    config: DetectorConfig
    length: int
    width: int
    known: Mapping[str, Known]
    features: Tails
    rules: Tails
    aster: Aster = field(repr=False)
    history: Mapping[str, list[float]] = field(repr=False)
    excuses: tuple[Excuse, ...] = ()
    heard: Heard | None = None

    def judge(self, series: Series, windows: Windows) -> Judgement:
        """Judge windows of a series.

        A series that was in the pool is measured by what was learnt there; what lies more than one window's length
        after a window is not read. Any other series is measured by its own statistics over the given windows, without
        labels. A long series is judged block by block (see :func:`rl_tsad.detector.blocks.cut_blocks`).

        Args:
            series: where the windows lie.
            windows: of this series; all of them or a contiguous run.

        Raises:
            DataError: when the windows have another length or more channels than the detector knows.
        """
        self._check(series, windows)
        if not len(windows):
            return self._nothing(windows)
        known = self.known.get(series.name) or self._learn(series, windows)
        whole = join([self._judge(block, known, series) for block in cut_blocks(series, windows)])
        return replace(whole, excused=widen(whole.excused, windows.length // windows.stride // 2))

    def score_points(self, series: Series, windows: Windows) -> PointScores:
        """Score every point of a series.

        Args:
            series: known from the pool, or measured by its own statistics.
            windows: all of the series.

        Raises:
            DataError: when the windows have another length or more channels than the detector knows.
        """
        self._check(series, windows)
        known = self.known.get(series.name) or self._learn(series, windows)
        tails = [known.rules, self.rules]
        blocks = cut_blocks(series, windows)
        members = np.concatenate([block.own(member_oddness(self._raw(block, known)[1], tails)) for block in blocks])
        return PointScores(members, blend(members, known.weights))

    def measure(self, series: Series, windows: Windows, known: Known, *, step: int) -> tuple[Float32, Float32]:
        """Give what tails are learnt from, in units of each number's own.

        Args:
            series: where the windows lie.
            windows: of this series; all of them or a contiguous run, at least one.
            known: what is usual in it.
            step: of the points that the windows decide, one in so many counts.

        Returns:
            Raw features (N, F) of the windows, raw scores (T, S) of their points by every rule.
        """
        features, rules = [], []
        for block in cut_blocks(series, windows):
            raw, scores, _ = self._raw(block, known)
            features.append(raw)
            rules.append(block.own(scores.values, step))
        return np.concatenate(features), np.concatenate(rules)

    def _judge(self, block: Block, known: Known, series: Series) -> Judgement:
        raw, scores, aster = self._raw(block, known)
        odd = own_and_pooled(raw, known.features, self.features)
        points = member_oddness(scores, [known.rules, self.rules])
        members = over_spans(points, block.windows, len(points))
        notes, excused = note_block(block, known.habit, self.excuses, self.heard, series)
        return Judgement(
            keys=block.keys,
            features=squash(odd),
            feature_names=FEATURES,
            members=squash(members),
            prior=squash(blend(members, known.weights)),
            vae_error=np.asarray(1 - np.exp(-members[:, MEMBERS.index("vae")]), np.float32),
            aster=aster.window,
            embedding=aster.embedding,
            notes=notes,
            excused=excused,
        )

    def _raw(self, block: Block, known: Known) -> tuple[Float32, RuleScores, AsterScores]:
        """Features (N, F) of a block's windows, scores (T, S) of its points by every rule, ASTER's answer."""
        values, windows, profile = block.values, block.windows, known.profile
        raw, points = window_features(values, block.times, windows, profile, block.held)
        aster = ask_networks(self.aster, values, windows, profile, self.width)
        networks = network_points(aster, windows, len(values))
        ticks = profile.clock.ticks(block.times)
        return raw, rule_scores(values, points, networks, profile, known.bank, ticks=ticks), aster

    def _learn(self, series: Series, windows: Windows) -> Known:
        """Measure a series that was not in the pool by its own statistics; members weigh as in the pool's mean."""
        part = covered_part(series, windows)
        profile = fit_profile(part.values, part.times, part.targets)
        ticks = profile.clock.ticks(part.times)
        bank = fit_bank(part.values, ticks, profile, self.config, most=self.length, seed=0)
        weights = np.stack([known.weights for known in self.known.values()]).mean(axis=0).astype(np.float32)
        known = Known(profile, self.features, bank, self.rules, weights, habit_of(part))
        whole = replace(series, values=part.values, times=part.times, truth=None)
        features, rules = self.measure(whole, part.windows, known, step=max(1, whole.length // THIN))
        return replace(known, features=fit_tails(features), rules=fit_tails(rules))

    def _check(self, series: Series, windows: Windows) -> None:
        if windows.length != self.length:
            raise DataError(
                f"series {series.name!r}: expected windows of {self.length} points, as in training, got "
                f"{windows.length}; set window.length or train again"
            )
        known = self.known.get(series.name)
        if known and known.profile.width != series.width:
            raise DataError(
                f"series {series.name!r}: expected {known.profile.width} channels, as in training, got {series.width}; "
                "give it another name or train again"
            )

    def _nothing(self, windows: Windows) -> Judgement:
        none, table = np.empty(0, np.float32), np.empty((0, len(FEATURES)), np.float32)
        members = np.empty((0, len(MEMBERS)), np.float32)
        embedding = np.empty((0, self.config.aster.width), np.float32)
        notes = np.empty((0, len(NOTED)), np.float32)
        return Judgement(windows.keys, table, FEATURES, members, none, none, none, embedding, notes, none)


def join(parts: Sequence[Judgement]) -> Judgement:
    """Lay the judgements of a series' parts one after the other.

    Example:
        >>> one, empty = np.zeros(1, np.float32), np.zeros((1, 0), np.float32)
        >>> part = Judgement(np.array(["a:0:4"]), empty, (), empty, one, one, one, empty, empty, one)
        >>> len(join([part, part]))
        2
    """
    names = [each.name for each in fields(Judgement) if each.name != "feature_names"]
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return replace(parts[0], **columns)


def ask_networks(aster: Aster, values: Float32, windows: Windows, profile: Profile, width: int) -> AsterScores:
    """Scale one series (T, C), lay its windows and judge them."""
    track = scaled_track([values], [profile], [windows], width=width)
    return judge_aster(aster, track, stride=windows.stride, targets=role_mask(profile, width))


def network_points(aster: AsterScores, windows: Windows, points: int) -> dict[str, Float32]:
    """Lay the networks' answers on a series' points: each gets its span's mean, those outside repeat the nearest.

    Returns:
        (T,) log of the VAE's error as ``"vae"`` and log-odds of an anomaly as ``"aster"``.

    Example:
        >>> from rl_tsad.types import slide
        >>> w = slide(Series("a", np.zeros((5, 1), np.float32), np.arange(5), ("x",)), length=3, stride=2)
        >>> half = np.full((2, 2), 0.5, np.float32)
        >>> network_points(AsterScores(half[:, 0], half, half, half), w, 5)["aster"].round().tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0]
    """
    ends = spans_of(windows, points)[:, 1]
    row = np.minimum(np.searchsorted(ends, np.arange(points), side="right"), len(windows) - 1)
    error = np.log(aster.error + np.float32(1e-6)).mean(axis=1)
    return {"vae": error[row], "aster": log_odds(aster.points).mean(axis=1)[row]}


def over_spans(points: Float32, windows: Windows, count: int) -> Float32:
    """Average (T, M) numbers of points over each window's span: (N, M) float32.

    Example:
        >>> from rl_tsad.types import slide
        >>> w = slide(Series("a", np.zeros((5, 1), np.float32), np.arange(5), ("x",)), length=3, stride=2)
        >>> over_spans(np.arange(5, dtype=np.float32)[:, None], w, 5).ravel().tolist()
        [1.0, 3.5]
    """
    spans = spans_of(windows, count)
    spans[-1, 1] = min(spans[-1, 1], count)
    total = np.add.reduceat(points[spans[0, 0] : spans[-1, 1]], spans[:, 0] - spans[0, 0], axis=0)
    return np.asarray(total / (spans[:, 1] - spans[:, 0])[:, None], np.float32)


def role_mask(profile: Profile, width: int) -> Float32:
    """Give (W,) 1 for a channel that is scored, 0 for an exogenous or padding one.

    Example:
        >>> from rl_tsad.detector.streams import fit_profile
        >>> role_mask(fit_profile(np.zeros((9, 1), np.float32), np.arange(9)), 2).tolist()
        [1.0, 0.0]
    """
    mask = np.zeros(width, np.float32)
    mask[: profile.width] = profile.targets
    return mask


def scaled_track(
    values: Sequence[Float32], profiles: Sequence[Profile], windows: Sequence[Windows], *, width: int
) -> Track:
    """Scale series by what is usual in them and lay them one after the other.

    Raises:
        DataError: when a series has more channels than ``width``.
    """
    scaled = [
        apply_scale(part, Scale(profile.center.astype(np.float64), profile.spread.astype(np.float64)), CLIP)
        for part, profile in zip(values, profiles, strict=True)
    ]
    return lay_track(scaled, [part.starts for part in windows], length=windows[0].length, width=width)


def log_odds(probability: Float32) -> Float32:
    """Give log(p / (1 - p)), within about 16 of 0.

    Example:
        >>> log_odds(np.array([0.5, 0.0], np.float32)).round().tolist()
        [0.0, -16.0]
    """
    bounded = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(bounded / (1 - bounded)), np.float32)
