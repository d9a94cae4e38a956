"""The process's settings, each tried in a process of its own."""

import os
import subprocess
import sys

import pytest

from backend.runtime import let_idle_threads_sleep

FAULTS = """
import resource, sys
from backend.runtime import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit(3)
import torch
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(16, 1 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""

SETTINGS = """
import os, sys
import backend.runtime
assert "torch" not in sys.modules
backend.runtime.prepare_process(threads=1)
import torch
print(torch.get_num_threads(), (torch.tensor(1e-30) * 1e-10).item())
os.environ.pop("OMP_NUM_THREADS", None)
backend.runtime.prepare_process()
print(torch.get_num_threads() == backend.runtime.available_processors())
"""


def run(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_freed_memory_is_used_again_without_page_faults():
    kept = run(FAULTS, "keep")
    if kept.returncode == 3:
        pytest.skip("not glibc")
    default = run(FAULTS, "default")
    # 20 buffers of 64 MiB; huge pages may make faults few, but kept memory has next to none.
    assert int(kept.stdout) < 20
    assert int(default.stdout) > 10 * max(1, int(kept.stdout))


def test_prepare_process_sets_threads_and_flushes_denormals():
    done = run(SETTINGS)
    assert done.stdout.split() == ["1", "0.0", "True"], done.stderr


def test_the_users_own_wait_policy_stays(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    monkeypatch.delenv("KMP_BLOCKTIME", raising=False)
    let_idle_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "active"
    assert os.environ["KMP_BLOCKTIME"] == "0"
