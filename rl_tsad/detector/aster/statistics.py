"""How odd each position of a window is by plain robust numbers, computed alike for real and for generated windows.

The window's values are already in units of its series' usual deviation, so these are series-level statistics. They are
computed from the window itself rather than taken from a table, because a generated window has no row in any table, and
one that borrowed another's would give itself away.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STATISTICS = ("level", "step", "deviation", "spread", "run", "memory", "cross", "error")
_LAGS = 8  # earlier points that predict a point
_LOCAL = 8  # points of the local spread
_RIDGE = 0.02  # variance added to every predictor, in squared units of the tape
_THIN = 16  # one window in so many tells the usual error
_STILL = 1e-4  # a smaller step counts as none


class PointStatistics(nn.Module):
    """Eight numbers a position and channel, of which the largest and the mean over the targets are kept.

    ``level`` |value|; ``step`` to the point before; ``deviation`` from the window's median; ``spread`` of the last
    points; ``run`` of equal values; ``memory`` and ``cross``: what the last points, and the other channels, do not
    explain (ridge regression); ``error`` of the VAE's reproduction.

    Args:
        width: W, channels.
    """

    lags: Tensor
    mixing: Tensor
    usual: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("lags", torch.zeros(_LAGS, width))
        self.register_buffer("mixing", torch.zeros(2 * width, width))
        self.register_buffer("usual", torch.ones(len(STATISTICS)))

    @property
    def size(self) -> int:
        """Numbers per position: one a statistic where there is one channel, else two."""
        return len(STATISTICS) * (1 if self.width == 1 else 2)

    @torch.no_grad()
    def fit(self, windows: Tensor, targets: Tensor) -> None:
        """Learn the regressions and what is usual from real windows (N, L, W), deaf to their oddest twentieth."""
        self.lags.copy_(_fit_lags(windows))
        if self.width > 1:
            self.mixing.copy_(_fit_mixing(windows))
        raw = self._raw(windows, torch.zeros_like(windows), windows.median(dim=1, keepdim=True).values)
        used = (targets[:, None] > 0).expand_as(windows)
        for row in range(len(STATISTICS) - 1):
            self.usual[row] = _usual(raw[row][used])

    @torch.no_grad()
    def follow_error(self, errors: Tensor, targets: Tensor, share: float) -> None:
        """Move the usual error of reproduction toward that of these real windows' errors (N, L, W)."""
        few, used = errors[::_THIN], targets[::_THIN, None] > 0
        usual = _usual(few[used.expand_as(few)])
        self.usual[-1] += share * (usual - self.usual[-1])

    def forward(self, windows: Tensor, errors: Tensor, middle: Tensor, targets: Tensor) -> Tensor:
        """Describe positions.

        Args:
            windows: (B, L, W).
            errors: (B, L, W) absolute errors of their reproduction, in the same units.
            middle: (B, 1, W) the windows' medians.
            targets: (B, W) 1 for a target channel, else 0.

        Returns:
            (B, L, S) float32 >= 0: log(1 + statistic / its usual size).
        """
        raw = self._raw(windows, errors, middle)
        if self.width > 1:
            sizes = torch.stack([part for one in raw for part in _over_channels(one, targets)])  # (S, B, L)
        else:
            sizes = torch.stack(raw).squeeze(3) * targets
        usual = self.usual.repeat_interleave(self.size // len(STATISTICS))
        return torch.log1p(sizes / usual[:, None, None]).permute(1, 2, 0)

    def _raw(self, windows: Tensor, errors: Tensor, middle: Tensor) -> list[Tensor]:
        """Eight times (B, L, W), each >= 0."""
        step, deviation = torch.diff(windows, dim=1, prepend=windows[:, :1]), windows - middle
        mean = _trailing_mean(deviation)
        spread = ((_trailing_mean(deviation.square()) - mean.square()).clamp_min(0) + 1e-5).sqrt()
        rest = windows - _recall(windows, self.lags)
        cross = torch.cat([windows, mean + middle], dim=2) @ self.mixing if self.width > 1 else rest
        sizes = (windows.abs(), step.abs(), deviation.abs(), spread, _runs(step), rest.abs(), cross.abs(), errors)
        return list(sizes)


def _over_channels(sizes: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Largest and mean (B, L) over the targets of (B, L, W)."""
    counted = sizes * targets[:, None]
    return counted.amax(dim=2), counted.sum(dim=2) / targets.sum(dim=1).clamp_min(1)[:, None]


def _usual(sizes: Tensor) -> Tensor:
    """Nine tenths quantile over 1.645, as a standard deviation; never 0."""
    sample = sizes[:: max(1, len(sizes) // 100_000)]
    return torch.quantile(sample, 0.9).div(1.645).clamp_min(0.01) if len(sample) else torch.ones(())


def _trailing_mean(windows: Tensor) -> Tensor:
    """Mean of each point and the seven before it; the first point stands for what lies before the window."""
    total = torch.cat([windows[:, :1].expand(-1, _LOCAL, -1), windows], dim=1).cumsum(dim=1)
    return (total[:, _LOCAL:] - total[:, :-_LOCAL]) / _LOCAL


def _runs(step: Tensor) -> Tensor:
    """Points since the value last changed, in eighths."""
    position = torch.arange(step.shape[1])[:, None].expand(step.shape[1:])
    last = torch.where(step.abs() > _STILL, position, 0).cummax(dim=1).values
    return (position - last) / _LOCAL


def _recall(windows: Tensor, lags: Tensor) -> Tensor:
    """Predict each point from the points before it; the first point stands for what lies before the window."""
    padded = torch.cat([windows[:, :1].expand(-1, _LAGS, -1), windows[:, :-1]], dim=1).transpose(1, 2)
    result: Tensor = functional.conv1d(padded, lags.flip(0).T[:, None], groups=lags.shape[1])
    return result.transpose(1, 2)


def _fit_lags(windows: Tensor) -> Tensor:
    """(K, W) ridge coefficients of a channel's last points, fitted twice: the second time without the worst rows."""
    if windows.shape[1] <= _LAGS:
        windows = torch.cat([windows[:, :1].expand(-1, _LAGS, -1), windows], dim=1)
    rows = windows.unfold(1, _LAGS + 1, 2).reshape(-1, windows.shape[2], _LAGS + 1).double()
    rows = rows[:: max(1, len(rows) // 20_000)]
    keep = torch.ones(len(rows), dtype=torch.bool)
    for _ in range(2):
        past, now = rows[keep, :, :_LAGS].flip(2).transpose(0, 1), rows[keep, :, _LAGS].transpose(0, 1)  # (W, N, K)
        squares = past.transpose(1, 2) @ past / past.shape[1] + 1e-3 * torch.eye(_LAGS).double()
        products = (past * now[:, :, None]).mean(dim=1)
        lags = torch.linalg.solve(squares, products)  # (W, K)
        size = (rows[:, :, _LAGS] - (rows[:, :, :_LAGS].flip(2) * lags).sum(dim=2)).abs().amax(dim=1)
        keep = size <= torch.quantile(size[:100_000], 0.95)
    result: Tensor = lags.T.float()
    return result


def _fit_mixing(windows: Tensor) -> Tensor:
    """(2 W, W): ``[values, trailing means] @ mixing`` is what the other channels do not explain."""
    width = windows.shape[2]
    rows = torch.cat([windows, _trailing_mean(windows)], dim=2).reshape(-1, 2 * width).double()
    rows = rows[:: max(1, len(rows) // 20_000)]
    mixing = _solve(rows, width)
    size = (rows @ mixing).square().sum(dim=1)
    return _solve(rows[size <= torch.quantile(size, 0.95)], width).float()


def _solve(rows: Tensor, width: int) -> Tensor:
    squares = rows.T @ rows / len(rows) + _RIDGE * torch.eye(2 * width).double()
    mixing = torch.zeros(2 * width, width).double()
    for channel in range(width):
        used = [i for i in range(2 * width) if i % width != channel]
        mixing[used, channel] = -torch.linalg.solve(squares[used][:, used], squares[used, channel])
        mixing[channel, channel] = 1
    return mixing
