from typing import Any

import numpy as np
import pytest

from labeling_ui.components.curve_chart import agreement_chart
from labeling_ui.components.explore_chart import Axis, Scenery, explore_chart, lane, overview_chart
from rl_tsad.services.exploring import Answered, Lying, Stretches
from rl_tsad.services.points import View
from rl_tsad.types import Int64

POINTS = 40
NONE = Stretches(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int8))


def clock() -> Any:
    times = np.datetime64("2026-03-03T08:00", "ns") + np.arange(POINTS) * np.timedelta64(60, "s")
    times[11:] += np.timedelta64(2, "h")
    return times


def scenery(
    channels: tuple[str, ...] = ("flow [l/s]", "level"), answers: tuple[Answered, ...] = (), **more: Any
) -> Scenery:
    index, values = np.arange(POINTS, dtype=np.int64), np.arange(POINTS, dtype=np.float32)
    view = View(0, POINTS, (index,) * len(channels), (values,) * len(channels), np.array([10], dtype=np.int64))
    at: Int64 = np.arange(3, POINTS, 4, dtype=np.int64)
    lying = Lying(answers, NONE, NONE, at, np.linspace(0, 1, len(at), dtype=np.float32), 1)
    return Scenery(view, Axis(clock(), "Europe/Berlin"), channels, tuple(range(len(channels))), lying, **more)


def test_lanes_score_and_every_channel_are_drawn_on_one_shared_time_axis() -> None:
    figure = explore_chart(scenery())
    assert len({trace.yaxis for trace in figure.data}) == 4
    assert {axis.matches for axis in figure.select_xaxes()} - {None} == {"x4"}
    assert figure.layout.xaxis4.title.text == "Time (Europe/Berlin, UTC+01:00)"


def test_a_brushed_stretch_is_marked_over_all_rows() -> None:
    mark = explore_chart(scenery(brush=(2, 9))).layout.shapes[0]
    assert (mark.yref, mark.y0, mark.y1) == ("paper", 0, 1)
    assert (mark.x0, mark.x1) == ("2026-03-03T09:02:00.000", "2026-03-03T09:08:00.000")
    assert not explore_chart(scenery()).layout.shapes


def test_the_score_does_not_bridge_a_recording_gap() -> None:
    score = next(trace for trace in explore_chart(scenery()).data if trace.name == "Score")
    assert np.flatnonzero(np.isnan(np.asarray(score.y, dtype=float))).tolist() == [2]


def test_a_run_is_parted_where_the_recording_pauses_and_never_too_thin_to_see() -> None:
    runs = Stretches(np.array([8, 30]), np.array([14, 31]), np.array([1, 1], np.int8))
    view = scenery().view
    x, y = lane(Axis(np.arange(POINTS), None), runs, view, 1.0)
    assert x.tolist() == [8, 10, 10, 11, 13, 13, 30, 31, 31]
    assert np.isnan(y[2::3]).all()


def test_names_and_units_stand_beside_their_channels_and_are_never_markup() -> None:
    said = [note.text for note in explore_chart(scenery(("<a href='http://x'>a</a>", "flow [l/s]"))).layout.annotations]
    assert "flow<br>l/s" in said
    assert not any("<a" in text for text in said)
    assert any("&lt;a href" in text for text in said)


def test_the_strip_shows_which_part_is_looked_at() -> None:
    shown = scenery()
    mark = overview_chart(shown.view, shown.axis, (4, 8), shown.lying).layout.shapes[0]
    assert (mark.x0, mark.x1) == ("2026-03-03T09:04:00.000", "2026-03-03T09:07:00.000")


def test_samples_without_a_clock_are_numbered() -> None:
    plainly = Axis(np.arange(5), None)
    assert plainly.title == "Sample number"
    assert plainly.of(np.arange(5)).tolist() == [0, 1, 2, 3, 4]


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
    assert Axis(clock(), zone).title == title


def test_the_clock_does_not_jump_inside_a_picture_where_the_zone_changes_its_clock() -> None:
    times = np.datetime64("2026-10-25T00:00", "ns") + np.arange(60) * np.timedelta64(5, "m")
    seen = Axis(times, "Europe/Berlin", at=50).of(np.arange(60))
    assert (np.diff(seen) == np.timedelta64(5, "m")).all()


def test_a_laptop_shows_the_picture_whole_and_many_channels_keep_their_height() -> None:
    few, many = (explore_chart(scenery(tuple(map(str, range(count))))).layout.height for count in (3, 24))
    assert few < 480
    assert many > 24 * 40


def test_the_curve_names_its_axes_and_units() -> None:
    figure = agreement_chart([(1, 0.0), (2, 0.5)])
    assert figure.layout.xaxis.title.text == "Questions answered"
    assert figure.layout.yaxis.title.text == "Agreement (%)"
