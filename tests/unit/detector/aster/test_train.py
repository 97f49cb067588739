import numpy as np
import pytest
import torch

from rl_tsad.config import AsterConfig, MixtureConfig
from rl_tsad.detector.aster.balance import Balance
from rl_tsad.detector.aster.material import split_material
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.aster.pool import training_pool
from rl_tsad.detector.aster.score import judge_aster, worst_error
from rl_tsad.detector.aster.select import Keeper, Trial, auc, calibrate, fit_platt
from rl_tsad.detector.aster.train import step_losses, train_aster
from rl_tsad.detector.track import Track

QUIET = lambda path, value: None  # noqa: E731
SMALL = AsterConfig(width=8, heads=2, depth=1, batch=16, steps=6)


def wave(points=600, width=1, seed=0):
    rng = np.random.default_rng(seed)
    values = np.sin(np.arange(points)[:, None] / 4 + np.arange(width)) + 0.05 * rng.normal(size=(points, width))
    return Track(values.astype(np.float32), np.arange(0, points - 64, 8), 64)


def small(width=2, reversal=0.5):
    torch.manual_seed(0)
    aster = Aster(16, width, AsterConfig(width=8, heads=2, depth=1))
    aster.latent.reversal = reversal
    return aster


def only_latent(aster):
    return training_pool(aster.latent, AsterConfig(mixture=MixtureConfig(1, 0, 0, 0, 0, 0), held_out=()))


def gradients(aster, part):
    noise = torch.Generator().manual_seed(1)
    aster.zero_grad()
    windows = torch.randn(16, 16, 2, generator=noise)
    step_losses(aster, only_latent(aster), windows, torch.ones(16, 2), noise=noise).parts[part].backward()
    return {name: p.grad.clone() for name, p in aster.named_parameters() if p.grad is not None}


def test_the_latent_generator_learns_against_the_classifier_which_learns_as_before():
    plain, turned = (gradients(small(reversal=reversal), "points") for reversal in (-1.0, 0.5))
    own = [name for name in turned if name.startswith("latent.")]
    assert any(bool(turned[name].abs().sum() > 0) for name in own)
    for name in own:
        torch.testing.assert_close(turned[name], -0.5 * plain[name])
    for name in turned.keys() - set(own):
        assert torch.equal(turned[name], plain[name])


def test_the_likeness_of_samples_teaches_the_latent_generator_only():
    assert {name.split(".")[0] for name, grad in gradients(small(), "likeness").items() if grad.any()} == {"latent"}


def test_exogenous_channels_are_not_reproduced_but_seen():
    aster = small()
    windows, targets = torch.randn(4, 16, 2), torch.tensor([[1.0, 0.0]]).expand(4, 2)
    moved = windows.clone()
    moved[:, :, 1] += 3
    with torch.no_grad():
        (one, error), (other, _) = aster(windows, targets), aster(moved, targets)
    assert not torch.equal(one.points, other.points)
    high = worst_error(error * torch.tensor([1.0, 1000.0]), targets)
    torch.testing.assert_close(high, error[:, :, 0])


def test_training_leaves_the_global_random_state_alone_and_repeats_its_bits():
    before = torch.get_rng_state()
    one, same = (train_aster(wave(), SMALL, stride=8, seed=0, log=QUIET).state_dict() for _ in range(2))
    other = train_aster(wave(), SMALL, stride=8, seed=1, log=QUIET).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_history_speaks_in_paths():
    logs, steps = {}, []
    train_aster(
        wave(), SMALL, stride=8, seed=0, log=logs.__setitem__, progress=lambda *told: steps.append(told)
    )  # fmt: skip
    parts = ("kl", "likeness", "points", "reconstruction", "windows")
    kinds = ("jitter", "latent", "shuffle", "swap", "trend")
    assert set(logs) == {
        *(f"aster/loss/{part}" for part in parts),
        *(f"aster/weight/{part}" for part in parts),
        *(f"aster/separability/{kind}" for kind in kinds),
        "aster/validation",
    }
    assert all(0 <= logs[f"aster/separability/{kind}"] <= 1 for kind in kinds)
    assert steps[-1] == ("detector/aster", 6, 6)


@pytest.mark.parametrize("points", [64, 72, 120])
def test_a_handful_of_windows_is_enough_to_run(points):
    track = wave(points + 1)
    scores = judge_aster(train_aster(track, SMALL, stride=8, seed=0, log=QUIET), track, stride=8)
    assert np.isfinite(scores.window).all()
    assert len(scores) == len(track)


def test_constant_series_are_judged():
    track = Track(np.zeros((300, 1), np.float32), np.arange(0, 200, 8), 64)
    scores = judge_aster(train_aster(track, SMALL, stride=8, seed=0, log=QUIET), track, stride=8)
    assert np.isfinite(scores.points).all()
    assert np.isfinite(scores.error).all()


def test_batches_do_not_change_the_scores():
    aster, track = small(width=1), Track(wave(200).values, np.arange(0, 180, 4), 16)
    one, other = (judge_aster(aster.eval(), track, stride=4, batch=batch) for batch in (1024, 7))
    for name in ("window", "points", "error", "embedding"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-3, atol=1e-5)


def test_no_window_gives_empty_scores():
    scores = judge_aster(small(width=1), Track(wave(64).values, np.empty(0, np.int64), 16), stride=4)
    assert scores.points.shape == (0, 4)
    assert scores.embedding.shape == (0, 8)


def test_roles_may_differ_from_window_to_window():
    track = wave(width=2)
    roles = np.ones((len(track), 2), np.float32)
    roles[: len(track) // 2, 1] = 0
    aster = train_aster(track, SMALL, stride=8, targets=roles, seed=0, log=QUIET)
    mixed = judge_aster(aster, track, stride=8, targets=roles)
    both = judge_aster(aster, track, stride=8)
    assert not np.array_equal(mixed.points[0], both.points[0])
    np.testing.assert_allclose(mixed.points[-1], both.points[-1], rtol=1e-4)


def test_validation_windows_share_no_start_with_training_ones():
    train, held = split_material(wave(900), torch.ones(1))
    assert not set(train.starts) & set(held.starts)
    assert len(train.starts) > 3 * len(held.starts)


def test_windows_between_two_series_are_not_drawn():
    track = Track(np.zeros((200, 1), np.float32), np.array([0, 8, 16, 100, 108]), 64)
    train, _ = split_material(track, torch.ones(1))
    assert train.starts.tolist() == [*range(0, 16), 16, *range(100, 108), 108]


def test_auc_counts_ties_half():
    assert auc(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0])) == 0.75
    assert auc(torch.empty(0), torch.ones(2)) == 0.5


def test_platt_scaling_makes_overconfident_logits_modest():
    generator = torch.Generator().manual_seed(0)
    wanted = torch.rand(4000, generator=generator) < 0.5
    logits = 10 * (wanted.float() - 0.5) + 10 * torch.randn(4000, generator=generator)
    slope, shift = fit_platt(logits, wanted.float())
    assert 0 < slope < 0.3
    assert abs(shift) < 0.2


def test_the_best_step_is_the_one_that_comes_back():
    aster = small(width=1)
    made = torch.randn(8, 16, 1)
    trial = Trial(torch.zeros(8, 16, 1), torch.ones(8, 1), {"x": (made, torch.ones(8, 16, dtype=torch.bool))})
    keeper = Keeper(trial)
    first = keeper.look(aster)
    with torch.no_grad():
        aster.classifier.points.weight.mul_(-1)
        aster.classifier.points.bias.mul_(-1)
    keeper.best = 2.0
    keeper.look(aster)
    keeper.restore(aster)
    assert Keeper(trial).look(aster) == first
    calibrate(aster, trial)
    assert bool((aster.slopes > 0).all())


def test_balance_weighs_by_uncertainty_and_off_simply_sums():
    losses = {name: torch.ones(()) for name in ("reconstruction", "kl", "points", "windows", "likeness")}
    on, off = Balance(AsterConfig()), Balance(AsterConfig(balance=False))
    assert float(off(losses)) == pytest.approx(1 + 0.1 + 1 + 1 + 0.1)
    optimiser = torch.optim.SGD(on.parameters(), lr=0.5)
    for _ in range(200):
        optimiser.zero_grad()
        on({"points": torch.tensor(0.25), "windows": torch.tensor(1.0), "reconstruction": torch.tensor(1.0)}).backward()
        optimiser.step()
    weights = {name: weight.item() for name, weight in on.weights().items()}
    assert weights["points"] == pytest.approx(2.0, rel=0.01)  # 1 / (2 * loss)
    assert weights["windows"] == pytest.approx(0.5, rel=0.01)
    assert weights["reconstruction"] == pytest.approx(0.5, rel=0.01)


@pytest.mark.slow
def test_a_pool_with_five_percent_of_anomalies_costs_little():
    found = []
    for starts in (range(0), range(150, 2400, 400)):
        track, rng = wave(3600), np.random.default_rng(10)
        noise = rng.normal(size=(3600, 1)).astype(np.float32)
        tested = [range(start, start + 20) for start in range(2500, 3500, 100)]
        for burst in [*tested, *(range(start, start + 20) for start in starts)]:
            track.values[burst] += noise[burst]
        assert sum(20 for _ in starts) in (0, 0.05 * 2400)
        aster = train_aster(track.keep(track.starts + 64 <= 2400), AsterConfig(), stride=8, seed=0, log=QUIET)
        window, span, later = judge_aster(aster, track, stride=8).window, track.starts + 56, track.starts >= 2400
        odd = np.isin(span[:, None] + np.arange(8), np.concatenate(tested)).any(axis=1)
        found.append(auc(torch.from_numpy(window[later & odd]), torch.from_numpy(window[later & ~odd])))
    clean, dirty = found
    assert clean > 0.95
    assert dirty > clean - 0.03


@pytest.mark.slow
def test_what_never_occurs_in_the_pool_is_judged_more_anomalous_where_it_is():
    track = wave(2400)
    track.values[1800:1840] += np.random.default_rng(1).normal(size=(40, 1)).astype(np.float32)
    known = track.starts < 1500
    aster = train_aster(track.keep(known), AsterConfig(), stride=8, seed=0, log=QUIET)
    scores = judge_aster(aster, track, stride=8)
    span = track.starts + 56
    odd = (span >= 1800) & (span < 1840)
    assert scores.window[odd].mean() > scores.window[~odd].mean() + 0.4
    assert scores.points[odd].mean() > scores.points[~odd].mean() + 0.4
    assert scores.error[odd].mean() > 2 * scores.error[~odd].mean()
