import numpy as np

from rl_tsad.detector.calibrate import fit_tails, oddness, squash

RNG = np.random.default_rng(0)


def test_oddness_is_the_negative_log_of_the_tail_probability():
    pool = RNG.exponential(size=(20_000, 1)).astype(np.float32)
    asked = np.array([[0.5], [1], [2], [5]], np.float32)
    np.testing.assert_allclose(oddness(asked, fit_tails(pool)), asked, rtol=0.05)


def test_oddness_never_falls_when_the_number_grows():
    pool = np.round(RNG.normal(size=(500, 2)), 1).astype(np.float32)
    asked = np.linspace(-4, 40, 300, dtype=np.float32)[:, None].repeat(2, axis=1)
    assert (np.diff(oddness(asked, fit_tails(pool)), axis=0) >= 0).all()


def test_anomalies_in_the_pool_do_not_hide_themselves():
    pool = RNG.exponential(size=(1000, 1)).astype(np.float32)
    clean = oddness(np.array([[20]], np.float32), fit_tails(pool))
    pool[:20] = 50
    assert oddness(np.array([[20]], np.float32), fit_tails(pool))[0, 0] > 0.3 * clean[0, 0]


def test_a_column_that_never_moves_is_nowhere_odd():
    odd = oddness(np.zeros((5, 1), np.float32), fit_tails(np.zeros((100, 1), np.float32)))
    assert (odd < 1).all()


def test_one_pool_window_is_enough_to_stay_finite():
    assert np.isfinite(oddness(np.ones((2, 3), np.float32), fit_tails(np.zeros((1, 3), np.float32)))).all()


def test_half_is_where_the_oddest_twentieth_begins():
    pool = RNG.normal(size=(2000, 1)).astype(np.float32)
    share = float((squash(oddness(pool, fit_tails(pool))) > 0.5).mean())
    assert 0.04 < share < 0.06
