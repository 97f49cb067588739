"""How do the series of one call agree on their channels' roles?

Series with the same channel names have the same roles: a command that stands still in one file and moves in another is
a command in both. Who decides, first to last: the user; the series already in the workspace; the data's publisher; the
values of all these series together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from rl_tsad.data.channel_roles import infer_exogenous
from rl_tsad.data.role_choice import ChannelRole, RoleChoice, need_target
from rl_tsad.data.understanding import Reading
from rl_tsad.errors import DataError
from rl_tsad.types import Bool, Float32, Series

Known = Mapping[frozenset[str], Collection[str]]
"""Exogenous channels of the series that are there already, by the set of their channel names."""

_SAID, _STORED, _PUBLISHED = "as you said", "as in this workspace", "as the data's publisher says"


def agree_on_roles(
    readings: Sequence[Reading], choice: RoleChoice | None = None, known: Known | None = None
) -> list[Reading]:
    r"""Give every channel of every series a role.

    Args:
        readings: of one call.
        choice: what the user says; nothing when omitted.
        known: roles of the series already in the workspace.

    Raises:
        DataError: when a named channel is absent, no target is left, or the user contradicts the series that are there.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from rl_tsad.data.readers import read_path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     text = "flow,valve\n" + "".join(f"{i * 7919 % 97},{i // 50 % 2}\n" for i in range(200))
        ...     _ = Path(folder, "pump.csv").write_text(text)
        ...     (reading,) = agree_on_roles(list(read_path(Path(folder, "pump.csv"))))
        >>> reading.series.exogenous.tolist(), reading.understanding.roles[1].reason
        ([False, True], 'two values')
    """
    choice = choice or RoleChoice()
    if readings:
        channels = list(dict.fromkeys(name for one in readings for name in one.series.channels))
        choice.check_names(channels, _no_channels(readings))
    groups: dict[frozenset[str], list[Reading]] = {}
    for one in readings:
        groups.setdefault(frozenset(one.series.channels), []).append(one)
    decided = {names: _decide(its, choice, (known or {}).get(names)) for names, its in groups.items()}
    return [_with_roles(one, decided[frozenset(one.series.channels)]) for one in readings]


def exogenous_mask(channels: Sequence[str], exogenous: Collection[str]) -> Bool | None:
    """Give the (C,) mask of the exogenous channels; None where there is none, as a series has it.

    Example:
        >>> exogenous_mask(["flow", "valve"], ["valve"]).tolist(), exogenous_mask(["flow"], [])
        ([False, True], None)
    """
    mask = np.array([name in exogenous for name in channels], np.bool_)
    return mask if mask.any() else None


def exogenous_names(series: Series) -> tuple[str, ...]:
    """Name the exogenous channels of a series.

    Example:
        >>> x = np.zeros((2, 2), np.float32)
        >>> exogenous_names(Series("a", x, np.arange(2), ("flow", "valve"), exogenous=np.array([False, True])))
        ('valve',)
    """
    targets = set(series.targets.tolist())
    return tuple(name for place, name in enumerate(series.channels) if place not in targets)


def inferred_roles(values: Sequence[Float32], channels: Sequence[str]) -> tuple[ChannelRole, ...]:
    """Infer the roles of the channels of several recordings together.

    Example:
        >>> [role.reason for role in inferred_roles([np.zeros((9, 1), np.float32)], ["flow"])]
        ['the only channel']
    """
    exogenous, reasons = infer_exogenous(values, channels)
    rows = zip(channels, exogenous.tolist(), reasons, strict=True)
    return tuple(ChannelRole(name, is_exogenous, reason) for name, is_exogenous, reason in rows)


def check_known(exogenous: Collection[str], known: Collection[str], where: str) -> None:
    """Refuse roles that are not those of the series with the same channels that are there already.

    Raises:
        DataError: when they differ.

    Example:
        >>> check_known(["valve"], ["valve"], "pump.csv")
    """
    if set(exogenous) != set(known):
        there, got = (", ".join(repr(name) for name in sorted(names)) or "none" for names in (known, exogenous))
        raise DataError(
            f"{where}: expected the same exogenous channels as in the series already there ({there}), got {got}; leave "
            "the roles away, or change them for all series with `rl-tsad series roles`"
        )


def aligned(values: Float32, channels: Sequence[str], wanted: Sequence[str]) -> Float32:
    """Put the columns of values in the order of wanted names.

    Example:
        >>> aligned(np.array([[1, 2]], np.float32), ["a", "b"], ["b", "a"]).tolist()
        [[2.0, 1.0]]
    """
    return values if list(channels) == list(wanted) else values[:, [list(channels).index(name) for name in wanted]]


def _no_channels(readings: Sequence[Reading]) -> dict[str, str]:
    """Say what the columns are that are no channels."""
    understood = [one.understanding for one in readings]
    labels = {one.label_column: "the label column" for one in understood if one.label_column}
    return labels | {one.time_column: "the time column" for one in understood if one.time_column}


def _decide(readings: Sequence[Reading], choice: RoleChoice, known: Collection[str] | None) -> tuple[ChannelRole, ...]:
    roles = choice.over(_unnamed(readings, choice, known))
    where = readings[0].understanding.path.name
    need_target(roles, where)
    if known is not None:
        check_known([one.name for one in roles if one.is_exogenous], known, where)
    return roles


def _unnamed(readings: Sequence[Reading], choice: RoleChoice, known: Collection[str] | None) -> tuple[ChannelRole, ...]:
    """What the channels are where the user names none."""
    channels = readings[0].series.channels
    if choice.others in ("all-targets", "all-exogenous"):
        return tuple(ChannelRole(name, choice.others == "all-exogenous", _SAID) for name in channels)
    if choice.others is None:
        if known is not None:
            return tuple(ChannelRole(name, name in known, _STORED) for name in channels)
        stated = next((one.series for one in readings if one.series.exogenous is not None), None)
        if stated is not None:
            names = exogenous_names(stated)
            return tuple(ChannelRole(name, name in names, _PUBLISHED) for name in channels)
    return inferred_roles([aligned(one.series.values, one.series.channels, channels) for one in readings], channels)


def _with_roles(reading: Reading, roles: Sequence[ChannelRole]) -> Reading:
    channels = reading.series.channels
    mask = exogenous_mask(channels, [one.name for one in roles if one.is_exogenous])
    by_name = {one.name: one for one in roles}
    series = replace(reading.series, exogenous=mask)
    return Reading(series, replace(reading.understanding, roles=tuple(by_name[name] for name in channels)))
