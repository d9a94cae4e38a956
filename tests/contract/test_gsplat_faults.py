"""Without gsplat, and with one that does not work, the user gets one sentence on which it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.errors import DeviceError
from backend.render import gaussians_cuda

# What torch says to gsplat 1.5.0; a toolkit that is absent; kernels built for another torch.
FAULTS = {
    "raise TypeError(\"_jit_compile() missing 1 required argument: 'with_sycl'\")": "with_sycl",
    "raise OSError('CUDA_HOME environment variable is not set.\\nSet it')": "CUDA_HOME",
    "raise RuntimeError('Error building extension: [1/20] nvcc')": "Error building",
    "raise ImportError('csrc.so: undefined symbol')": "undefined symbol",
    "import no_such_module_of_gsplat": "no_such_module_of_gsplat",
    "_C = None": "no CUDA toolkit",
}


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in sys.modules if name.partition(".")[0] == "gsplat"]:
        monkeypatch.delitem(sys.modules, name)
    gaussians_cuda._rasterization.cache_clear()
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "gsplat"]:
        del sys.modules[name]  # the stand-in; then monkeypatch puts back what was there
    gaussians_cuda._rasterization.cache_clear()


@pytest.mark.parametrize("fault", FAULTS, ids=FAULTS.get)
def test_a_gsplat_that_does_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    (tmp_path / "gsplat" / "cuda").mkdir(parents=True)
    (tmp_path / "gsplat" / "__init__.py").write_text("rasterization = print\n")
    (tmp_path / "gsplat" / "cuda" / "_backend.py").write_text(fault + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DeviceError, match=r"installed but .*1\.5\.3.*nvcc") as caught:
        gaussians_cuda._rasterization()
    said = str(caught.value)
    assert FAULTS[fault] in said and "not installed" not in said and "\n" not in said


def test_no_gsplat_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gsplat", None)  # what `import` takes for absent
    with pytest.raises(DeviceError, match=r"not installed: pip install 'propsmith\[cuda\]'"):
        gaussians_cuda._rasterization()
