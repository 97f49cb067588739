import tomllib

import numpy as np
import pytest

from rl_tsad.decision_config import ControlConfig, CostConfig
from rl_tsad.errors import ConfigError
from rl_tsad.services.pricing import at_price, draw_ladder, keep_prices, missed_of, price_ladder, with_table
from rl_tsad.services.workspace import SETTINGS_FILE, Workspace
from rl_tsad.settings import load_settings


def test_the_dearer_a_missed_event_the_lower_the_level_and_the_more_time_in_alarm(trained: Workspace) -> None:
    ladder = price_ladder(trained, (0.5, 2.0, 40.0))
    assert [rung.missed for rung in ladder.rungs] == [0.5, 2.0, 40.0]
    assert ladder.unit == "day"
    levels, opened = [rung.probability for rung in ladder.rungs], [rung.open for rung in ladder.rungs]
    assert levels == sorted(levels, reverse=True)
    usual = 1 / (1 + np.exp(-ControlConfig().on))
    assert levels[1] == pytest.approx(usual)  # the default prices leave the default rule where it was
    assert opened == sorted(opened)
    assert "alarms per day" in draw_ladder(ladder).layout.yaxis.title.text


def test_a_price_above_nothing_is_wanted() -> None:
    with pytest.raises(ConfigError, match="expected a missed event to cost as much as some false alarms, got -1"):
        at_price(CostConfig(), -1.0)
    for wrong in (float("inf"), float("nan"), 0.0):
        with pytest.raises(ConfigError, match="give a number above 0"):
            at_price(CostConfig(), wrong)
    with pytest.raises(ConfigError, match=r"costs\.miss = 0"):
        at_price(CostConfig(miss=0.0), 2.0)
    assert missed_of(at_price(CostConfig(), 40.0)) == pytest.approx(40.0)


def test_from_alarms_that_cost_nothing_a_price_leads_back() -> None:
    free = CostConfig(opening=0.0, fatigue=0.0, flicker=0.0, holding=0.0)
    assert missed_of(free) == float("inf")
    assert at_price(free, 2.0) == CostConfig()


def test_kept_prices_are_read_back_and_leave_the_rest_alone(trained: Workspace) -> None:
    file = trained.root / SETTINGS_FILE
    before = file.read_text()
    keep_prices(trained, at_price(CostConfig(), 40.0))
    settings = load_settings(file)
    assert missed_of(settings.costs) == pytest.approx(40.0)
    assert {**tomllib.loads(before), "costs": tomllib.loads(file.read_text())["costs"]} == tomllib.loads(
        file.read_text()
    )
    keep_prices(trained, CostConfig())
    assert load_settings(file).costs == CostConfig()


def test_a_table_is_added_where_there_is_none() -> None:
    assert tomllib.loads(with_table("seed = 1\n", "costs", {"miss": 2.0})) == {"seed": 1, "costs": {"miss": 2.0}}
