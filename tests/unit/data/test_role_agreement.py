from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rl_tsad.data.readers import Reading, read_path
from rl_tsad.data.role_agreement import agree_on_roles
from rl_tsad.data.role_choice import ChannelRole, RoleChoice, describe_roles
from rl_tsad.errors import ConfigError, DataError

POINTS = 300


def write(folder: Path, name: str = "pump", header: str = "flow,valve,speed", **columns: object) -> Path:
    """A measured flow, a valve that opens and closes, and a speed that stands still unless it is given."""
    rng = np.random.default_rng(len(name))
    table = {
        "flow": rng.normal(size=POINTS),
        "valve": np.arange(POINTS) // 30 % 2,
        "speed": np.full(POINTS, 5.0),
        **columns,
    }
    rows = np.stack([np.asarray(table[column]) for column in header.split(",")], axis=1)
    path = folder / f"{name}.csv"
    path.write_text(header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows.tolist()))
    return path


def agreed(folder: Path, choice: RoleChoice | None = None, **more: object) -> list[Reading]:
    return agree_on_roles(list(read_path(folder)), choice, **more)  # type: ignore[arg-type]


def exogenous(reading: Reading) -> list[str]:
    return [role.name for role in reading.understanding.roles if role.is_exogenous]


def test_roles_are_inferred_and_the_preview_says_why(tmp_path: Path) -> None:
    write(tmp_path)
    (reading,) = agreed(tmp_path)
    assert reading.series.targets.tolist() == [0]
    said = (
        "targets: flow (a measurement); exogenous, never an alarm by themselves: valve (two values), speed (constant)"
    )
    assert said in reading.understanding.sentences()


def test_a_channel_that_moves_in_one_file_is_a_target_in_all(tmp_path: Path) -> None:
    write(tmp_path, "still")
    write(tmp_path, "moving", speed=np.random.default_rng(0).normal(size=POINTS))
    assert [exogenous(one) for one in agreed(tmp_path)] == [["valve"], ["valve"]]


def test_the_order_of_columns_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path, "a", "flow,valve,speed")
    write(tmp_path, "b", "speed,flow,valve")
    one, other = agreed(tmp_path)
    assert one.series.exogenous is not None
    assert other.series.exogenous is not None
    assert one.series.exogenous.tolist() == [False, True, True]
    assert other.series.exogenous.tolist() == [True, False, True]


def test_files_with_other_channels_decide_for_themselves(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", "flow,speed", speed=np.random.default_rng(0).normal(size=POINTS))
    assert [exogenous(one) for one in agreed(tmp_path)] == [["valve", "speed"], []]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (RoleChoice(targets=("valve",)), ["speed"]),
        (RoleChoice(exogenous=("flow",), targets=("valve",)), ["flow", "speed"]),
        (RoleChoice(others="all-targets"), []),
        (RoleChoice(others="all-targets", exogenous=("speed",)), ["speed"]),
        (RoleChoice(others="all-exogenous", targets=("speed",)), ["flow", "valve"]),
        (RoleChoice(others="infer"), ["valve", "speed"]),
    ],
)
def test_what_the_user_says_comes_first(tmp_path: Path, choice: RoleChoice, expected: list[str]) -> None:
    write(tmp_path)
    (reading,) = agreed(tmp_path, choice)
    assert exogenous(reading) == expected
    assert (reading.series.exogenous is None) == (not expected)


def test_series_that_are_there_come_before_the_values(tmp_path: Path) -> None:
    write(tmp_path)
    known = {frozenset({"flow", "valve", "speed"}): ["speed"]}
    (reading,) = agreed(tmp_path, known=known)
    assert exogenous(reading) == ["speed"]
    assert reading.understanding.roles[1].reason == "as in this workspace"
    with pytest.raises(
        DataError, match=r"same exogenous channels as .* \('speed'\), got 'speed', 'valve'; .* series roles"
    ):
        agreed(tmp_path, RoleChoice(exogenous=("valve",)), known=known)
    assert exogenous(agreed(tmp_path, RoleChoice(exogenous=("speed",)), known=known)[0]) == ["speed"]


def test_the_publisher_comes_before_the_values(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    np.save(tmp_path / "test" / "P-1.npy", np.random.default_rng(0).normal(size=(200, 3)))
    (tmp_path / "labeled_anomalies.csv").write_text('chan_id,spacecraft,anomaly_sequences\nP-1,SMAP,"[[2, 4]]"\n')
    (reading,) = read_path(tmp_path)
    assert reading.series.targets.tolist() == [0]
    (said,) = agreed(tmp_path)
    assert said.understanding.roles[2].reason == "as the data's publisher says"
    assert exogenous(agreed(tmp_path, RoleChoice(others="infer"))[0]) == []


def test_contradictions_and_unknown_names_are_refused_in_words(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(DataError, match="expected --exogenous to name a channel, got 'valv'; did you mean 'valve'"):
        agreed(tmp_path, RoleChoice(exogenous=("valv",)))
    with pytest.raises(DataError, match="expected --target to name a channel, got 'qq'; choose among 'flow', 'valve'"):
        agreed(tmp_path, RoleChoice(targets=("qq",)))
    with pytest.raises(DataError, match=r"pump\.csv: expected at least one target, got exogenous channels only"):
        agreed(tmp_path, RoleChoice(others="all-exogenous"))
    with pytest.raises(ConfigError, match="expected one role a channel, got 'flow' under --target and"):
        RoleChoice(("flow",), ("flow",))
    with pytest.raises(ConfigError, match="expected --roles infer, all-targets, all-exogenous, got 'some'"):
        RoleChoice(others="some")  # type: ignore[arg-type]


def test_the_time_column_has_no_role(tmp_path: Path) -> None:
    write(tmp_path, header="timestamp,flow,temp", timestamp=1_704_067_200 + np.arange(POINTS), temp=np.arange(POINTS))
    with pytest.raises(DataError, match="got 'timestamp', the time column; leave the flag away"):
        agreed(tmp_path, RoleChoice(exogenous=("timestamp",)))


def test_a_name_need_not_be_in_every_file(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", "flow,speed")
    assert [exogenous(one) for one in agreed(tmp_path, RoleChoice(targets=("valve",)))] == [["speed"], ["speed"]]


def test_nothing_to_read_is_nothing_to_decide() -> None:
    assert agree_on_roles([], RoleChoice(targets=("flow",))) == []


def test_many_channels_are_not_all_listed() -> None:
    said = describe_roles([ChannelRole(f"command {i}", True, "two values") for i in range(30)])
    assert said.endswith("command 19 and 10 more (two values)")
