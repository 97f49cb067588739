import numpy as np
import pytest

from rl_tsad.errors import DataError
from rl_tsad.services.small_pictures import take_pictures
from rl_tsad.services.workspace import Workspace, list_series, load_series
from rl_tsad.types import window_key


def test_windows_come_in_order_with_their_span_time_and_values(trained: Workspace) -> None:
    record = list_series(trained)[0]
    recorded = load_series(trained, record)
    keys = [window_key(record.name, start, 64) for start in (80, 0)]
    found = take_pictures(trained, keys, width=120)
    assert [one.key for one in found] == keys
    assert [one.span for one in found] == [(136, 144), (0, 64)]
    assert [one.at for one in found] == [recorded.times[136], recorded.times[0]]
    for one, start in zip(found, (80, 0), strict=True):
        for channel, (index, values) in enumerate(zip(one.index, one.values, strict=True)):
            there = np.isfinite(values)
            assert set(range(start, start + 64)) >= set(index.tolist())
            assert (values[there] == recorded.values[index[there], channel]).all()


def test_fewer_points_are_drawn_where_few_are_wanted(trained: Workspace) -> None:
    record = list_series(trained)[0]
    (one,) = take_pictures(trained, [window_key(record.name, 0, 64)], width=16)
    recorded = load_series(trained, record).values[:64]
    for channel, (index, values) in enumerate(zip(one.index, one.values, strict=True)):
        assert np.isfinite(values).sum() <= 16
        assert (np.diff(index) > 0).all() or np.isnan(values).any()
        assert (np.nanmin(values), np.nanmax(values)) == (recorded[:, channel].min(), recorded[:, channel].max())


def test_what_is_not_there_is_left_out_and_what_is_no_key_is_refused(trained: Workspace) -> None:
    name = list_series(trained)[0].name
    gone = ["other:0:64", window_key(name, 890, 64), window_key(name, 0, 0)]
    assert take_pictures(trained, gone, width=16) == []
    assert take_pictures(trained, [], width=16) == []
    with pytest.raises(DataError, match="window key"):
        take_pictures(trained, ["nonsense"], width=16)
