"""The tile model needs torch alone; compiled kernels load when first used."""

import subprocess
import sys


def test_import_needs_torch_alone():
    code = (
        "import sys, codesign.tile; "
        "heavy = {'numba', 'pydantic', 'scipy', 'pandas', 'PySpice', 'transformers'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
