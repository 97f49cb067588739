import numpy as np
import pytest

from rl_tsad.data.bases import BASES, make_base
from rl_tsad.errors import ConfigError
from rl_tsad.types import Float64


def shape_of(values: Float64) -> Float64:
    return np.abs(np.fft.rfft(values - values.mean()))


@pytest.mark.parametrize("kind", BASES)
def test_a_base_is_finite_standard_and_repeatable(kind: str) -> None:
    for seed in range(5):
        base = make_base(kind, 2000, np.random.default_rng(seed))
        again = make_base(kind, 2000, np.random.default_rng(seed))
        assert np.isfinite(base.values).all()
        assert np.median(base.values) == pytest.approx(0, abs=1e-9)
        assert base.values.std() == pytest.approx(1)
        assert (base.values == again.values).all()


@pytest.mark.parametrize("kind", ["sine", "seasonal", "square", "sawtooth", "heartbeat", "funnel"])
def test_what_repeats_does_so_after_its_cycle(kind: str) -> None:
    for seed in range(5):
        base = make_base(kind, 4000, np.random.default_rng(seed))
        own = base.values[:-1] - base.values.mean()
        lags = [float(np.mean(own[:-lag] * own[lag:])) for lag in range(1, 2 * base.cycle)]
        around = lags[int(0.85 * base.cycle) - 1 : int(1.15 * base.cycle)]
        assert max(around) > 0.2


@pytest.mark.parametrize("kind", BASES)
def test_no_two_series_of_a_kind_are_alike(kind: str) -> None:
    one, other = (make_base(kind, 1000, np.random.default_rng(seed)).values for seed in (1, 2))
    assert abs(np.corrcoef(shape_of(one), shape_of(other))[0, 1]) < 0.99


def test_wrong_kinds_and_short_series_are_refused() -> None:
    with pytest.raises(ConfigError, match="heartbeat"):
        make_base("hum", 1000, np.random.default_rng(0))
    with pytest.raises(ConfigError, match="300 points"):
        make_base("sine", 100, np.random.default_rng(0))
