"""What makes a fit doubtful: said beside it, because a fit always gives numbers."""

from __future__ import annotations

from codesign.characterize.model import FittedModel, LayerForm

# The extended form of cells that it describes is within 1.2 ns, left-out runs included.
LARGEST_RESIDUAL_NS = 2.0
# Share of the membrane's capacitance, which sets the current of every weight.
LARGEST_ERROR = 0.1


def doubts(model: FittedModel) -> list[str]:
    """A sentence for each thing that the extended form does not describe or the data do not fix."""
    return [
        f"layer {layer.layer}: {sentence}"
        for layer in model.layers
        for sentence in _of_form(layer.forms["extended"])
    ]


def _of_form(form: LayerForm) -> list[str]:
    found = []
    if not max(form.residual_ns, form.holdout_ns) <= LARGEST_RESIDUAL_NS:
        found.append(
            f"the model does not describe these cells well: firing times are off by "
            f"{form.residual_ns:.2g} ns rms, {form.holdout_ns:.2g} ns in runs that the fit did not "
            "see"
        )
    c_eff = form.parameters.get("c_eff_F")
    error_F = None if c_eff is None else c_eff.standard_error
    if c_eff and error_F is not None and not error_F <= LARGEST_ERROR * c_eff.value:
        found.append(
            f"the trials do not fix the membrane's capacitance: {c_eff.value * 1e15:.3g} fF with a "
            f"standard error of {error_F * 1e15:.2g} fF"
        )
    return found
