"""One script per claim; each prints JSON: `python -m benchmarks.<name>`."""
