import numpy as np
import pytest
import torch

from rl_tsad.config import AsterConfig, MixtureConfig
from rl_tsad.detector.aster.generators.edit import changed, draw_place, draw_strength, fill_breaks, noise_scale
from rl_tsad.detector.aster.generators.latent import likeness_of, reverse_gradient
from rl_tsad.detector.aster.generators.program import register_program
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.aster.pool import make_batch, training_pool, validation_generators
from rl_tsad.errors import ConfigError


def lift(windows, hardness, rng):
    return windows + np.float32(2 - hardness)


register_program("lift", lift)
KINDS = ("latent", "shuffle", "jitter", "frequency", "trend", "swap", "program")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def plant(rows=48, length=64, width=3):
    """Waves that move together, each with a little noise of its own."""
    phase = 6.3 * torch.rand(rows, 1, 1, generator=seeded())
    wave = torch.sin(torch.arange(length)[:, None] / 4 + phase + 0.3 * torch.arange(width))
    return wave + 0.05 * torch.randn(rows, length, width, generator=seeded())


def generators():
    torch.manual_seed(0)
    aster = Aster(64, 3, AsterConfig())
    return validation_generators(aster.latent, AsterConfig(held_out=KINDS))


@pytest.mark.parametrize("kind", KINDS)
def test_only_targets_at_marked_positions_change_beyond_noise(kind):
    windows, targets = plant(), torch.tensor([1.0, 1.0, 0.0]).expand(48, 3)
    made, positions = generators()[kind](windows, targets, 0.5, seeded())
    assert made.shape == windows.shape
    assert positions.shape == windows.shape[:2]
    assert torch.equal(made[:, :, 2], windows[:, :, 2])
    moved = (made - windows).abs() > noise_scale(windows)
    assert not (moved.any(dim=2) & ~positions).any()
    assert bool(positions.any())
    assert bool(torch.isfinite(made).all())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "program"])
def test_edits_are_local_and_of_many_sizes(kind):
    windows = plant(rows=400)
    _, positions = generators()[kind](windows, torch.ones(400, 3), 0.5, seeded())
    share = positions.float().mean(dim=1)
    assert 0.02 < float(share.mean()) < 0.6
    assert bool((share > 0.3).any())
    assert bool(((share > 0) & (share < 0.1)).any())


@pytest.mark.parametrize("kind", ["latent", "jitter", "trend", "frequency", "program"])
def test_the_hardness_dial_makes_edits_smaller(kind):
    windows = plant(rows=400)
    sizes = []
    for hardness in (0.0, 1.0):
        made, _ = generators()[kind](windows, torch.ones(400, 3), hardness, seeded())
        sizes.append((made - windows).abs().mean().item())
    assert sizes[1] < 0.8 * sizes[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_noise_gives_the_same_windows(kind):
    one, other = (generators()[kind](plant(), torch.ones(48, 3), 0.5, seeded(3))[0] for _ in range(2))
    assert torch.equal(one, other)


@pytest.mark.parametrize("shape", [(3, 2, 1), (2, 5, 2)])
def test_tiny_windows_are_edited_too(shape):
    torch.manual_seed(0)
    pool = training_pool(Aster(shape[1], shape[2], AsterConfig()).latent, AsterConfig())
    made = make_batch(pool, torch.randn(shape, generator=seeded()), torch.ones(shape[0], shape[2]), 0.5, seeded())
    assert made.windows.shape == shape


def test_a_generator_without_a_target_changes_nothing():
    for kind, generator in generators().items():
        made, positions = generator(plant(), torch.zeros(48, 3), 0.5, seeded())
        assert not positions.any(), kind
        torch.testing.assert_close(made, plant())


def test_swap_brings_a_channel_from_another_window():
    windows = torch.arange(4.0)[:, None, None].expand(4, 16, 2).clone()
    made, positions = generators()["swap"](windows, torch.tensor([[1.0, 0.0]]).expand(4, 2), 0.0, seeded())
    assert torch.equal(made[:, :, 1], windows[:, :, 1])
    assert set(made[:, :, 0].flatten().tolist()) <= {0.0, 1.0, 2.0, 3.0}
    assert bool(positions.any())


def test_shuffle_keeps_the_values_of_one_channel():
    windows = plant(width=1)
    made, _ = generators()["shuffle"](windows, torch.ones(48, 1), 0.5, seeded())
    assert torch.equal(made.sort(dim=1).values, windows.sort(dim=1).values)


def test_places_reach_over_both_edges():
    place = draw_place(torch.zeros(500, 32, 1), torch.ones(500, 1), 0.5, seeded())
    assert bool((place.first == 0).any())
    assert bool((place.last == 32).any())
    assert bool((place.last > place.first).all())


def test_strength_follows_the_noise_and_the_dial():
    quiet, noisy = torch.zeros(200, 32, 1), torch.randn(200, 32, 1, generator=seeded())
    strengths = [draw_strength(noise_scale(each), 0.5, seeded()).mean() for each in (quiet, noisy)]
    assert strengths[0] < strengths[1]


def test_noise_is_measured_beside_a_steep_line():
    line = torch.arange(500.0)[None, :, None] + 0.1 * torch.randn(1, 500, 1, generator=seeded())
    assert noise_scale(line).item() == pytest.approx(0.1, rel=0.2)
    assert noise_scale(torch.zeros(1, 2, 1)).item() == pytest.approx(0.02)


def test_what_moves_less_than_the_noise_did_not_change():
    before = 0.5 * torch.randn(4, 64, 1, generator=seeded())
    assert not changed(before, before + 0.2, torch.ones(4, 1), noise_scale(before)).any()
    assert changed(before, before + 2, torch.ones(4, 1), noise_scale(before)).all()


def test_breaks_are_filled_but_edges_stay():
    marked = torch.zeros(1, 20, dtype=torch.bool)
    marked[0, [0, 3, 12, 19]] = True
    assert fill_breaks(marked).nonzero()[:, 1].tolist() == [0, 1, 2, 3, 12, 19]


def test_reversal_keeps_values_and_turns_the_gradient():
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reverse_gradient(x, 0.25)
    assert torch.equal(x, y)
    (y * torch.tensor([4.0, 8.0])).sum().backward()
    assert x.grad.tolist() == [-1.0, -2.0]


def test_likeness_does_not_ask_for_the_sign_or_the_size():
    assert likeness_of(torch.tensor([[1.0, 0.0], [-3.0, 0.0]])).item() == pytest.approx(1.0)
    assert likeness_of(torch.ones(1, 4)).item() == 0


def test_a_program_that_gives_nonsense_is_refused():
    register_program("lift", lambda windows, hardness, rng: windows[:1])
    try:
        with pytest.raises(ConfigError, match="program 'lift'"):
            generators()["program"](plant(), torch.ones(48, 3), 0.5, seeded())
    finally:
        register_program("lift", lift)


def test_the_pool_gives_each_generator_its_share():
    torch.manual_seed(0)
    config = AsterConfig(mixture=MixtureConfig(latent=0, shuffle=3, jitter=1, frequency=1, trend=0, swap=0))
    pool = training_pool(Aster(64, 3, config).latent, config)
    made = make_batch(pool, plant(), torch.ones(48, 3), 0.5, seeded())
    assert made.names == ("shuffle", "jitter")
    assert torch.bincount(made.kinds).tolist() == [36, 12]


def test_a_pool_of_held_out_generators_only_is_refused():
    config = AsterConfig(mixture=MixtureConfig(0, 0, 0, 1, 0, 0), held_out=("frequency",))
    with pytest.raises(ConfigError, match="generator with a weight"):
        training_pool(Aster(8, 1, config).latent, config)


def test_without_held_out_generators_those_of_the_training_validate():
    config = AsterConfig(mixture=MixtureConfig(0, 1, 1, 0, 0, 0), held_out=())
    assert list(validation_generators(Aster(8, 1, config).latent, config)) == ["shuffle", "jitter"]
