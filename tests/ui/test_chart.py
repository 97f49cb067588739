from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from labeling_ui.components import plain, words
from labeling_ui.components.curve_chart import agreement_chart
from labeling_ui.components.series_chart import CONTEXT_LINE, Picture, axis_title, chart_height, positions, series_chart
from rl_tsad.active.select import Strategy


def picture(channels: tuple[str, ...] = ("flow [l/s]", "level"), timezone: str | None = "Europe/Berlin") -> Picture:
    times = np.datetime64("2026-03-03T08:00", "ns") + np.arange(40) * np.timedelta64(60, "s")
    times[10:] += np.timedelta64(2, "h")
    values = np.arange(40 * len(channels), dtype=np.float32).reshape(40, -1)
    return Picture(values, times, channels, timezone, (4, 36), (28, 36))


def test_every_channel_is_drawn_on_one_shared_time_axis() -> None:
    figure = series_chart(picture())
    assert len({trace.yaxis for trace in figure.data}) == 2
    assert {axis.matches for axis in figure.select_xaxes()} - {None} == {"x2"}
    assert figure.layout.xaxis2.title.text == "Time (Europe/Berlin, UTC+01:00)"


def test_the_asked_stretch_and_the_window_are_marked_over_all_channels() -> None:
    window, asked = series_chart(picture()).layout.shapes
    assert (window.yref, asked.yref) == ("paper", "paper")
    assert str(asked.x0) == "2026-03-03T11:27:30.000"
    assert str(asked.x1) == "2026-03-03T11:35:30.000"
    assert window.x1 == asked.x1
    assert asked.line.width > window.line.width


def test_a_close_look_keeps_to_the_window_and_half_of_it_around() -> None:
    plainly = Picture(np.zeros((90, 1), np.float32), np.arange(90), ("x",), None, (40, 60), (55, 60))
    assert tuple(series_chart(plainly, close=True).layout.xaxis.range) == (29.5, 69.5)
    assert series_chart(plainly).layout.xaxis.range is None


def test_a_recording_gap_is_not_bridged() -> None:
    line = series_chart(picture()).data[0]
    assert np.flatnonzero(np.isnan(np.asarray(line.y, dtype=float))).tolist() == [10]


def test_exogenous_channels_are_drawn_in_grey_below_the_targets_and_say_so() -> None:
    shown = replace(picture(("valve [%]", "flow [l/s]")), exogenous=("valve [%]",))
    figure = series_chart(shown)
    assert [trace.name for trace in figure.data] == ["flow", "flow", "valve"]
    assert figure.data[2].yaxis == "y2"
    assert np.asarray(figure.data[2].y, dtype=float)[0] == shown.values[0, 0]
    assert {trace.line.color for trace in figure.data if trace.name == "valve"} == {CONTEXT_LINE}
    said = [note.text for note in figure.layout.annotations]
    assert "<b>flow</b><br>l/s" in said
    assert "valve<br>%, exogenous" in said


def test_names_from_data_are_never_markup() -> None:
    figure = series_chart(picture(("<a href='http://x'>a</a>", "b<br>c")))
    said = [note.text for note in figure.layout.annotations]
    assert not any("<a" in text for text in said)
    assert any("&lt;a href" in text for text in said)


def test_samples_without_a_clock_are_numbered() -> None:
    plainly = Picture(np.zeros((5, 1), np.float32), np.arange(5), ("x",), None, (0, 5), (3, 5))
    assert axis_title(plainly) == "Sample number"
    assert series_chart(plainly).layout.shapes[1].x0 == 2.5
    assert positions(plainly).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("zone", "title"),
    [
        (None, "Time (no time zone in the source)"),
        ("UTC", "Time (UTC)"),
        ("+05:30", "Time (UTC+05:30)"),
        ("Mars/Base", "Time (UTC; the source's zone 'Mars/Base' is unknown here)"),
    ],
)
def test_the_time_zone_is_named(zone: str | None, title: str) -> None:
    assert axis_title(picture(timezone=zone)) == title


def test_the_clock_does_not_jump_inside_a_picture_where_the_zone_changes_its_clock() -> None:
    times = np.datetime64("2026-10-25T00:00", "ns") + np.arange(60) * np.timedelta64(5, "m")
    seen = positions(Picture(np.zeros((60, 1), np.float32), times, ("x",), "Europe/Berlin", (0, 60), (50, 60)))
    assert (np.diff(seen) == np.timedelta64(5, "m")).all()


def test_a_laptop_shows_the_picture_whole_and_many_channels_keep_their_height() -> None:
    assert chart_height(8) == chart_height(1)
    assert chart_height(64) > 64 * 40


def test_a_stretch_of_one_point_and_a_constant_channel_can_be_drawn() -> None:
    flat = Picture(np.ones((3, 1), np.float32), np.arange(3), ("x",), None, (0, 3), (2, 3))
    mark = series_chart(flat).layout.shapes[1]
    assert mark.x1 > mark.x0


def test_the_curve_names_its_axes_and_units() -> None:
    figure = agreement_chart([(1, 0.0), (2, 0.5)])
    assert figure.layout.xaxis.title.text == "Questions answered"
    assert figure.layout.yaxis.title.text == "Agreement (%)"


@pytest.mark.parametrize("text", ["**b**", "<i>", "[a](b)", ":red[x]", ":material/home:", "$x$", "# h", "`c`", "~~s~~"])
def test_markdown_signs_from_data_are_escaped(text: str) -> None:
    shown = plain.markdown(text)
    assert shown.replace("\\", "") == text
    assert not any(sign in shown.replace("\\" + sign, "") for sign in "*<[:$#`~")


def test_long_text_is_cut_and_control_signs_go() -> None:
    assert len(plain.one_line("x" * 1000)) == 300
    assert plain.one_line("a\u202eb\x00c\n d") == "a b c d"


@pytest.mark.parametrize(
    ("probability", "said"), [(0.5, "cannot decide"), (0.7, "leans to: anomaly"), (0.05, "thinks: normal")]
)
def test_the_agents_opinion_is_said_in_words(probability: float, said: str) -> None:
    assert words.opinion(probability).endswith(said)


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
