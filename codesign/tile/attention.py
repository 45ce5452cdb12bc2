"""AnalogMultiheadAttention: the four products with weights of nn.MultiheadAttention on tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from codesign.tile.layer import AnalogLayer
from codesign.tile.linear import AnalogLinear
from codesign.tile.mapping import TileMapping
from codesign.tile.parameters import Method, TileError, TileParameters
from codesign.tile.takeover import why_not

_PARTS = ("query", "key", "value")


class AnalogProjection(AnalogLayer):
    """Tiles of one of attention's inputs; the weight is the attention's, given in a call."""

    def __init__(self, attention: AnalogMultiheadAttention, part: int, **given: Any) -> None:
        weight = attention.in_weights()[part]
        kind: dict[str, Any] = {"device": weight.device, "dtype": weight.dtype}
        super().__init__(weight.shape[1], weight.shape[0], **given, **kind)
        self._part = part
        self.belong(attention)

    def belong(self, attention: AnalogMultiheadAttention) -> None:
        """The attention whose weight it is."""
        # In a tuple, or torch would take the whole for a part of its part.
        self._owner = (attention,)

    @property
    def matrix(self) -> Tensor:
        return self._owner[0].in_weights()[self._part]

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self.through(x, weight, bias)


class AnalogMultiheadAttention(nn.MultiheadAttention):
    """nn.MultiheadAttention whose projections of query, key, value and output are on tiles.

    The products of queries, keys and values with each other, which have no weights, and the softmax
    stay digital. Parameters and their names are those of the digital module.
    """

    separate: bool
    query_tiles: AnalogProjection
    key_tiles: AnalogProjection
    value_tiles: AnalogProjection

    @classmethod
    def from_attention(
        cls,
        attention: nn.MultiheadAttention,
        params: TileParameters,
        mapping: TileMapping | None = None,
        method: Method = "fast",
        *,
        output: bool = True,
    ) -> AnalogMultiheadAttention:
        """The module with the same parameters (shared, not copied) and hooks.

        output: whether the output's projection goes onto tiles too. Raises TileError for a module
        that computes something else than nn.MultiheadAttention does.
        """
        reason = why_not(attention, nn.MultiheadAttention)
        if reason is None and "parametrizations" in attention._modules:
            reason = f"{type(attention).__name__} has parametrised weights"
        if reason is not None:
            raise TileError(
                f"{reason}: on tiles it would compute something else",
                remedy="leave it digital with exclude",
            )
        new = cls.__new__(cls)
        nn.Module.__init__(new)
        for key, value in attention.__dict__.items():
            owned = key in ("_modules", "_parameters", "_buffers")
            new.__dict__[key] = dict(value) if owned else value
        # Paths of torch that read the weights themselves are for modules that say True here.
        new.separate = not attention._qkv_same_embed_dim
        new._qkv_same_embed_dim = False
        given: dict[str, Any] = {"params": params, "mapping": mapping, "method": method}
        for part, name in enumerate(_PARTS):
            tiles = AnalogProjection(new, part, **given)
            setattr(new, f"{name}_tiles", tiles.train(attention.training))
        if output:
            new.out_proj = AnalogLinear.from_linear(attention.out_proj, **given)  # type: ignore[assignment]
        return new

    def own_tiles(self) -> None:
        """Let the tiles know the module that they are in."""
        for name in _PARTS:
            getattr(self, f"{name}_tiles").belong(self)

    def in_weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weights (embedding, in) of query, key and value."""
        if self.separate:
            return self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        query, key, value = self.in_proj_weight.chunk(3)
        return query, key, value

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As nn.MultiheadAttention: outputs, and attention weights where they are asked for."""
        if query.is_nested or key.is_nested or value.is_nested:
            raise TileError("attention on tiles takes padded tensors, not nested ones")
        biases: Any = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        tiles = (self.query_tiles, self.key_tiles, self.value_tiles)
        weights = self.in_weights()
        turned = self.batch_first and query.dim() == 3
        query, key, value = (
            tile(x.transpose(0, 1) if turned else x, w, b)
            for tile, x, w, b in zip(tiles, (query, key, value), weights, biases, strict=True)
        )
        # torch's function does the rest, heads and masks, on inputs that are projected already.
        same = torch.eye(self.embed_dim, dtype=query.dtype, device=query.device)
        heads, shares = functional.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, None, None, self.bias_k, self.bias_v,
            self.add_zero_attn, self.dropout, same, None, training=self.training,
            key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            average_attn_weights=average_attn_weights, is_causal=is_causal,
            use_separate_proj_weight=True, q_proj_weight=same, k_proj_weight=same,
            v_proj_weight=same,
        )  # fmt: skip
        out: Callable[[Tensor], Tensor] = self.out_proj
        found = out(heads)
        return (found.transpose(0, 1) if turned else found), shares
