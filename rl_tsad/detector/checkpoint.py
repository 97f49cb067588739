"""How trained tensors reach the disk and come back unharmed: safetensors beside JSON with a digest, never pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as decode_tensors
from safetensors.torch import save as encode_tensors

from rl_tsad.errors import CheckpointError

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None
Tensors: TypeAlias = Mapping[str, NDArray[Any] | torch.Tensor]

FORMAT = 1


def save_tensors(folder: Path, name: str, tensors: Tensors, facts: Mapping[str, JSON]) -> str:
    """Write named arrays and what must be known about them, so that later damage is noticed.

    ``name.safetensors`` holds the arrays; ``name.json`` holds the facts, every array's shape and type, and the sha256
    of the arrays' file. Both are complete on disk before they get their names; the JSON comes last, so that a crash in
    between leaves a pair which :func:`load_tensors` refuses.

    Args:
        folder: where to write; made when absent.
        name: stem of the two files, without a separator.
        tensors: arrays of any numeric or boolean type (no strings); moved to the CPU.
        facts: JSON values only, without NaN or infinity.

    Returns:
        sha256 (64 hex digits) of the JSON file, which itself names the sha256 of the arrays: it covers both.

    Raises:
        CheckpointError: when the facts are no JSON or an array has a type that the form does not know.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> digest = save_tensors(folder, "net", {"w": np.ones(2, np.float32)}, {"width": 2})
        >>> tensors, facts = load_tensors(folder, "net", digest)
        >>> tensors["w"].tolist(), facts
        ([1.0, 1.0], {'width': 2})
    """
    body = _encode(name, tensors)
    shapes = {key: {"shape": list(value.shape), "type": str(_as_tensor(value).dtype)} for key, value in tensors.items()}
    head = {"format": FORMAT, "sha256": _sha256(body), "tensors": shapes, "facts": dict(facts)}
    try:
        text = json.dumps(head, indent=1, sort_keys=True, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"checkpoint {name!r}: expected facts made of JSON values, got {error}; convert arrays to lists"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"{name}.safetensors", body)
    _write(folder / f"{name}.json", text)
    return _sha256(text)


def load_tensors(folder: Path, name: str, digest: str | None = None) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what :func:`save_tensors` wrote and refuse it when a single bit differs.

    Args:
        folder: where the pair lies.
        name: stem of the two files.
        digest: what :func:`save_tensors` returned; without it the pair is checked against itself only.

    Returns:
        The tensors by name, on the CPU, and the facts.

    Raises:
        CheckpointError: when a file is missing, truncated, changed, of another format, or not the one asked for.
    """
    text = _read(folder / f"{name}.json")
    if digest is not None and _sha256(text) != digest:
        raise CheckpointError(
            f"{folder / name}.json: expected digest {digest[:12]}…, got {_sha256(text)[:12]}…; the checkpoint was "
            "replaced or changed, restore it from a backup or train again"
        )
    head = _parse(folder / f"{name}.json", text)
    body = _read(folder / f"{name}.safetensors")
    if _sha256(body) != head["sha256"]:
        raise CheckpointError(
            f"{folder / name}.safetensors: expected sha256 {str(head['sha256'])[:12]}…, got {_sha256(body)[:12]}…; the "
            "file is truncated or changed, restore it from a backup or train again"
        )
    tensors = _decode(folder / f"{name}.safetensors", body)
    _check_shapes(folder / name, tensors, head["tensors"])
    return tensors, dict(head["facts"])


def fill_module(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], what: str) -> None:
    """Load tensors into a network that was rebuilt from its configuration.

    Args:
        module: freshly built network.
        tensors: its state, by parameter name.
        what: name of the network in the message.

    Raises:
        CheckpointError: when a name or a shape differs, that is, when the tensors belong to another architecture.

    Example:
        >>> net = torch.nn.Linear(1, 1)
        >>> fill_module(net, {"weight": torch.ones(1, 1), "bias": torch.zeros(1)}, "net")
        >>> net.weight.tolist()
        [[1.0]]
    """
    expected = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    came = {name: tuple(value.shape) for name, value in tensors.items()}
    if expected != came:
        odd = sorted(name for name in expected.keys() | came.keys() if expected.get(name) != came.get(name))[0]
        raise CheckpointError(
            f"{what}: expected tensor {odd!r} of shape {expected.get(odd)}, got {came.get(odd)}; the checkpoint "
            "belongs to another architecture, load it with the configuration it was trained with"
        )
    module.load_state_dict(dict(tensors))


def _as_tensor(value: NDArray[Any] | torch.Tensor) -> torch.Tensor:
    tensor = value if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value, order="C"))
    return tensor.detach().cpu().contiguous()


def _encode(name: str, tensors: Tensors) -> bytes:
    try:
        # clone: safetensors refuses tensors that share memory
        return bytes(encode_tensors({key: _as_tensor(value).clone() for key, value in tensors.items()}))
    except (TypeError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"checkpoint {name!r}: expected numeric arrays, got {error}; keep text among the facts"
        ) from error


def _decode(path: Path, body: bytes) -> dict[str, torch.Tensor]:
    try:
        return dict(decode_tensors(body))
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: expected a safetensors file, got {error}; train again") from error


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    try:
        head = json.loads(text)
    except ValueError as error:
        raise CheckpointError(f"{path}: expected JSON, got {error}; restore it from a backup or train again") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        came = head.get("format") if isinstance(head, dict) else type(head).__name__
        raise CheckpointError(
            f"{path}: expected checkpoint format {FORMAT}, got {came!r}; use the version of rl-tsad that wrote it"
        )
    missing = sorted({"sha256", "tensors", "facts"} - head.keys())
    if missing:
        raise CheckpointError(f"{path}: expected the field {missing[0]!r}, got none; restore the file or train again")
    return head


def _check_shapes(path: Path, tensors: Mapping[str, torch.Tensor], listed: Any) -> None:
    came = {key: {"shape": list(value.shape), "type": str(value.dtype)} for key, value in tensors.items()}
    if came != listed:
        raise CheckpointError(
            f"{path}: expected the arrays that its JSON lists, got others; the two files do not belong together, "
            "restore both or train again"
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path}: expected a checkpoint file, got nothing there; check the folder or train again"
        ) from error


def _write(path: Path, body: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
