"""What may a user say of channels' roles, and what is known of one?"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from rl_tsad.errors import ConfigError, DataError, listed

Others = Literal["infer", "all-targets", "all-exogenous"]
OTHERS: tuple[Others, ...] = get_args(Others)


@dataclass(frozen=True)
class ChannelRole:
    """A channel's role, and why it has it.

    Attributes:
        name: of the channel.
        is_exogenous: whether it only explains the others and never raises an alarm by itself.
        reason: why, in plain words.
    """

    name: str
    is_exogenous: bool
    reason: str


@dataclass(frozen=True)
class RoleChoice:
    """What a user says of channels' roles.

    Attributes:
        targets: names of channels that are scored.
        exogenous: names of channels that only explain the others: commands, set-points, the calendar.
        others: what the channels become that are named in neither: ``infer`` from their values, ``all-targets`` or
            ``all-exogenous``; None leaves it to what is known (series of the same channels, the publisher), and where
            nothing is, to the values.

    Raises:
        ConfigError: when a channel is named as both, or the rule for the others is unknown.

    Example:
        >>> RoleChoice(targets=("flow",), others="all-exogenous").named
        {'flow': False}
    """

    targets: tuple[str, ...] = ()
    exogenous: tuple[str, ...] = ()
    others: Others | None = None

    def __post_init__(self) -> None:
        both = sorted(set(self.targets) & set(self.exogenous))
        if both:
            raise ConfigError(
                f"expected one role a channel, got {both[0]!r} under --target and under --exogenous; keep one of them"
            )
        if self.others is not None and self.others not in OTHERS:
            raise ConfigError(f"expected --roles {', '.join(OTHERS)}, got {self.others!r}; choose one of these")

    @property
    def named(self) -> dict[str, bool]:
        """Whether each named channel is exogenous."""
        return dict.fromkeys(self.targets, False) | dict.fromkeys(self.exogenous, True)

    def check_names(self, channels: Collection[str], others: Mapping[str, str] | None = None) -> None:
        """Refuse a name that no channel has.

        Args:
            channels: names that may be said.
            others: what columns are that are no channels, such as ``{"timestamp": "the time column"}``.

        Raises:
            DataError: with the name that was probably meant, or what the column is.

        Example:
            >>> RoleChoice(exogenous=("valv",)).check_names(["flow", "valve"])
            Traceback (most recent call last):
            rl_tsad.errors.DataError: expected --exogenous to name a channel, got 'valv'; did you mean 'valve'?
        """
        for name, is_exogenous in self.named.items():
            if name in channels:
                continue
            flag = "--exogenous" if is_exogenous else "--target"
            if others and name in others:
                raise DataError(f"expected {flag} to name a channel, got {name!r}, {others[name]}; leave the flag away")
            near = difflib.get_close_matches(name, channels, n=1)
            listed = ", ".join(repr(one) for one in list(channels)[:12]) + (" ..." if len(channels) > 12 else "")
            advice = f"did you mean {near[0]!r}?" if near else f"choose among {listed}"
            raise DataError(f"expected {flag} to name a channel, got {name!r}; {advice}")

    def over(self, roles: Iterable[ChannelRole]) -> tuple[ChannelRole, ...]:
        """Put the named channels' roles over others.

        Example:
            >>> RoleChoice(targets=("flow",)).over([ChannelRole("flow", True, "constant")])
            (ChannelRole(name='flow', is_exogenous=False, reason='as you said'),)
        """
        named = self.named
        return tuple(
            ChannelRole(one.name, named[one.name], "as you said") if one.name in named else one for one in roles
        )


def need_target(roles: Collection[ChannelRole], where: str) -> None:
    """Refuse roles that leave nothing to score.

    Raises:
        DataError: when every channel is exogenous.

    Example:
        >>> need_target([ChannelRole("flow", False, "a measurement")], "pump.csv")
    """
    if roles and all(one.is_exogenous for one in roles):
        names = ", ".join(repr(one.name) for one in list(roles)[:5]) + (" ..." if len(roles) > 5 else "")
        raise DataError(
            f"{where}: expected at least one target, got exogenous channels only ({names}); name one with --target"
        )


def describe_roles(roles: Collection[ChannelRole]) -> str:
    """Say in one line which channels are targets and which are not, and why.

    Example:
        >>> describe_roles([ChannelRole("flow", False, "a measurement"), ChannelRole("valve", True, "two values")])
        'targets: flow (a measurement); exogenous, never an alarm by themselves: valve (two values)'
    """
    said = [(False, "targets: "), (True, "exogenous, never an alarm by themselves: ")]
    return "; ".join(
        word + ", ".join(_by_reason([one for one in roles if one.is_exogenous == kind]))
        for kind, word in said
        if any(one.is_exogenous == kind for one in roles)
    )


def _by_reason(roles: Collection[ChannelRole]) -> list[str]:
    reasons = dict.fromkeys(one.reason for one in roles)
    return [f"{listed([one.name for one in roles if one.reason == reason], most=20)} ({reason})" for reason in reasons]
