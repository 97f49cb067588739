import json

import numpy as np
import pytest
import torch

from rl_tsad.detector.checkpoint import fill_module, load_tensors, save_tensors
from rl_tsad.errors import CheckpointError

TENSORS = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "counts": torch.arange(4),
    "flags": np.array([True, False]),
    "strided": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "scalar": np.array(3.0, np.float32),
}


def save(folder):
    return save_tensors(folder, "net", TENSORS, {"width": 3, "names": ["a", "b"]})


def test_a_round_trip_gives_the_same_bits(tmp_path):
    digest = save(tmp_path / "deep" / "folder")
    tensors, facts = load_tensors(tmp_path / "deep" / "folder", "net", digest)
    assert facts == {"width": 3, "names": ["a", "b"]}
    assert set(tensors) == set(TENSORS)
    for name, value in TENSORS.items():
        assert np.array_equal(tensors[name].numpy(), np.asarray(value))


def test_the_same_content_has_the_same_digest_and_other_content_another(tmp_path):
    first = save(tmp_path / "a")
    assert save(tmp_path / "b") == first
    assert save_tensors(tmp_path / "c", "net", TENSORS | {"counts": torch.arange(4) + 1}, {}) != first


def test_only_the_pair_is_left_behind(tmp_path):
    save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.json", "net.safetensors"]


def test_a_wrong_digest_is_refused(tmp_path):
    save(tmp_path)
    with pytest.raises(CheckpointError, match="expected digest"):
        load_tensors(tmp_path, "net", "0" * 64)


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
def test_a_missing_file_is_refused(tmp_path, suffix):
    save(tmp_path)
    (tmp_path / f"net.{suffix}").unlink()
    with pytest.raises(CheckpointError, match="nothing there"):
        load_tensors(tmp_path, "net")


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
@pytest.mark.parametrize("keep", [0, 10, -1])
def test_truncation_is_refused(tmp_path, suffix, keep):
    save(tmp_path)
    path = tmp_path / f"net.{suffix}"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError):
        load_tensors(tmp_path, "net")


def test_one_flipped_bit_is_refused(tmp_path):
    save(tmp_path)
    path = tmp_path / "net.safetensors"
    body = bytearray(path.read_bytes())
    body[-1] ^= 1
    path.write_bytes(bytes(body))
    with pytest.raises(CheckpointError, match="expected sha256"):
        load_tensors(tmp_path, "net")


def test_changed_facts_are_refused_by_the_digest(tmp_path):
    digest = save(tmp_path)
    path = tmp_path / "net.json"
    head = json.loads(path.read_text())
    head["facts"]["width"] = 4
    path.write_text(json.dumps(head))
    with pytest.raises(CheckpointError, match="digest"):
        load_tensors(tmp_path, "net", digest)


def test_a_pair_from_two_checkpoints_is_refused(tmp_path):
    save(tmp_path / "a")
    save_tensors(tmp_path / "b", "net", {"other": np.zeros(3, np.float32)}, {})
    (tmp_path / "b" / "net.safetensors").replace(tmp_path / "a" / "net.safetensors")
    with pytest.raises(CheckpointError):
        load_tensors(tmp_path / "a", "net")


@pytest.mark.parametrize("head", ["[]", '{"format": 99}', '{"format": 1}', "not json"])
def test_another_format_is_refused(tmp_path, head):
    save(tmp_path)
    (tmp_path / "net.json").write_text(head)
    with pytest.raises(CheckpointError):
        load_tensors(tmp_path, "net")


def test_facts_that_json_cannot_hold_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(CheckpointError, match="JSON"):
        save_tensors(tmp_path, "net", {}, {"bad": float("nan")})
    with pytest.raises(CheckpointError, match="numeric"):
        save_tensors(tmp_path, "net", {"names": np.array(["a"])}, {})
    assert list(tmp_path.iterdir()) == []


def test_another_architecture_is_refused_by_the_name_of_the_tensor():
    state = torch.nn.Linear(2, 1).state_dict()
    with pytest.raises(CheckpointError, match=r"'weight' of shape \(1, 3\), got \(1, 2\)"):
        fill_module(torch.nn.Linear(3, 1), state, "head")
    with pytest.raises(CheckpointError, match="another architecture"):
        fill_module(torch.nn.Linear(2, 1, bias=False), state, "head")
