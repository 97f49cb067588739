import shutil
import subprocess
import sys

import numpy as np
import pytest

from db import queries
from db.records import ItemState
from rl_tsad.data.scaling import Scale, apply_scale
from rl_tsad.data.windows import make_windows
from rl_tsad.detector.judge import Detector, scaled_track
from rl_tsad.detector.save import load_detector
from rl_tsad.errors import CheckpointError, LabelingError
from rl_tsad.services.foundation import prepared
from rl_tsad.services.points import view
from rl_tsad.services.reconstructing import reconstruct
from rl_tsad.services.showing import Asked, find_asked
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import Float32


def asked(ws: Workspace) -> list[Asked]:
    with ws.store.read() as session:
        items = queries.in_state(session, ItemState.OPEN)
    return find_asked(ws, items)


def detector_of(ws: Workspace) -> Detector:
    foundation = prepared(ws)
    assert foundation is not None
    return load_detector(foundation.folder / "detector")


def explaining(ws: Workspace) -> tuple[str, ...]:
    foundation = prepared(ws)
    assert foundation is not None
    return foundation.exogenous


def by_torch(ws: Workspace, one: Asked) -> Float32:
    series, detector = load_series(ws, one.record), detector_of(ws)
    windows, profile = make_windows(series, ws.settings.window), detector.known[series.name].profile
    track = scaled_track([series.values], [profile], [windows], width=detector.width)
    copies = detector.aster.code(track.take(np.arange(len(windows)))).copy.numpy()
    total, holding = np.zeros((series.length, detector.width)), np.zeros((series.length, 1))
    for start, copy in zip(windows.starts.tolist(), copies, strict=True):
        total[start : start + windows.length] += copy
        holding[start : start + windows.length] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / holding, np.float32)[:, : series.width]


def test_the_line_is_what_the_trained_network_itself_says(trained: Workspace) -> None:
    found = asked(trained)
    assert found
    for one in found:
        line, tape = reconstruct(trained, one), by_torch(trained, one)
        profile = detector_of(trained).known[one.record.name].profile
        scale = Scale(profile.center.astype(np.float64), profile.spread.astype(np.float64))
        for channel, (index, values) in enumerate(zip(line.index, line.values, strict=True)):
            wide = np.zeros((len(index), len(one.record.channels)), np.float32)
            wide[:, channel] = values
            back = np.arcsinh(apply_scale(wide, scale, np.inf))[:, channel]
            there = np.isfinite(values)
            assert there.sum() >= 0.9 * len(there)
            assert back[there] == pytest.approx(tape[index[there], channel], abs=1e-4)


def test_the_line_of_a_target_stands_at_the_drawn_points_and_breaks_where_they_do(trained: Workspace) -> None:
    targets = [name not in explaining(trained) for name in asked(trained)[0].record.channels]
    assert not all(targets)
    for one in asked(trained):
        line, drawn = reconstruct(trained, one), view(trained, one.record, *one.view)
        assert (line.low, line.high) == one.view
        for channel, is_target in enumerate(targets):
            expected = drawn.index[channel].tolist() if is_target else []
            assert line.index[channel].tolist() == expected
            breaks = np.isnan(drawn.values[channel])
            assert np.isnan(line.values[channel][breaks[: len(expected)]]).all()


def test_without_one_it_is_said_why(trained: Workspace) -> None:
    one = asked(trained)[0]
    other = Asked(one.item, one.record.__class__(**{**vars(one.record), "name": "other"}), one.markable, one.view)
    with pytest.raises(LabelingError, match="has learnt, got 'other'"):
        reconstruct(trained, other)
    foundation = prepared(trained)
    assert foundation is not None
    (foundation.folder / "detector" / "detector.safetensors").write_bytes(b"torn")
    from rl_tsad.services import reconstructing

    reconstructing._open.cache_clear()
    with pytest.raises(CheckpointError, match="expected a detector"):
        reconstruct(trained, one)
    shutil.rmtree(trained.foundations)
    with pytest.raises(LabelingError, match="cannot reconstruct; train again"):
        reconstruct(trained, one)


@pytest.mark.slow
def test_no_torch_is_loaded_for_it(trained: Workspace) -> None:
    number = asked(trained)[0].item.id
    code = (
        "import sys; from pathlib import Path\n"
        "from rl_tsad.services import reconstructing, showing, workspace\n"
        "ws = workspace.open_workspace(Path(sys.argv[1]))\n"
        "reconstructing.reconstruct(ws, showing.find_question(ws, int(sys.argv[2])))\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(trained.root), str(number)], check=False)
    assert done.returncode == 0
