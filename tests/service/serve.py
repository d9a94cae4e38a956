"""A server in a process of its own, for tests: `python tests/service/serve.py JSON`.

The JSON has ServeConfig's fields, and "worker": the file of a worker beside this one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from backend.errors import PropsmithError
from backend.service.config import ServeConfig
from backend.service.serve import serve
from tests.service.crash_points import die_at_its_point
from tests.service.jumping_clock import jump_with_the_file


def main() -> int:
    jump_with_the_file()
    die_at_its_point()
    values = json.loads(sys.argv[1])
    worker = Path(__file__).with_name(values.pop("worker", "fake_worker.py"))
    for name in ("data", "connection_file"):
        values[name] = Path(values[name])
    for name in ("devices", "presets", "features"):
        if name in values:
            values[name] = tuple(values[name])
    config = ServeConfig(worker_command=(sys.executable, str(worker)), **values)
    try:
        serve(config, lambda path: print("ready", flush=True))
    except PropsmithError as error:
        print(f"propsmith: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
