import csv
import json

import numpy as np
import pytest

from rl_tsad.errors import DataError
from rl_tsad.evaluation.budget import Measurement, bootstrap_interval, budget_curve, budget_curves, table_rows
from rl_tsad.evaluation.export import write_curve_csv, write_curve_json


def runs(methods=("ppo", "forest"), seeds=3, budgets=(0, 20, 50)):
    return [
        Measurement(
            method, seed, budget, budget, int(budget * 0.9), {"point_f1": 0.3 + budget / 100 + seed / 50, "auc_pr": 0.2}
        )
        for method in methods
        for seed in range(seeds)
        for budget in budgets
    ]


def test_a_curve_holds_means_intervals_and_every_run():
    curve = budget_curve(runs(), "point_f1", "ppo")
    assert curve.mean == pytest.approx([0.32, 0.52, 0.82])
    assert curve.per_seed.shape == (3, 3)
    assert curve.labels.tolist() == [0, 18, 45]
    assert (curve.low < curve.mean).all()
    assert (curve.mean < curve.high).all()


def test_the_order_of_the_rows_leaves_no_trace():
    rows = runs()
    one, other = (budget_curve(order, "point_f1", "ppo") for order in (rows, rows[::-1]))
    for name in ("mean", "low", "high", "labels", "per_seed"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.slow
def test_intervals_cover_the_mean_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    low, high = bootstrap_interval(rng.normal(size=(20, 400)), level=0.9)
    assert 0.8 < np.mean((low < 0) & (high > 0)) < 0.97


def test_one_run_has_no_width_and_missing_values_are_left_out():
    alone = budget_curve(runs(seeds=1), "point_f1", "ppo")
    assert np.array_equal(alone.low, alone.high)
    rows = runs()
    rows[0] = Measurement("ppo", 0, 0, 0, 0, {"point_f1": float("nan")})
    curve = budget_curve(rows[:1] + rows[2:], "point_f1", "ppo")
    assert curve.mean[0] == pytest.approx(0.33)
    assert np.isfinite(curve.low).all()


def test_a_metric_without_any_value_stays_nan():
    curve = budget_curve([Measurement("ppo", s, 0, 0, 0, {"auc_pr": float("nan")}) for s in (0, 1)], "auc_pr", "ppo")
    assert np.isnan([curve.mean[0], curve.low[0], curve.high[0]]).all()


def test_doubled_and_unknown_rows_are_refused():
    with pytest.raises(DataError, match="once a budget"):
        budget_curve(runs() + runs(), "point_f1", "ppo")
    with pytest.raises(DataError, match="misnamed"):
        budget_curve(runs(), "point_f1", "nobody")


def test_the_table_counts_questions_and_labels():
    rows = runs()
    table = table_rows(budget_curves(rows, ["point_f1", "auc_pr"]), rows)
    assert [(row["method"], row["budget"]) for row in table][:4] == [
        ("ppo", 0),
        ("ppo", 20),
        ("ppo", 50),
        ("forest", 0),
    ]
    assert table[1]["questions"] == 20
    assert table[1]["labels"] == 18
    assert table[1]["seconds"] == 0
    assert budget_curve([Measurement("a", s, 1, 1, 9, {"f": 0.5}, 4.0 + s) for s in (0, 2)], "f", "a").seconds == [5.0]
    assert table[1]["seeds"] == 3
    assert table[1]["point_f1_low"] <= table[1]["point_f1"] <= table[1]["point_f1_high"]


def test_files_hold_the_curves_and_nothing_half_written(tmp_path):
    rows = [*runs(), Measurement("ppo", 0, 99, 99, 99, {"point_f1": float("nan")})]
    curves = budget_curves(rows, ["point_f1", "auc_pr"])
    write_curve_csv(tmp_path / "out" / "curve.csv", curves)
    write_curve_json(tmp_path / "out" / "curve.json", curves, rows, {"pool": "earlier 60 %"})
    with (tmp_path / "out" / "curve.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    document = json.loads((tmp_path / "out" / "curve.json").read_text())
    assert float(table[1]["mean"]) == curves[0].mean[1]
    assert table[3]["mean"] == ""
    assert document["curves"][0]["mean"][3] is None
    assert document["protocol"] == {"pool": "earlier 60 %"}
    assert len(document["measurements"]) == len(rows)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["curve.csv", "curve.json"]


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in "ab":
        write_curve_csv(tmp_path / name, budget_curves(runs(), ["point_f1"]))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
