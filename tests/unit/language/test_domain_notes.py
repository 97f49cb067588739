import pytest

from rl_tsad.data.excuses import SITUATIONS
from rl_tsad.errors import ConfigError
from rl_tsad.language.backend import embedder
from rl_tsad.language.cache import CachedEmbedder
from rl_tsad.language.domain_notes import SENTENCES, meant_by, read_notes
from rl_tsad.language_config import LanguageConfig

LEVEL = "many channels move to another level"
CHANNELS = ("flow", "motor_current", "tank level")


@pytest.fixture(scope="module")
def read():
    model = CachedEmbedder(embedder(LanguageConfig()), None)
    return lambda note: read_notes([note], CHANNELS, model)[0]


def test_there_are_sentences_for_every_situation():
    assert set(SENTENCES) == set(SITUATIONS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("note", "situation"),
    [
        ("maintenance stops are normal", LEVEL),
        ("Planned shutdowns are fine", LEVEL),
        ("product changeovers every shift are normal", LEVEL),
        ("power outages happen often", "many channels jump briefly"),
        ("short peaks are harmless", "a channel spikes"),
        ("the sensor may hang on a constant value", "a channel stands still"),
    ],
)
def test_notes_are_read_by_what_they_mean(read, note, situation):
    assert situation in read(note).situations


@pytest.mark.slow
def test_a_named_channel_narrows_a_note_to_what_one_channel_does(read):
    excuse = read("Brief dips of Motor Current are normal")
    assert excuse.channels == ("motor_current",)
    assert excuse.situations == ("a channel dips",)
    assert read("overflow is normal: short dips").channels == ()  # a part of a word is no channel


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "days", "hours"),
    [
        ("every Tuesday 02:00", (1,), ((1.75, 3.0),)),
        ("Saturdays 22:00 - 04:00", (5,), ((22.0, 28.0),)),
        ("from 2 am to 4:30 am on weekends", (5, 6), ((2.0, 4.5),)),
        ("at night", (), ((22.0, 30.0),)),
        ("on weekdays at 12 pm", (0, 1, 2, 3, 4), ((11.75, 13.0),)),
        ("at 00:10", (), ((23.9166666, 25.1666666),)),
        ("on Mon and Thurs", (0, 3), ()),
    ],
)
def test_times_and_days_are_found_by_their_form(read, text, days, hours):
    excuse = read(f"maintenance stops {text} are normal")
    assert LEVEL in excuse.situations
    assert excuse.days == days
    assert [span == pytest.approx(wanted) for span, wanted in zip(excuse.hours, hours, strict=True)] == [True] * len(
        hours
    )


@pytest.mark.slow
def test_an_hour_alone_excuses_whatever_happens_then(read):
    excuse = read("xyzzy 02:00")
    assert excuse.situations == ()
    assert meant_by(excuse) == "whatever happens, 01:45 to 03:00"


@pytest.mark.slow
def test_a_note_that_is_not_understood_is_an_error_that_says_what_would_be(read):
    with pytest.raises(ConfigError, match=r"expected notes .* got 'qwertz'.* a channel spikes.*at which hour"):
        read("qwertz")
