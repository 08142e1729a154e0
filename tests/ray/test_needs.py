"""What chunks need, and what a cluster of Ray can grant."""

from __future__ import annotations

import pytest

from hypernodes.errors import UnsupportedStepError

needs = pytest.importorskip("hypernodes_ray.needs")

_SMALL = {"CPU": 4.0, "GPU": 1.0}
_PLAIN = {"CPU": 16.0}


@pytest.mark.parametrize(
    ("wish", "machines", "expected"),
    [
        ({}, [_SMALL, _PLAIN], 20),
        ({"num_gpus": 1}, [_SMALL, _SMALL, _PLAIN], 2),
        ({"num_gpus": 0.5}, [_SMALL], 2),
        ({"num_cpus": 3}, [_SMALL, _SMALL], 2),
        ({"most": 3}, [_PLAIN], 3),
    ],
)
def test_chunks_are_counted_per_machine(wish: dict, machines: list, expected: int) -> None:
    """What is left over on two machines does not make a place."""
    assert needs.Needs(**wish).count(machines) == expected


@pytest.mark.parametrize(
    ("wish", "machines", "message"),
    [
        ({"num_gpus": 1}, [_PLAIN], "needs 1 GPU, but the Ray cluster has 0 GPU"),
        ({"num_gpus": 2}, [_SMALL, _SMALL], "2 GPU, .* no machine with more than 1 GPU"),
        ({"num_cpus": 8, "num_gpus": 1}, [_SMALL, _PLAIN], "8 CPU, 1 GPU, .* no machine with both"),
        ({}, [], "needs 1 CPU"),
    ],
)
def test_what_no_machine_has_is_refused(wish: dict, machines: list, message: str) -> None:
    """Ray would wait for ever, also where several machines together have it."""
    with pytest.raises(UnsupportedStepError, match=message):
        needs.Needs(node="train", **wish).count(machines)
