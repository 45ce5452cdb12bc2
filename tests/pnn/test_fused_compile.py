"""The GPU kernels compile for a GPU that is not here: sm_90, with the assembler triton brings."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="triton is missing: pip install triton")

SCRIPT = """
import json
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile

from codesign.pnn.kernels.gpu import dstd, events

INTEGERS = {"counts": "*i32", "order": "*i32", "cross_in": "*i32", "cross_out": "*i32"}
SIZES = ("batch", "count", "group", "inner", "intervals", "n_in", "n_out", "parts", "period")
INTEGERS |= dict.fromkeys((*SIZES, "stride"), "i32")

def size(kernel, short=(), pointer="*fp32", **flags):
    signature = {name: INTEGERS.get(name, pointer) for name in kernel.arg_names}
    signature |= dict.fromkeys(short, "*bf16") | dict.fromkeys(flags, "constexpr")
    target = GPUTarget("cuda", 90, 32)
    built = compile(ASTSource(kernel, signature, flags), target=target)
    return len(built.asm["cubin"])

scan = {"moments": True, "kicks": True, "crossing": False, "double": False, "block": 256}
crossing = {**scan, "moments": False, "crossing": True}
event = {"general": False, "kicks": True, "double": False, "block": 128}
short = ("product", "moment")
print(json.dumps([
    size(dstd.shares, ("share", "moment"), moments=True, block=256),
    size(dstd.shares_backward, ("d_share", "d_moment"), moments=True, block=256),
    size(dstd.stack, kicks=True, block=256),
    size(dstd.stack_backward, kicks=True, block=256),
    size(dstd.scan, short, **scan),
    size(dstd.scan_backward, short, **scan),
    size(dstd.scan, **crossing),
    size(dstd.scan_backward, pointer="*fp64", **{**crossing, "double": True}),
    size(events.membrane, **event),
    size(events.crossing, check=16, **event),
    size(events.backward, segment=64, crossed=False, **event),
    size(events.backward, segment=64, crossed=True, **{**event, "general": True}),
]))
"""


def test_kernels_compile(tmp_path):
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert all(size > 1000 for size in json.loads(done.stdout))
