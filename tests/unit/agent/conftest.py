from collections.abc import Iterator

import numpy as np
import pytest
import torch

from rl_tsad.detector.judge import Judgement


@pytest.fixture(autouse=True)
def _one_torch_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def judge():
    """Make a judgement of some windows, whose prior is given."""

    def make(name, prior):
        prior = np.asarray(prior, dtype=np.float32)
        keys = np.array([f"{name}:{8 * i}:64" for i in range(len(prior))])
        table = np.stack([prior, 1 - prior], axis=1)
        return Judgement(keys, table, ("a/max", "b/max"), prior[:, None], prior, prior, prior, table, table, 0 * prior)

    return make
