"""Compiled kernels are found again while their sources stay, and compiled anew when one changes."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backend.render import kernel_cache

ROOT = Path(__file__).parents[2]
DECORATORS = {"kernel", "helper", "relaxed_kernel", "relaxed_helper", "njit"}
HELPER = """
from backend.render.kernels import helper
FACTOR = {factor}
@helper
def scaled(x):
    return FACTOR * x
"""
CALLER = """
from backend.render.kernels import kernel
from backend.helpers import scaled
@kernel
def total(x):
    return scaled(x) + scaled(x)
print(total(1.0), *total.stats.cache_hits)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package `backend` of three files: the decorators, a helper and a kernel that calls it."""
    package = tmp_path / "backend"
    (package / "render").mkdir(parents=True)
    for name in ("kernels.py", "kernel_cache.py"):
        shutil.copy(ROOT / "backend" / "render" / name, package / "render")
    for folder in (package, package / "render"):  # or the installed package would come first
        (folder / "__init__.py").touch()
    (package / "helpers.py").write_text(HELPER.format(factor=2))
    (package / "caller.py").write_text(CALLER)
    return tmp_path


def total(project: Path) -> tuple[float, bool]:
    """What the kernel gives in a process of its own, and whether it was loaded."""
    command = [sys.executable, "-m", "backend.caller"]
    finished = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    value, *hits = finished.stdout.split()
    return float(value), bool(hits)


def caches(project: Path) -> set[str]:
    return {path.name for path in project.rglob("caller.total*.nbi")}


def test_a_changed_helper_has_its_caller_compiled_again(project: Path) -> None:
    assert [total(project), total(project)] == [(4.0, False), (4.0, True)]
    first = caches(project)
    helper = project / "backend" / "helpers.py"
    helper.write_text(HELPER.format(factor=3))
    assert [total(project), total(project)] == [(6.0, False), (6.0, True)]
    assert len(first) == 1 and len(caches(project) - first) == 1
    helper.write_text(HELPER.format(factor=2))
    assert total(project) == (4.0, True)  # beside the other one


def test_two_sources_have_two_versions_and_one_has_one(tmp_path: Path) -> None:
    versions = []
    for name, text in (("a", "x = 1\n"), ("b", "x = 2\n"), ("c", "x = 1\n")):
        (tmp_path / name).write_text(text)
        versions.append(kernel_cache.version(tmp_path / name))
    assert versions[0] != versions[1] and versions[0] == versions[2]
    assert kernel_cache.sources(tmp_path / "absent") == {}


def compiled(tree: ast.Module) -> list[ast.stmt]:
    """What numba compiles of a file: decorated functions' statements and the file's constants."""
    found: list[ast.stmt] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            calls = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
            if {call.id for call in calls if isinstance(call, ast.Name)} & DECORATORS:
                found += node.body
    return found and [*found, *(n for n in tree.body if isinstance(n, ast.Assign))]


def used(path: Path) -> set[Path]:
    """The other files of ours whose names are compiled into this one's kernels."""
    tree = ast.parse(path.read_text())
    origins = {}
    for line in tree.body:
        if isinstance(line, ast.ImportFrom) and line.module and line.module.startswith("backend"):
            module = ROOT.joinpath(*line.module.split("."))
            for alias in line.names:
                name = module / f"{alias.name}.py"  # a module, or a name in one
                origin = name if name.is_file() else module.with_suffix(".py")
                origins[alias.asname or alias.name] = origin
    nodes = [node for statement in compiled(tree) for node in ast.walk(statement)]
    return {origins[n.id] for n in nodes if isinstance(n, ast.Name) and n.id in origins}


FILES = [p for p in sorted((ROOT / "backend").rglob("*.py")) if compiled(ast.parse(p.read_text()))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_all_that_is_compiled_into_a_kernel_counts(path: Path) -> None:
    """Files that ask numba itself for a cache have one that sees no other file."""
    ours = "from backend.render.kernels import" in path.read_text()
    assert used(path) <= (set(kernel_cache.sources(path)) if ours else {path})


def test_what_is_used_of_other_files_is_found() -> None:
    render = ROOT / "backend" / "render"
    assert used(render / "textures_cpu.py") == {render / "triangles_kernels.py"}
    assert used(render / "gaussians_cpu_back.py") == {render / "gaussians_cpu_tile.py"}
