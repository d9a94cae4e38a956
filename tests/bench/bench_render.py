"""`python -m tests.bench.bench_render`: the benchmark of a checkout, same options and output as
`propsmith bench`, which has the code (backend/evaluate/bench)."""

from __future__ import annotations

import sys

from backend.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))
