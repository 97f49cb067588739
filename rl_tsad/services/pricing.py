"""What do an operator's prices mean in alarms? A ladder of prices on what the current model believes, without truth."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from rl_tsad.agent.alarms import run_rule
from rl_tsad.agent.belief import log_odds
from rl_tsad.agent.control import default_rule, prices
from rl_tsad.decision_config import CostConfig
from rl_tsad.errors import ConfigError
from rl_tsad.services.measuring import load_decision
from rl_tsad.services.scoring import current_version
from rl_tsad.services.workspace import SETTINGS_FILE, Workspace, list_series, load_series, write_text

LADDER = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
"""False alarms that a missed event costs as much as."""
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Rung:
    """What the default rule does at one price.

    Attributes:
        missed: false alarms that a missed event costs as much as.
        probability: belief in (0, 1) above which the alarm opens.
        alarms: per day, or per 1000 windows where the series have no clock.
        open: share of the windows over which the alarm is open.
    """

    missed: float
    probability: float
    alarms: float
    open: float


@dataclass(frozen=True)
class Ladder:
    """Prices and what they mean.

    Attributes:
        rungs: by rising price of a missed event.
        unit: of ``alarms``: ``day`` or ``1000 windows``.
        current: false alarms that a missed event costs as much as now; infinite where they cost nothing.
    """

    rungs: tuple[Rung, ...]
    unit: str
    current: float


def price_ladder(workspace: Workspace, missed: Sequence[float] = LADDER) -> Ladder:
    """Play the default alarm rule at several prices over all windows, as the current model sees them.

    Args:
        workspace: with a trained model.
        missed: false alarms that a missed event costs as much as; the current price is added.

    Raises:
        NotTrainedError: when there is no model yet.
        ConfigError: when a price is not above 0.
    """
    version, foundation = current_version(workspace)
    belief = log_odds(np.asarray(load_decision(workspace, version, "probability"), dtype=np.float64), 1e-6)
    counts = [len(one) for one in foundation.judgements]
    episode, days = np.repeat(np.arange(len(counts)), counts), _days(workspace, foundation.names)
    unit, length = ("day", days) if days else ("1000 windows", len(belief) / 1000)
    config, costs, rungs = workspace.settings.control, workspace.settings.costs, []
    current = missed_of(costs)
    for each in sorted({*missed, *([round(current, 6)] if math.isfinite(current) else [])}):
        rule = default_rule(config, prices(at_price(costs, each)))
        alarm = run_rule(rule, belief.astype(np.float32), episode)
        opened = alarm & ~np.append(False, alarm[:-1] & (np.diff(episode) == 0))
        level = float(1.0 / (1.0 + np.exp(-float(rule.on))))
        rungs.append(Rung(each, level, float(opened.sum()) / length, float(alarm.mean())))
    return Ladder(tuple(rungs), unit, current)


def missed_of(costs: CostConfig) -> float:
    """Say as how many false alarms a missed event costs.

    Example:
        >>> missed_of(CostConfig())
        2.0
    """
    return costs.miss / costs.opening if costs.opening else math.inf


def at_price(costs: CostConfig, missed: float) -> CostConfig:
    """Give the prices at which a missed event costs as much as so many false alarms; those of an open alarm follow.

    Where false alarms cost nothing so far, the default prices say how those of an open alarm follow.

    Raises:
        ConfigError: when it is not above 0 or not finite, or when missed events cost nothing.

    Example:
        >>> at_price(CostConfig(), 40.0).opening, at_price(CostConfig(opening=0.0), 20.0).opening
        (0.025, 0.05)
    """
    if not 0 < missed < math.inf:
        raise ConfigError(
            f"expected a missed event to cost as much as some false alarms, got {missed:g}; give a number above 0"
        )
    if not costs.miss:
        raise ConfigError("expected a missed event to cost something, got costs.miss = 0; set it above 0")
    base = costs if costs.opening else CostConfig()
    factor = costs.miss / missed / base.opening
    changed = {name: getattr(base, name) * factor for name in ("opening", "fatigue", "flicker", "holding")}
    return replace(costs, **changed)


def keep_prices(workspace: Workspace, costs: CostConfig) -> Path:
    """Write prices into the workspace's settings file, whose rest stays as it is; the next retraining uses them.

    Raises:
        ConfigError: when the file cannot be changed line by line; nothing is written then.
    """
    file = workspace.root / SETTINGS_FILE
    wanted = {name: value for name, value in asdict(costs).items() if value != getattr(CostConfig(), name)}
    text = with_table(file.read_text(), "costs", wanted)
    if tomllib.loads(text).get("costs", {}) != wanted:
        raise ConfigError(
            f"{file}: expected one plain [costs] table, got another form; write the prices there yourself"
        )
    write_text(file, text)
    return file


def with_table(text: str, name: str, values: Mapping[str, float]) -> str:
    r"""Set the numbers of one table in a TOML text, line by line; comments stay, other numbers of that table go.

    Example:
        >>> with_table("seed = 1\n\n[costs]\n# miss = 1.0\nopening = 0.5\n", "costs", {"miss": 4.0})
        'seed = 1\n\n[costs]\nmiss = 4.0\n# miss = 1.0\n'
    """
    lines, kept, inside = text.splitlines(), [], False
    fresh = [f"{key} = {value!r}" for key, value in values.items()]
    for line in lines:
        if line.startswith("["):
            inside = line.strip() == f"[{name}]"
            kept += [line, *fresh] if inside else [line]
        elif not inside or line.startswith("#") or not line.strip():
            kept.append(line)
    if f"[{name}]" not in (line.strip() for line in lines):
        kept += ["", f"[{name}]", *fresh]
    return "\n".join(kept) + "\n"


def draw_ladder(ladder: Ladder) -> go.Figure:
    """Draw alarms against prices, the current one marked."""
    missed, alarms = [rung.missed for rung in ladder.rungs], [rung.alarms for rung in ladder.rungs]
    figure = go.Figure(go.Scatter(x=missed, y=alarms, mode="lines+markers", name="default alarm rule"))
    now = [rung for rung in ladder.rungs if abs(rung.missed - ladder.current) < 1e-6]
    marker = {"size": 14, "symbol": "circle-open", "line": {"width": 3}}
    figure.add_trace(
        go.Scatter(
            x=[one.missed for one in now], y=[one.alarms for one in now], mode="markers", name="now", marker=marker
        )
    )
    shares = [f"{rung.open:.0%} of the time" for rung in ladder.rungs]
    figure.data[0].update(
        text=shares, mode="lines+markers+text", textposition="top left", cliponaxis=False, hovertemplate="%{y:.2f}"
    )
    figure.update_xaxes(type="log", title="false alarms that a missed event costs as much as", tickvals=missed)
    figure.update_yaxes(title=f"alarms per {ladder.unit}", rangemode="tozero")
    figure.update_layout(
        template="plotly_white", title="What a price means in alarms, and the share of time with an open alarm"
    )
    return figure


def _days(workspace: Workspace, names: Sequence[str]) -> float:
    """Give the days that all series cover together; 0 where one has no clock."""
    total = 0.0
    for record in list_series(workspace):
        if record.name in names:
            series = load_series(workspace, record)
            if not series.has_clock:
                return 0.0
            total += float((series.times[-1] - series.times[0]) / _DAY)
    return total
