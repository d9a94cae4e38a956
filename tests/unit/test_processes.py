"""Whether a process is there, on POSIX for real, and on Windows by what its calls would say."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from shared import processes


def test_this_process_is_there_and_an_ended_one_is_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert processes.is_alive(os.getpid())
    assert not processes.is_alive(child.pid)
    assert processes.is_alive(0) and processes.is_alive(-1)


class Kernel:
    """As much of kernel32 as is asked: a process that may be opened or not, ended or not."""

    def __init__(self, handle: int, exit_code: int) -> None:
        self.exit_code, self.closed = exit_code, 0

        def opened(access: int, inherit: bool, pid: int) -> int:
            return handle

        self.OpenProcess = opened

    def GetExitCodeProcess(self, handle: ctypes.c_void_p, code) -> int:
        code._obj.value = self.exit_code
        return 1

    def CloseHandle(self, handle: ctypes.c_void_p) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    ("handle", "exit_code", "error", "alive"),
    [
        (8, processes.STILL_ACTIVE, 0, True),
        (8, 0, 0, False),
        (0, 0, processes.ACCESS_DENIED, True),
        (0, 0, 87, False),  # ERROR_INVALID_PARAMETER: no process has the number
    ],
)
def test_windows_is_asked_for_the_exit_code(monkeypatch, handle, exit_code, error, alive) -> None:
    kernel = Kernel(handle, exit_code)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "WinDLL", lambda *_, **__: kernel, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: error, raising=False)
    assert processes.is_alive(1234) == alive
    assert kernel.closed == (1 if handle else 0)
