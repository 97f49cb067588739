"""Wrong settings are refused in one line that names the key and says what to write."""

import pytest
from pydantic import ValidationError

from rl_tsad.config import MEMBERS, DetectorConfig
from rl_tsad.errors import ConfigError
from rl_tsad.settings import load_settings, settings_text


@pytest.mark.parametrize(
    ("section", "key", "value", "example"),
    [("detector", "members", "subspace", '["rest_memory", "subspace",'), ("agent", "hidden", 64, "[64, 64]")],
)
def test_a_list_that_is_none_is_answered_with_an_example(section, key, value, example):
    with pytest.raises(ConfigError) as caught:
        load_settings(**{section: {key: value}})
    said = str(caught.value)
    assert said.startswith(f"setting '{section}.{key}': expected a list such as {example}")
    assert f"got {value!r}" in said


def test_a_list_in_the_environment_is_json(monkeypatch):
    monkeypatch.setenv("RL_TSAD_DETECTOR__MEMBERS", "subspace")
    with pytest.raises(ConfigError, match=r'as JSON.*"detector"'):
        load_settings()
    monkeypatch.setenv("RL_TSAD_DETECTOR__MEMBERS", '["subspace"]')
    assert load_settings().detector.members == ("subspace",)


@pytest.mark.parametrize("members", [[], ["subspace", "subspace"], ["nonsense"]])
def test_members_are_one_or_more_each_once(members):
    with pytest.raises(ConfigError) as caught:
        load_settings(detector={"members": members})
    said = str(caught.value)
    assert "\n" not in said
    assert "detector.members" in said
    assert all(name in said for name in MEMBERS)
    with pytest.raises(ValidationError):
        DetectorConfig(members=tuple(members))


@pytest.mark.parametrize(("section", "key"), [("detector", "healthy"), ("detector", "trial"), ("language", "cache")])
def test_true_or_false_is_no_number(section, key):
    for wrong in (1, 0, 1.0, "1", "yes", None):
        with pytest.raises(ConfigError, match=rf"'{section}.{key}': expected true or false, got {wrong!r}"):
            load_settings(**{section: {key: wrong}})
    for right in (True, "true", "True"):
        assert getattr(getattr(load_settings(**{section: {key: right}}), section), key) is True
    assert getattr(getattr(load_settings(**{section: {key: "false"}}), section), key) is False


def test_settings_written_are_read_back(tmp_path):
    chosen = load_settings(detector={"healthy": True, "members": ["vae", "aster"]})
    (tmp_path / "rl-tsad.toml").write_text(settings_text(chosen))
    assert load_settings(tmp_path / "rl-tsad.toml").detector == chosen.detector


def test_the_settings_file_explains_each_setting_of_the_detector_by_itself():
    text = settings_text(load_settings()).partition("[detector]")[2].partition("[language]")[0]
    comments = [line for line in text.splitlines() if line.startswith("#: ")]
    assert not [line for line in comments if line.startswith(("#: of ", "#: by which", "#: its "))]
    assert len(set(comments)) == len(comments)
    assert all(name in text for name in (*MEMBERS, "mlp or linear", "frozen", "lora", "register_program"))
    assert text.count("weight (0 is off)") == 7
