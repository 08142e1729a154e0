"""What spans and metrics say about runs, items and steps: names and values.

Decides the names, and that values of users never leave the process by this
way: inputs and outputs are not among the attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from hypernodes.events import Outcome, Run, StepInfo

Attributes: TypeAlias = "dict[str, str | bool | int | float | tuple[str, ...]]"

RUN_ID = "hypernodes.run.id"
PIPELINE_ID = "hypernodes.pipeline.id"
PIPELINE_NAME = "hypernodes.pipeline.name"
ENGINE = "hypernodes.engine"
PATH = "hypernodes.path"
ITEMS = "hypernodes.map.items"
ITEMS_HIT = "hypernodes.map.hits"
ITEMS_FAILED = "hypernodes.map.failed"
ITEM = "hypernodes.item.index"
NODE_NAME = "hypernodes.node.name"
NODE_OUTPUTS = "hypernodes.node.outputs"
IS_HIT = "hypernodes.cache.hit"
REASON = "hypernodes.cache.reason"
SIGNATURE = "hypernodes.cache.signature"
OUTCOME = "hypernodes.outcome"
SAVED = "hypernodes.cache.time_saved"
WORKER = "hypernodes.worker"


def run_name(run: Run) -> str:
    """Return what the span of *run* is called."""
    return f"{'map' if run.is_map else 'run'} {run.pipeline_name or 'pipeline'}"


def run_attributes(run: Run) -> Attributes:
    """Return what is known of *run* when it begins."""
    found: Attributes = {RUN_ID: run.id, PIPELINE_ID: run.pipeline_id, ENGINE: run.engine}
    if run.pipeline_name is not None:
        found[PIPELINE_NAME] = run.pipeline_name
    if run.path:
        found[PATH] = run.path
    if run.total is not None:
        found[ITEMS] = run.total
    return found


def step_attributes(step: StepInfo, item: int | None) -> Attributes:
    """Return what is known of *step* before its outcome."""
    found: Attributes = {NODE_NAME: step.id, PATH: step.path, NODE_OUTPUTS: step.outputs}
    if item is not None:
        found[ITEM] = item
    return found


def outcome_attributes(outcome: Outcome) -> Attributes:
    """Return how something ended, and why it was executed."""
    found: Attributes = {OUTCOME: outcome.kind.value}
    if outcome.kind.value in {"hit", "executed"}:
        found[IS_HIT] = outcome.kind.value == "hit"
    if outcome.reason:
        found[REASON] = outcome.reason
    if outcome.signature:
        found[SIGNATURE] = outcome.signature
    if outcome.saved is not None:
        found[SAVED] = outcome.saved
    if outcome.worker is not None:
        found[WORKER] = outcome.worker
    return found
