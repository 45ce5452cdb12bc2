"""The flow: steps with declared inputs and outputs, and the runner that skips finished ones."""

from codesign.flow.manifest import Manifest, StepRecord, read_manifest
from codesign.flow.runner import FlowReport, RunOptions, StepOutcome, run_flow
from codesign.flow.step import Step, StepContext, StepReport
from codesign.flow.steps import MODEL_STEPS, STEPS, register_steps, steps_for

__all__ = [
    "MODEL_STEPS",
    "STEPS",
    "FlowReport",
    "Manifest",
    "RunOptions",
    "Step",
    "StepContext",
    "StepOutcome",
    "StepRecord",
    "StepReport",
    "read_manifest",
    "register_steps",
    "run_flow",
    "steps_for",
]
