"""The contract of a window environment as checks, so that a new one is tested in three lines.

::

    def test_contract():
        check_window_env(lambda: MyEnv(data), lambda count: MyVectorEnv(count, data))

Each check raises :class:`~envs.errors.EnvError` with what was expected, what came and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from envs.errors import EnvError
from envs.track import ASK

PARTS = ("table_reward", "vae_reward", "event_reward")
"""Of a reward, as a step reports them; a shaped one has ``shaping`` besides."""

Make = Callable[[], Any]
MakeVector = Callable[[int], VectorEnv[Any, Any, Any]]


def check_window_env(
    make: Make, make_vector: MakeVector | None = None, *, seeds: Sequence[int] = (0, 1, 2), steps: int = 200
) -> None:
    """Check a window environment against the contract.

    It passes Gymnasium's own checker; the same seed gives the same trajectory; a cursor goes one row at a time and
    stops at an end; the alarm does as was said or answered; the reward is the sum of its reported parts; the vector
    form gives the single form's trajectories.

    Args:
        make: builds the single form.
        make_vector: builds the vector form with that many cursors, in SAME_STEP mode; left out, it is not checked.
        seeds: of the walks.
        steps: length of each walk.

    Raises:
        EnvError: when the contract is broken.

    Example:
        >>> from envs.vector_env import WindowVectorEnv
        >>> from envs.window_data import blank_data
        >>> from envs.window_env import WindowEnv
        >>> data = blank_data(5, 2)
        >>> check_window_env(lambda: WindowEnv(data), lambda count: WindowVectorEnv(count, data), seeds=[0], steps=20)
    """
    check_env(make().unwrapped, skip_render_check=True)
    for seed in seeds:
        check_walk(make(), seed=seed, steps=steps)
        check_repeatable(make, seed=seed, steps=steps)
        if make_vector is not None:
            check_same_trajectories(make, make_vector, seed=seed, steps=steps)


def check_walk(env: Any, *, seed: int, steps: int) -> None:
    """Check that the cursor goes one row at a time, that the alarm obeys, that ends end and that rewards add up.

    Raises:
        EnvError: when they do not.

    Example:
        >>> from envs.window_data import blank_data
        >>> from envs.window_env import WindowEnv
        >>> check_walk(WindowEnv(blank_data(5, 2)), seed=0, steps=10)
    """
    row, alarm = env.reset(seed=seed)[1]["row"], 0
    for actions in _actions(seed, steps, 1):
        action = int(actions[0])
        _, reward, terminated, truncated, info = env.step(action)
        _expect(info["judged"] == row, f"row {row} to be judged", info["judged"], "judge the row in view")
        _expect(info["row"] == row + (not terminated), f"a move on from row {row}", info["row"], "go one row at a time")
        check_alarm(action, info, before=alarm, known=int(env.unwrapped.data.answers[row]))
        parts = sum(info[name] for name in PARTS) + info.get("shaping", 0.0)
        _expect(bool(np.isclose(parts, reward)), f"the reward {reward}", parts, "report every part of it")
        _expect(not (terminated and truncated), "one kind of end", "both", "an episode that terminates is not cut")
        over = terminated or truncated
        row, alarm = (env.reset()[1]["row"], 0) if over else (info["row"], info["alarm"])


def check_alarm(action: int, info: Mapping[str, Any], *, before: int, known: int) -> None:
    """Check that a verdict sets the alarm, that an answer does, and that it stays where nothing was learnt.

    Args:
        action: in {0, 1, 2}.
        info: of the step.
        before: the alarm before it, 0 or 1.
        known: what asking reveals of the window, -1 where nobody knows.

    Raises:
        EnvError: when the alarm is another.

    Example:
        >>> check_alarm(2, {"alarm": 1, "asked": 1}, before=0, known=1)
    """
    told = action == ASK and info["asked"] and known >= 0
    due = known if told else before if action == ASK else action
    _expect(info["alarm"] == due, f"alarm {due} after action {action}", info["alarm"], "do as was said or answered")
    _expect(action == ASK or not info["asked"], "no question after a verdict", info["asked"], "ask only when told to")


def check_repeatable(make: Make, *, seed: int, steps: int) -> None:
    """Check that the same seed gives the same trajectory.

    Raises:
        EnvError: when it does not.

    Example:
        >>> from envs.window_data import blank_data
        >>> from envs.window_env import WindowEnv
        >>> check_repeatable(lambda: WindowEnv(blank_data(5, 2)), seed=0, steps=10)
    """
    pair = [SyncVectorEnv([make], autoreset_mode=AutoresetMode.SAME_STEP) for _ in range(2)]
    _compare(*pair, seed=seed, steps=steps)


def check_same_trajectories(make: Make, make_vector: MakeVector, *, seed: int, steps: int, count: int = 5) -> None:
    """Check that the vector form gives what Gymnasium's own loop over the single form gives, to the last bit.

    Raises:
        EnvError: when observations, rewards, ends or infos differ.

    Example:
        >>> from envs.vector_env import WindowVectorEnv
        >>> from envs.window_data import blank_data
        >>> from envs.window_env import WindowEnv
        >>> data = blank_data(5, 2)
        >>> make, make_vector = lambda: WindowEnv(data), lambda count: WindowVectorEnv(count, data)
        >>> check_same_trajectories(make, make_vector, seed=0, steps=10)
    """
    loop = SyncVectorEnv([make] * count, autoreset_mode=AutoresetMode.SAME_STEP)
    _compare(loop, make_vector(count), seed=seed, steps=steps)


def _compare(one: VectorEnv[Any, Any, Any], two: VectorEnv[Any, Any, Any], *, seed: int, steps: int) -> None:
    _equal("reset", one.reset(seed=seed), two.reset(seed=seed))
    for step, actions in enumerate(_actions(seed, steps, one.num_envs)):
        if step == steps // 2:  # streams go on after a reset without a seed
            _equal("second reset", one.reset(), two.reset())
        _equal(f"step {step}", one.step(actions), two.step(actions))


def _equal(where: str, one: Any, two: Any, mask: Any = None) -> None:
    if isinstance(one, dict):
        names = {name for name in one if not name.startswith("_")}
        _expect(names <= set(two), f"infos {sorted(names)} at {where}", sorted(two), "report the same")
        for name in sorted(names):
            _expect(np.array_equal(one[f"_{name}"], two[f"_{name}"]), f"one mask of {name}", where, "report the same")
            _equal(f"{where}, {name}", one[name], two[name], np.flatnonzero(one[f"_{name}"]))
    elif isinstance(one, tuple):
        for index, (left, right) in enumerate(zip(one, two, strict=True)):
            _equal(f"{where}[{index}]", left, right)
    else:
        left, right = np.asarray(one), np.asarray(two)
        chosen = range(len(left)) if mask is None else mask
        same = len(left) == len(right) and all(np.array_equal(left[i], right[i]) for i in chosen)
        _expect(same, f"{left} at {where}", right, "step both forms by the same arithmetic and the same random streams")


def _actions(seed: int, steps: int, count: int) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        yield rng.integers(0, ASK + 1, size=count)


def _expect(holds: bool, expected: str, came: object, todo: str) -> None:
    if not holds:
        raise EnvError(f"expected {expected}, got {came}; {todo}")
