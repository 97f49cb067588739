import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rl_tsad.evaluation.budget import Measurement, budget_curves
from rl_tsad.evaluation.charts import SeriesPicture, extremes, gap_ends, picture_figure, shown_channels
from rl_tsad.evaluation.report import ReportData, render_report
from rl_tsad.evaluation.summary import summarise

EVIL = "</script><img src=x onerror=alert(1)>&{{ 7 * 7 }}"
CHROMIUM = Path("/usr/bin/chromium")


def rows(methods=("agent",), gain=0.2, seeds=4, noise=0.01):
    rng = np.random.default_rng(0)
    return [
        Measurement(
            method,
            seed,
            budget,
            budget,
            budget,
            {"point_f1": 0.4 + place * 0.1 + gain * budget / 100 + noise * rng.normal()},
        )
        for place, method in enumerate(methods)
        for seed in range(seeds)
        for budget in (0, 50, 100)
    ]


def curves(*args, **kwargs):
    return budget_curves(rows(*args, **kwargs), ["point_f1"])


def picture(name="pump", length=5000, width=2, clock=True):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(length, width)).astype(np.float32)
    truth = np.zeros(length, np.int8)
    truth[100:120] = 1
    steps = np.arange(length)
    times = np.datetime64("2024-01-01", "ns") + steps * np.timedelta64(1, "m") if clock else steps
    score = rng.random(length).astype(np.float32)
    channels = tuple(f"{name} {channel}" for channel in range(width))
    asked = ((110, "anomaly"), (900, "normal"), (1000, "unsure"))
    return SeriesPicture(name, times, values, channels, truth, score, truth, asked, 3000)


def evil_page():
    data = rows((EVIL,))
    drawn = budget_curves(data, ["point_f1"])
    return render_report(ReportData(EVIL, {EVIL: EVIL}, drawn, data, (picture(EVIL),), (EVIL,)))


def figures(page):
    found = re.findall(r'<script type="application/json" class="figure">(.*?)</script>', page, re.DOTALL)
    return [json.loads(text) for text in found]


def test_nothing_from_the_data_is_ever_html():
    page = evil_page()
    assert "<img src=x" not in page
    assert "49" not in re.search(r"<h1>(.*?)</h1>", page).group(1)
    assert all("<img" not in trace["name"] for figure in figures(page) for trace in figure["data"] if "name" in trace)


def test_the_page_holds_plotly_once_and_loads_nothing():
    page = evil_page()
    assert page.count("plotly.js v") == 1
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r'(src|href)="', own)
    assert "default-src 'none'" in page


def test_the_summary_comes_first_and_the_table_holds_the_numbers():
    data = rows(("agent", "forest"))
    page = render_report(ReportData("Budget", {}, budget_curves(data, ["point_f1"]), data))
    assert page.index('class="summary"') < page.index('class="chart"') < page.index("<table>")
    assert page.count('<th scope="row">agent</th>') == 3
    assert re.search(r"<td>0\.\d{3}<small>0\.\d{3} to 0\.\d{3}</small></td>", page)


def test_an_empty_report_says_so():
    page = render_report(ReportData("Nothing yet"))
    assert "Nothing was measured" in page
    assert "plotly" not in page


def test_the_summary_tells_gains_losses_and_doubt_apart():
    assert "gained 0.2" in summarise(curves())[1]
    assert "cost 0.2" in summarise(curves(gain=-0.2))[1]
    assert "cannot be told from chance" in summarise(curves(gain=0.0, noise=0.1))[1]
    assert "Only one run was made" in summarise(curves(seeds=1))[-1]


def test_the_summary_says_when_the_first_method_is_behind():
    assert "agent is behind forest by 0.1" in summarise(curves(("agent", "forest")))[2]
    assert "agent is ahead of forest by 0.1" in summarise(curves(("forest", "agent"))[::-1])[2]
    level = curves(("agent",), noise=0.1) + curves(("agent",), noise=0.1)
    assert "cannot be told apart" in summarise(level)[2]
    assert "cannot be told apart" in summarise(curves(("agent", "forest"), seeds=1))[2]


def ranking(gain, seeds=4, noise=0.0):
    rng = np.random.default_rng(0)
    data = [
        Measurement("agent", s, b, b, b, {"point_f1": 0.5, "auc_pr": 0.3 + gain * b / 100 + noise * rng.normal()})
        for s in range(seeds)
        for b in (0, 100)
    ]
    return summarise(budget_curves(data, ["point_f1", "auc_pr"]))[2]


def test_the_summary_says_what_average_precision_did():
    assert ranking(0.26) == "Average precision (AUC-PR) rose from 0.30 to 0.56: difference +0.26 (0.26 to 0.26)."
    assert ranking(-0.1).startswith("Average precision (AUC-PR) fell from 0.30 to 0.20: difference -0.10")
    assert (
        ranking(0.26, seeds=1) == "Average precision (AUC-PR) rose from 0.30 to 0.56 in the only run that measured it."
    )
    assert "cannot be told from chance" in ranking(0.0, noise=0.1)
    assert ranking(0.0, seeds=1) == "Average precision (AUC-PR) stayed at 0.30 in the only run that measured it."


def test_a_change_in_agreement_is_told_only_after_twenty_answers():
    def told(answers):
        data = [Measurement("model", 0, n, n, n, {"agreement": n / answers}) for n in range(1, answers + 1)]
        return summarise(budget_curves(data, ["agreement"]))

    assert told(19) == ["Too early to tell: 19 answers so far, and a change in agreement says little below 20."]
    assert "1 answer so far" in told(1)[0]
    assert "Too early" not in told(20)[0]


@given(hnp.arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6)), st.integers(1, 20))
def test_downsampling_keeps_the_extremes_of_every_stretch(values, buckets):
    kept = extremes(values, buckets)
    assert len(kept) <= max(2 * buckets, 1)
    assert (np.diff(kept) > 0).all()
    for stretch in np.split(np.arange(len(values)), np.linspace(0, len(values), buckets + 1).astype(int)[1:-1]):
        if len(stretch):
            inside = kept[(kept >= stretch[0]) & (kept <= stretch[-1])]
            assert values[inside].max() == values[stretch].max()
            assert values[inside].min() == values[stretch].min()


@pytest.mark.parametrize("clock", [True, False])
def test_a_picture_shows_channels_score_questions_and_bands(clock):
    drawn = picture_figure(picture(clock=clock))
    names = [trace["name"] for trace in drawn["data"]]
    assert names == ["pump 0", "pump 1", "score", "answered anomaly", "answered normal", "answered unsure"]
    assert [trace.get("zorder") for trace in drawn["data"][3:]] == [1, 0, 0]
    assert max(len(trace["x"]) for trace in drawn["data"]) <= 2000
    assert drawn["layout"]["xaxis"]["title"]["text"] == ("time (UTC)" if clock else "sample number")
    band = drawn["layout"]["shapes"][0]
    first = drawn["data"][3]["x"][0]
    assert band["x0"] < first < band["x1"]


@pytest.mark.parametrize("length", [1000, 50_000])
def test_no_line_is_drawn_through_a_recording_gap(length):
    steps = np.arange(length) + 500 * (np.arange(length) >= length // 2)
    times = np.datetime64("2024-01-01", "ns") + steps * np.timedelta64(1, "m")
    values = np.ones((length, 1), np.float32)
    score = np.linspace(0, 1, length, dtype=np.float32)
    for trace in picture_figure(SeriesPicture("a", times, values, ("flow",), score=score))["data"]:
        places = [place for place, value in enumerate(trace["y"]) if value is None]
        assert len(places) == 1
        before, after = trace["x"][places[0] - 1], trace["x"][places[0] + 1]
        assert after - before == 501 * 60_000
        assert trace.get("customdata", trace["y"])[places[0]] is None
        assert trace["x"] == sorted(trace["x"])


@given(st.lists(st.sampled_from([0, 1, 1, 1, 2, 11, 500]), max_size=60))
def test_every_gap_breaks_the_line_once(steps):
    times = np.cumsum([0, *steps])
    gaps = gap_ends(times)
    drawn = picture_figure(SeriesPicture("a", times, np.zeros((len(times), 1), np.float32), ("flow",)))["data"][0]
    assert drawn["y"].count(None) == len(gaps)
    assert len(drawn["x"]) == len(drawn["y"]) == len(drawn["customdata"]) == len(times) + len(gaps)


def test_wide_series_show_the_channels_that_deviate():
    wide = picture(width=9)
    wide.values[100:120, 7] += 50
    assert 7 in shown_channels(wide)
    assert len(shown_channels(wide)) == 4


def test_figures_are_valid_json_even_with_missing_numbers():
    data = [Measurement("agent", 0, 0, 0, 0, {"point_f1": float("nan")}), *rows()[1:]]
    page = render_report(ReportData("x", {}, budget_curves(data, ["point_f1"]), data, (picture(),)))
    assert len(figures(page)) == 2
    assert "NaN" not in json.dumps(figures(page))


@pytest.mark.slow
def test_plotly_knows_every_field_that_we_set():
    import plotly.graph_objects as go

    for figure in figures(evil_page()):
        text = re.sub(r'"@[a-z0-9]+(/\d+)?"', '"#123456"', json.dumps(figure))
        go.Figure(json.loads(text))


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_draws_it_offline_without_complaint(tmp_path, scheme):
    from playwright.sync_api import sync_playwright

    (tmp_path / "report.html").write_text(evil_page(), encoding="utf-8")
    said, asked = [], []
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        page = browser.new_page(color_scheme=scheme)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "report.html").as_uri())
        page.wait_for_selector(".chart .main-svg")
        assert page.locator(".chart .plot-container").count() == 2
        assert page.locator("img").count() == 0
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium")
def test_the_table_fits_1200_pixels_and_says_when_it_scrolls(tmp_path):
    from playwright.sync_api import sync_playwright

    metrics = ["point_f1", "event_f1", "auc_pr", "vus_pr", "auc_roc", "best_f1"]
    data = [
        Measurement("Random forest, margin (control)", seed, b, b, b, dict.fromkeys(metrics, 0.4 + seed / 99))
        for seed in range(3)
        for b in (0, 100)
    ]
    page_text = render_report(ReportData("Table", {}, budget_curves(data, metrics), data))
    (tmp_path / "report.html").write_text(page_text, encoding="utf-8")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto((tmp_path / "report.html").as_uri())
        page.wait_for_selector(".chart .main-svg")
        assert page.locator(".scroll").evaluate("e => e.scrollWidth <= e.clientWidth")
        assert page.locator("#more").is_hidden()
        page.set_viewport_size({"width": 600, "height": 800})
        page.locator("#more").wait_for(state="visible")
        browser.close()


def test_only_targets_are_pictured():
    values = np.zeros((60, 6), np.float32)
    values[30, :] = [9, 1, 1, 1, 1, 1]
    shown = SeriesPicture("a", np.arange(60), values, tuple("abcdef"), targets=(1, 2))
    assert [trace["name"] for trace in picture_figure(shown)["data"]] == ["b", "c"]
    assert 0 not in shown_channels(replace(shown, targets=(1, 2, 3, 4, 5)))
