import numpy as np
import pytest

from rl_tsad.data.habits import BOUNDS, NOTED, learn_habit, note_table, severity_of, take_notes
from rl_tsad.data.scaling import fit_scale
from rl_tsad.types import Series, slide


@pytest.fixture(scope="module")
def noted():
    values = np.random.default_rng(0).normal(size=(4000, 3)).astype(np.float32)
    for place, size in enumerate((0, 10, 20, 40, 80)):
        values[3005 + 200 * place, 1] += size
    series = Series("pump", values, np.arange(4000), ("a", "b", "c"))
    windows = slide(series, length=64, stride=8)
    notes = take_notes(windows.values, learn_habit(windows.values, fit_scale(values)))
    peaks = [int(np.flatnonzero(windows.starts + 64 > 3005 + 200 * place)[0]) for place in range(5)]
    return notes, peaks


def test_larger_deviations_are_noted_as_larger_and_as_more_severe(noted):
    notes, peaks = noted
    table = note_table(notes)
    assert table.dtype == np.float32
    assert table.shape == (len(notes.excess), len(NOTED))
    assert np.isfinite(table).all()
    assert (np.diff(table[peaks, NOTED.index("excess")]) > 0).all()
    assert (np.diff(table[peaks, NOTED.index("severity")]) >= 0).all()
    assert table[peaks[-1], NOTED.index("severity")] > 0.6


def test_severity_is_small_where_nothing_stands_out_and_never_above_one(noted):
    notes, _ = noted
    severity = severity_of(notes)
    assert severity[notes.excess < BOUNDS[0]].max() <= 0.05
    assert severity.max() <= 1
