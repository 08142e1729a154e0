"""Try all combinations of parameters; a wider sweep trains only the new ones.

``map_mode="product"`` makes an item of every combination.  The data is the
same for all of them, so it is loaded once; each trained model is remembered
by itself, and ``plan_map`` says beforehand what a sweep will cost.

    python examples/sweep_parameters.py

Run again, it trains nothing.  Another folder for the cache: give it as argument.
"""

from __future__ import annotations

import sys

import numpy as np

from hypernodes import Pipeline, SeqEngine, node

Points = tuple[np.ndarray, np.ndarray]


@node(output_name=("training", "held_out"))
def load_data(seed: int, count: int = 2000) -> tuple[Points, Points]:
    """Make points of two kinds that overlap a little; half of them are held out."""
    random = np.random.default_rng(seed)
    points = random.normal(size=(count, 8))
    kinds = (points[:, 0] * points[:, 1] + 0.1 * random.normal(size=count) > 0).astype(float)
    half = count // 2
    return (points[:half], kinds[:half]), (points[half:], kinds[half:])


@node(output_name="weights")
def train(training: Points, learning_rate: float, penalty: float, steps: int = 30) -> np.ndarray:
    """Fit a logistic regression on products of columns by gradient descent."""
    points, kinds = training
    columns = multiply(points)
    weights = np.zeros(columns.shape[1])
    for _ in range(steps):
        guessed = 1 / (1 + np.exp(-columns @ weights))
        slope = columns.T @ (guessed - kinds) / len(kinds) + penalty * weights
        weights -= learning_rate * slope
    return weights


@node(output_name="accuracy")
def score(held_out: Points, weights: np.ndarray) -> float:
    """Return the share of points whose kind is guessed rightly."""
    points, kinds = held_out
    return float(np.mean((multiply(points) @ weights > 0) == kinds))


def multiply(points: np.ndarray) -> np.ndarray:
    """Return the product of each pair of columns."""
    first, second = np.triu_indices(points.shape[1])
    products: np.ndarray = points[:, first] * points[:, second]
    return products


experiment = Pipeline(nodes=[load_data, train, score], name="experiment")


def sweep(engine: SeqEngine, learning_rates: list[float], penalties: list[float]) -> None:
    """Carry out one sweep; say what it costs, and what came of it."""
    inputs = {"seed": 1, "learning_rate": learning_rates, "penalty": penalties}
    over = ["learning_rate", "penalty"]
    models = experiment.plan_map(inputs, over, "product", engine=engine).step("train")
    print(f"{models.hits + models.runs} models: {models.hits} known, {models.runs} to train")
    found = experiment.map(inputs, over, "product", engine=engine, output_name="accuracy")
    pairs = [(rate, penalty) for rate in learning_rates for penalty in penalties]
    accuracy, best = max(zip([row["accuracy"] for row in found], pairs, strict=True))
    print(f"   best: {accuracy:.1%} with learning rate {best[0]} and penalty {best[1]}")


if __name__ == "__main__":
    store = SeqEngine(cache=sys.argv[1] if len(sys.argv) > 1 else ".cache")
    sweep(store, learning_rates=[0.001, 0.01, 0.1], penalties=[0.0, 0.1, 1.0])
    sweep(store, learning_rates=[0.001, 0.01, 0.1, 1.0], penalties=[0.0, 0.1, 1.0])
