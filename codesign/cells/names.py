"""Names of nets and instances inside a network. Layers of neurons count from 1, inputs are layer 0;
neurons, rows and columns count from 1."""

from __future__ import annotations


def spike_line(layer: int, index: int) -> str:
    """Spike line of a neuron or an input."""
    return f"sp_{layer}_{index}"


def spike_bar(layer: int, index: int) -> str:
    """Complement of a spike line."""
    return f"spb_{layer}_{index}"


def dendrite(layer: int, index: int) -> str:
    """Dendrite of a neuron."""
    return f"dend_{layer}_{index}"


def neuron_instance(layer: int, index: int) -> str:
    """Instance of a neuron, without the leading x."""
    return f"n_{layer}_{index}"


def pulse(index: int) -> str:
    """Input pulse at logic level."""
    return f"pulse_{index}"


def layered(port: str, layer: int) -> str:
    """Port of the network for a crossbar's or neuron's port, of which each layer has its own."""
    return f"{port}_{layer}"


def knob_port(port: str, post: int, pre: int) -> str:
    """Port of a crossbar for a bias knob `port` of the synapse of row `pre`, column `post`."""
    return f"{port}_{post}_{pre}"


def synapse_instance(post: int, pre: int) -> str:
    """Instance of a synapse in a crossbar, without the leading x."""
    return f"s_{post}_{pre}"
