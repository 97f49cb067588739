import pytest
import torch

from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.classifier import Classifier
from rl_tsad.detector.aster.encoder import PatchEncoder, normalise
from rl_tsad.detector.aster.statistics import STATISTICS, PointStatistics
from rl_tsad.errors import ConfigError


@pytest.mark.parametrize(("length", "patches"), [(16, 2), (25, 4), (5, 1)])
def test_windows_that_do_not_divide_into_patches_are_padded_in_front(length, patches):
    windows = torch.arange(2.0 * length).reshape(1, length, 2)
    encoder = PatchEncoder(length, 2, AsterConfig())
    cut = encoder.cut(windows)
    assert cut.shape == (1, patches, 16)
    assert torch.equal(encoder.join(cut), windows)
    assert encoder.decode(encoder(normalise(windows))[0]).shape == windows.shape


def test_normalising_forgets_nothing():
    windows = 5 + 3 * torch.randn(4, 32, 2)
    normal = normalise(windows)
    torch.testing.assert_close(normal.values * normal.scale + normal.level, windows)
    torch.testing.assert_close(normalise(2 * windows + 7).values, normal.values, rtol=1e-4, atol=1e-4)


def test_decoding_without_teaching_the_decoder():
    encoder = PatchEncoder(16, 1, AsterConfig())
    codes = torch.randn(2, 2, 8, requires_grad=True)
    torch.testing.assert_close(encoder.decode_still(codes), encoder.decode(codes))
    encoder.decode_still(codes).sum().backward()
    assert codes.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in encoder.parameters())


def middle(windows):
    return windows.median(dim=1, keepdim=True).values


def statistic(name, windows, fitted_on=None):
    part = PointStatistics(windows.shape[2])
    part.fit(windows if fitted_on is None else fitted_on, torch.ones(len(windows), windows.shape[2]))
    sizes = part(windows, torch.zeros_like(windows), middle(windows), torch.ones(len(windows), windows.shape[2]))
    return sizes[:, :, STATISTICS.index(name)]


def test_each_statistic_finds_what_it_is_for():
    calm = torch.sin(torch.arange(64.0) / 3).expand(32, 64)[:, :, None].clone()
    calm += 0.02 * torch.randn(calm.shape, generator=torch.Generator().manual_seed(0))
    for name, edit in {
        "level": lambda w: w.__setitem__((0, 40), 9.0),
        "step": lambda w: w.__setitem__((0, 40), 9.0),
        "deviation": lambda w: w.__setitem__((0, 40), 9.0),
        "run": lambda w: w.__setitem__((0, slice(30, 41)), 0.1),
        "memory": lambda w: w.__setitem__((0, 40), 9.0),
    }.items():
        windows = calm.clone()
        edit(windows)
        assert statistic(name, windows, calm)[0].argmax() == 40, name
    windows = calm.clone()
    windows[0, 32:40] *= 5
    assert 32 <= int(statistic("spread", windows, calm)[0].argmax()) <= 46


def test_a_channel_that_leaves_its_neighbours_is_seen_in_cross_only():
    noise = torch.Generator().manual_seed(0)
    driver = torch.randn(64, 64, 1, generator=noise).cumsum(dim=1) / 4
    windows = torch.cat([driver, 2 * driver], dim=2) + 0.02 * torch.randn(64, 64, 2, generator=noise)
    odd = windows.clone()
    odd[0, 20:40, 1] = odd[0, 20:40, 1].flip(0) + odd[0, 20, 1] - odd[0, 39, 1]
    part = PointStatistics(2)
    part.fit(windows, torch.ones(64, 2))
    sizes = part(odd, torch.zeros_like(odd), middle(odd), torch.ones(64, 2))
    cross = sizes[0, :, 2 * STATISTICS.index("cross")]
    assert cross[20:40].mean() > cross[:20].mean() + 0.5


def test_statistics_read_targets_only():
    windows = torch.randn(4, 16, 2)
    targets = torch.tensor([[1.0, 0.0]]).expand(4, 2)
    part = PointStatistics(2)
    part.fit(windows, targets)
    part.mixing.zero_()
    errors, other = torch.zeros_like(windows), windows.clone()
    other[:, :, 1] = 50
    one, same = (part(each, errors, middle(each), targets) for each in (windows, other))
    torch.testing.assert_close(one, same)


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ConfigError, match="divide by heads"):
        Classifier(4, 8, 3, statistics=2, config=AsterConfig(width=30, heads=4))


@pytest.mark.parametrize("kind", ["transformer", "mlp", "linear"])
def test_every_classifier_answers_for_points_and_windows(kind):
    torch.manual_seed(0)
    classifier = Classifier(4, 8, 3, statistics=2, config=AsterConfig(classifier=kind))
    points, windows, embedding = classifier(torch.randn(5, 4, 3), torch.rand(5, 4, 16), 8)
    assert points.shape == (5, 32)
    assert windows.shape == (5,)
    assert embedding.shape == (5, 32)
