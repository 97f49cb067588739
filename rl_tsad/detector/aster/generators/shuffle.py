"""The same values in another order: points, patches or channels."""

from __future__ import annotations

import torch
from torch import Tensor

from rl_tsad.detector.aster.generators.edit import Place, changed, draw_place


def shuffle(windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Put the interval's patches into another order, turn it round, or pass channels on to their neighbours.

    Patches have 1, 2, 4 or 8 points. Channels change places in half of the windows that have several targets. See
    :class:`rl_tsad.detector.aster.generators.edit.Generator`.

    Example:
        >>> windows = torch.arange(32.0).reshape(2, 16, 1)
        >>> made, _ = shuffle(windows, torch.ones(2, 1), 0.5, torch.Generator())
        >>> bool((made.sort(dim=1).values == windows).all())
        True
    """
    place = draw_place(windows, targets, hardness, noise, least=4)
    reordered = windows.gather(1, _order(windows, place, noise)[:, :, None].expand_as(windows))
    chosen = (place.mask > 0).float()
    mixed = torch.lerp(windows, reordered, chosen)
    if windows.shape[2] > 1:
        moved = torch.lerp(windows, _pass_on(windows, targets, noise), (chosen.amax(dim=2, keepdim=True)))
        by_channel = (torch.rand(len(windows), generator=noise) < 0.5) & (targets.sum(dim=1) > 1)
        mixed = torch.where(by_channel[:, None, None], moved, mixed)
    return mixed, changed(windows, mixed, targets, place.noise)


def _order(windows: Tensor, place: Place, noise: torch.Generator) -> Tensor:
    """Give each position (B, L) the position that it is read from; only those in the interval change places."""
    rows, length, _ = windows.shape
    position = torch.arange(length).expand(rows, -1)
    inside = (position >= place.first) & (position < place.last)
    patch = 2 ** torch.randint(4, (rows, 1), generator=noise)
    block = (position - place.first).clamp_min(0) // patch  # (B, L)
    luck = torch.rand(rows, length, generator=noise).gather(1, block)
    turned = torch.rand(rows, 1, generator=noise) < 0.25
    inner = torch.where(turned, -position.float(), luck * length + 1e-3 * (position - place.first) / length)
    low, high = place.first.float() - 0.4, place.last.float() - 0.6
    span = torch.where(inside, inner, torch.nan)
    least, most = span.nan_to_num(torch.inf).amin(1, True), span.nan_to_num(-torch.inf).amax(1, True)
    share = (inner - least) / (most - least).clamp_min(1e-9)
    return torch.where(inside, low + share * (high - low), position.float()).argsort(dim=1)


def _pass_on(windows: Tensor, targets: Tensor, noise: torch.Generator) -> Tensor:
    """Give each target channel the values of another target channel of its window, by a random cycle."""
    luck = torch.rand(targets.shape, generator=noise) + 2 * (targets <= 0)
    ranked = luck.argsort(dim=1)  # targets first, in random order
    count = (targets > 0).sum(dim=1, keepdim=True)  # (B, 1)
    place = torch.arange(targets.shape[1]).expand_as(ranked)
    follower = torch.where(place < count, (place + 1).remainder(count.clamp_min(1)), place)
    source = torch.empty_like(ranked).scatter(1, ranked, ranked.gather(1, follower))  # (B, W)
    return windows.gather(2, source[:, None].expand_as(windows))
