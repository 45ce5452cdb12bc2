"""Resistance from one place of a net to another."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit


def resistance_ohm(circuit: FlatCircuit, a: str, b: str) -> float:
    """Resistance between two nodes of a circuit extracted in mode rc, by its resistors alone.

    a, b: names of nodes, or labels of the layout; two pins of one net are two nodes where they are
    not merged as less than RCLimits.small_ohm apart. Raises InputError for a name that is none, and
    for nodes that no resistors join.
    """
    one, other = (_node(circuit, name) for name in (a, b))
    if one == other:
        return 0.0
    nodes = {name: number for number, name in enumerate(circuit.nets)}
    ends = np.array([(nodes[r.node_a], nodes[r.node_b]) for r in circuit.resistors]).reshape(-1, 2)
    value = np.array([1 / r.value for r in circuit.resistors])
    shape = (len(nodes), len(nodes))
    links = coo_array((value, (ends[:, 0], ends[:, 1])), shape).tocsr()
    links = links + links.T
    _, group = connected_components(links, directed=False)
    if group[nodes[one]] != group[nodes[other]]:
        raise InputError(
            f"no resistors lead from {a} to {b} in {circuit.name}",
            remedy="give two pins of one net, extracted in mode rc",
        )
    # A volt less at the end b than at the others' reference: the grounded Laplacian's solution.
    mine = np.flatnonzero(group == group[nodes[one]])
    mine = mine[mine != nodes[other]]
    inner = links[mine][:, mine]
    around = links[mine].sum(axis=1)
    laplacian = coo_array((around, (np.arange(len(mine)),) * 2), inner.shape).tocsc() - inner
    current = (mine == nodes[one]).astype(float)
    return float(np.atleast_1d(spsolve(laplacian.tocsc(), current))[current > 0][0])


def _node(circuit: FlatCircuit, name: str) -> str:
    known = {node.lower(): node for node in circuit.nets}
    known = {label.lower(): net for label, net in circuit.labels} | known
    if name.lower() not in known:
        raise InputError(
            f"{circuit.name} has no node {name!r}", remedy="give a port, another label, or a node"
        )
    return known[name.lower()]
