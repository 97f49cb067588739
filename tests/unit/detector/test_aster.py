import numpy as np
import pytest
import torch

from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.classifier import Classifier, PatchEncoder
from rl_tsad.detector.aster.generators import draw_raw_material, reverse_gradient
from rl_tsad.detector.aster.train import Aster, adversarial_losses, judge_aster, train_aster
from rl_tsad.detector.track import Track
from rl_tsad.errors import ConfigError

RNG = np.random.default_rng(0)
NOISE = torch.Generator().manual_seed(0)


def batch(aster, reversal):
    """Gradients of the generated windows' loss in the generator and in the classifier."""
    noise = torch.Generator().manual_seed(1)
    windows, statistics = torch.randn(16, 16, 2, generator=noise), torch.rand(16, 5, generator=noise)
    aster.zero_grad()
    adversarial_losses(aster, windows, statistics, reversal, noise).generated.backward()
    return (
        [p.grad.clone() for p in aster.generator.parameters() if p.grad is not None],
        [p.grad.clone() for p in aster.classifier.parameters() if p.grad is not None],
    )


def test_reversal_keeps_values_and_turns_the_gradient():
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reverse_gradient(x, 0.25)
    assert torch.equal(x, y)
    (y * torch.tensor([4.0, 8.0])).sum().backward()
    assert x.grad.tolist() == [-1.0, -2.0]


def test_the_generator_learns_against_the_classifier_which_learns_as_before():
    torch.manual_seed(0)
    aster = Aster(16, 2, 5, AsterConfig(width=8, heads=2, depth=1))
    plain_generator, plain_classifier = batch(aster, -1.0)  # reversing the reversal: the ordinary gradient
    generator, classifier = batch(aster, 0.5)
    assert generator
    assert any(bool(g.abs().sum() > 0) for g in generator)
    for reversed_, plain in zip(generator, plain_generator, strict=True):
        torch.testing.assert_close(reversed_, -0.5 * plain)
    for same, plain in zip(classifier, plain_classifier, strict=True):
        assert torch.equal(same, plain)


def test_a_generator_step_makes_generated_windows_harder_to_tell():
    torch.manual_seed(0)
    aster = Aster(16, 2, 5, AsterConfig(width=8, heads=2, depth=1))
    before = loss_after(aster, steps=0)
    assert loss_after(aster, steps=5) > before


def loss_after(aster, steps):
    noise = torch.Generator().manual_seed(1)
    windows, statistics = torch.randn(16, 16, 2, generator=noise), torch.rand(16, 5, generator=noise)
    optimizer = torch.optim.SGD(aster.generator.parameters(), lr=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        adversarial_losses(aster, windows, statistics, 1.0, torch.Generator().manual_seed(2)).generated.backward()
        optimizer.step()
    return adversarial_losses(aster, windows, statistics, 1.0, torch.Generator().manual_seed(2)).generated.item()


def test_the_classifier_does_not_teach_the_encoder():
    torch.manual_seed(0)
    aster = Aster(16, 2, 5, AsterConfig(width=8, heads=2, depth=1))
    batch(aster, 1.0)
    assert all(p.grad is None or not p.grad.any() for p in aster.encoder.parameters())


def test_half_of_the_pseudo_anomalies_have_plain_statistics():
    statistics = torch.rand(400, 6, generator=NOISE)
    _, made = draw_raw_material(torch.randn(400, 3, 4, generator=NOISE), statistics, NOISE)
    plain = (made[:, None] == statistics[None]).all(dim=2).any(dim=1).float().mean()
    assert 0.4 < float(plain) < 0.75
    assert bool(((made >= 0) & (made <= 1)).all())


@pytest.mark.parametrize(("length", "patches"), [(16, 2), (25, 4), (5, 1)])
def test_windows_that_do_not_divide_into_patches_are_padded_in_front(length, patches):
    windows = torch.arange(float(length)).reshape(1, length, 1)
    cut = PatchEncoder(length, 1, AsterConfig()).cut(windows)
    assert cut.shape == (1, patches, 8)
    assert cut.flatten()[-length:].tolist() == windows.flatten().tolist()
    assert set(cut.flatten()[:-length].tolist()) <= {0.0}


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ConfigError, match="divide by heads"):
        Classifier(4, 3, AsterConfig(width=30, heads=4))


@pytest.mark.slow
def test_what_never_occurs_in_the_pool_is_judged_more_anomalous():
    points = np.arange(2000)
    values = np.sin(2 * np.pi * points / 16).astype(np.float32)[:, None] + 0.05 * RNG.normal(size=(2000, 1))
    values[1600:] = 2 * RNG.normal(size=(400, 1))
    track = Track(values.astype(np.float32), np.arange(0, 1936, 8), 64)
    statistics = np.zeros((len(track), 3), np.float32)
    logs = []
    aster = train_aster(
        track.keep(track.starts < 1500),
        statistics[track.starts < 1500],
        AsterConfig(steps=120, depth=1),
        seed=0,
        log=lambda path, value: logs.append(path),
    )
    logits, embedding = judge_aster(aster, track, statistics)
    assert logits[track.starts >= 1600].mean() > logits[track.starts < 1500].mean() + 0.5
    assert embedding.shape == (len(track), 32)
    assert {"aster/elbo", "aster/bce_real", "aster/bce_generated", "aster/separability"} == set(logs)
