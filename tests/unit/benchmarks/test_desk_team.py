from pathlib import Path

import desk_team
import pytest


@pytest.mark.slow
def test_a_few_people_lose_nothing_when_the_server_is_killed(tmp_path: Path) -> None:
    found = desk_team.measure(tmp_path, "sqlite", answers=40, crowd_size=4, kills=1)
    assert {name: found[name] for name in ("lost", "doubled", "stranded", "shared")} == dict.fromkeys(
        ("lost", "doubled", "stranded", "shared"), 0
    )
    assert found["answers"] >= 40
    assert found["kills"] == 1
