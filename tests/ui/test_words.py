from typing import get_args

import numpy as np
import pytest

from labeling_ui.components import plain, words
from rl_tsad.active.select import Strategy


@pytest.mark.parametrize("text", ["**b**", "<i>", "[a](b)", ":red[x]", ":material/home:", "$x$", "# h", "`c`", "~~s~~"])
def test_markdown_signs_from_data_are_escaped(text: str) -> None:
    shown = plain.markdown(text)
    assert shown.replace("\\", "") == text
    assert not any(sign in shown.replace("\\" + sign, "") for sign in "*<[:$#`~")


def test_long_text_is_cut_and_control_signs_go() -> None:
    assert len(plain.one_line("x" * 1000)) == 300
    assert plain.one_line("a\u202eb\x00c\n d") == "a b c d"


def test_every_strategy_has_words() -> None:
    assert set(get_args(Strategy)) <= set(words.STRATEGIES)


def test_times_are_said_in_the_readers_zone() -> None:
    moment = words.instant(np.datetime64("2026-01-05T23:30"))
    assert words.local_time(moment, "Asia/Tokyo") == "6 Jan 2026, 08:30:00 JST"
    assert words.local_time(moment, None).endswith("UTC")
    assert words.local_time(None, None) == words.NOTHING


def test_a_stretch_over_midnight_names_both_days() -> None:
    times = np.array(["2026-03-03T22:59", "2026-03-03T23:01"], dtype="datetime64[ns]")
    assert words.stretch(times, "Europe/Berlin") == "Tue 3 Mar 2026, 23:59:00 to Wed 4 Mar 2026, 00:01:00"
