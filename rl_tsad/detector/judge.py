"""What the fitted detector says of any windows, label-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rl_tsad.config import DetectorConfig
from rl_tsad.data.scaling import Scale, apply_scale
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.aster.score import judge_aster
from rl_tsad.detector.calibrate import Tails, fit_tails, squash
from rl_tsad.detector.features import FEATURES, window_features
from rl_tsad.detector.known import Known, blend, covered_part, learn_profile, own_and_pooled, robust_score
from rl_tsad.detector.streams import Profile
from rl_tsad.detector.track import Track, lay_track
from rl_tsad.detector.vae import Vae, span_errors
from rl_tsad.errors import DataError
from rl_tsad.types import Float32, Keys, Scores, Series, Windows

CLIP = 10.0  # usual deviations beyond which the networks see no difference


@dataclass(frozen=True)
class Judgement:
    """Everything label-free about N windows.

    Attributes:
        keys: (N,) window keys.
        features: (N, F) float32 in [0, 1): oddness of robust statistics, comparable across series; above one half is
            among the oddest 5 %.
        feature_names: F names, ``"{stream}/{kind}"``.
        prior: (N,) float32 in [0, 1), calibrated blend of robust statistics, VAE and ASTER.
        vae_error: (N,) float32 in [0, 1], share of pool windows that are reproduced better.
        aster: (N,) float32 in [0, 1], ASTER's probability of an anomaly.
        embedding: (N, Z) float32, ASTER's pooled token.
    """

    keys: Keys
    features: Float32
    feature_names: tuple[str, ...]
    prior: Float32
    vae_error: Float32
    aster: Float32
    embedding: Float32

    def __len__(self) -> int:
        return len(self.keys)

    def scores(self) -> Scores:
        """Give the prior as the house's scores.

        Example:
            >>> one = np.full(1, 0.25, np.float32)
            >>> empty = np.zeros((1, 0), np.float32)
            >>> Judgement(np.array(["a:0:4"]), empty, (), one, one, one, empty).scores().proba.tolist()
            [[0.75, 0.25]]
        """
        proba = np.stack([1 - self.prior, self.prior], axis=1)
        return Scores(self.keys, self.prior, proba, self.embedding)


@dataclass(frozen=True)
class Detector:
    """A fitted detector; build it with :func:`rl_tsad.detector.fit.fit_detector`.

    Attributes:
        config: what it was fitted with.
        length: L, points per window.
        width: W, channels of the widest series it knows.
        known: what was learnt of each series, by name.
        features: tails of all pool windows' features together.
        members: tails of all pool windows' member scores together.
        vae, aster: the networks.
        history: losses by path, such as "vae/loss".
    """

    config: DetectorConfig
    length: int
    width: int
    known: Mapping[str, Known]
    features: Tails
    members: Tails
    vae: Vae = field(repr=False)
    aster: Aster = field(repr=False)
    history: Mapping[str, list[float]] = field(repr=False)

    def judge(self, series: Series, windows: Windows, *, batch: int = 4096) -> Judgement:
        """Judge windows of a series.

        A series that was in the pool is measured by what was learnt there; points after a window's span are not read.
        Any other series is measured by its own statistics over the given windows, without labels.

        Args:
            series: where the windows lie.
            windows: of this series; all of them or a contiguous run.
            batch: windows that go through the networks at once.

        Raises:
            DataError: when the windows have another length or more channels than the detector knows.
        """
        self._check(series, windows)
        if not len(windows):
            return self._nothing(windows)
        known = self.known.get(series.name)
        profile = known.profile if known else learn_profile(covered_part(series, windows))[0]
        raw = window_features(series.values, series.times, windows, profile)
        odd = own_and_pooled(raw, known.features if known else fit_tails(raw), self.features)
        track = scaled_track([series.values], [profile], [windows], width=self.width)
        scores = member_scores(self, track, odd, [(profile, len(windows))], stride=windows.stride, batch=batch)
        member = own_and_pooled(scores.members, known.members if known else fit_tails(scores.members), self.members)
        return Judgement(
            keys=windows.keys,
            features=squash(odd),
            feature_names=FEATURES,
            prior=squash(blend(member)),
            vae_error=np.asarray(1 - np.exp(-member[:, 1]), np.float32),
            aster=sigmoid(scores.members[:, 2]),
            embedding=scores.embedding,
        )

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
        none = np.empty(0, np.float32)
        embedding = np.empty((0, self.config.aster.width), np.float32)
        return Judgement(windows.keys, np.empty((0, len(FEATURES)), np.float32), FEATURES, none, none, none, embedding)


@dataclass(frozen=True)
class MemberScores:
    """The members' raw scores (N, 3) in the order of ``MEMBERS`` and ASTER's embedding (N, Z)."""

    members: Float32
    embedding: Float32


@dataclass(frozen=True)
class Networks:
    """The two networks of a detector that is still being fitted."""

    vae: Vae
    aster: Aster


def member_scores(
    networks: Networks | Detector,
    track: Track,
    odd: Float32,
    owners: Sequence[tuple[Profile, int]],
    *,
    stride: int,
    batch: int = 4096,
) -> MemberScores:
    """Score windows by each member.

    Args:
        networks: VAE and ASTER.
        track: N windows.
        odd: (N, F) oddness of their features.
        owners: profile and number of windows of each series, in the track's order.
        stride: points in a window's span.
        batch: windows that go through the networks at once.
    """
    ends = np.cumsum([count for _, count in owners])
    parts = np.split(odd, ends[:-1])
    robust = np.concatenate([robust_score(part, profile) for part, (profile, _) in zip(parts, owners, strict=True)])
    errors = span_errors(networks.vae, track, stride=stride, batch=batch)
    aster = judge_aster(networks.aster, track, stride=stride)
    return MemberScores(np.stack([robust, errors, log_odds(aster.window)], axis=1), aster.embedding)


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
    """Give log(p / (1 - p)), within about 16 of 0: the opposite of :func:`sigmoid`.

    Example:
        >>> log_odds(np.array([0.5, 0.0], np.float32)).round().tolist()
        [0.0, -16.0]
    """
    bounded = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(bounded / (1 - bounded)), np.float32)


def sigmoid(logits: Float32) -> Float32:
    """Give 1 / (1 + exp(-x)) without overflow.

    Example:
        >>> sigmoid(np.array([-1000, 0], np.float32)).tolist()
        [0.0, 0.5]
    """
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)
