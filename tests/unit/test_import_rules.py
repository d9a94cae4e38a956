"""Who may import whom (../shared/design/architecture.md): read from the syntax trees."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("prompt", "guidance", "gaussians", "mesh", "materials", "export", "refine", "service")
# Common modules that every stage may use; the integrators (pipeline, config, cli*) may use all.
COMMON = {
    *("reference", "cameras", "color", "errors", "files", "loop", "neighbours", "render"),
    *("runtime", "config", "threads"),
}
WHOLE_RUNS = {
    "pipeline",
    "refine",
    "job",
    "request",
    "checkpoint",
    "result",
    "report",
    "evaluate",
}  # of a worker
LAZY = {"diffusers", "transformers", "gsplat", "nvdiffrast", "accelerate"}


def files(*folders: str) -> list[Path]:
    return [p for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Dotted names that a file imports; `from a import b` counts as a.b."""
    tree = ast.parse(path.read_text())
    nodes = _outside_functions(tree) if top_level_only else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = ".".join([*_package(path, node.level), *(node.module or "").split(".")])
            names |= {f"{module.strip('.')}.{alias.name}" for alias in node.names}
    return names


def _package(path: Path, level: int) -> tuple[str, ...]:
    """What a relative import starts from. Only what the add-on's zip holds may import so."""
    folders = path.relative_to(ROOT).parent.parts
    if level:
        assert folders[0] in ("shared", "blender_addon"), f"{path}: relative imports hide the room"
        assert level <= len(folders), f"{path}: leaves its package"
    return folders[: len(folders) + 1 - level] if level else ()


def _outside_functions(node: ast.AST):
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _outside_functions(child)


def packages(path: Path, **options: bool) -> set[str]:
    return {name.split(".")[0] for name in imports(path, **options)}


def rooms_imported(path: Path) -> set[str]:
    names = (name.split(".") for name in imports(path))
    return {n[1] for n in names if n[0] == "backend" and n[1:] not in ([], ["__version__"])}


def test_there_is_something_to_check() -> None:
    assert len(files("backend")) > 10


@pytest.mark.parametrize("path", files("backend"), ids=lambda p: str(p.relative_to(ROOT)))
def test_backend_never_imports_blender(path: Path) -> None:
    assert not packages(path) & {"bpy", "blender_addon", "tests"}


@pytest.mark.parametrize("path", files("backend"), ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_libraries_load_only_when_something_is_built_with_them(path: Path) -> None:
    if "training" not in path.parts and path.parent.name != "guidance":
        assert not packages(path, top_level_only=True) & LAZY


def test_shared_is_light() -> None:
    for path in files("shared"):
        sockets = set() if path.name in ("upkeep.py", "lines.py") else {"zmq"}
        assert not packages(path) & ({"torch", "bpy", "backend", "blender_addon"} | sockets)


def test_the_addon_knows_no_backend() -> None:
    for path in files("blender_addon"):
        assert not packages(path) & {"torch", "backend"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_stage_imports_only_stages_before_it(room: str) -> None:
    before = set(ROOMS[: ROOMS.index(room) + 1])
    for path in files(f"backend/{room}"):
        allowed = before | COMMON | (WHOLE_RUNS if room in ("refine", "service") else set())
        assert rooms_imported(path) <= allowed, path


def test_guidance_sees_no_shapes_and_render_no_prompts() -> None:
    shapes = {"gaussians", "mesh", "materials", "export", "render"}
    for path in files("backend/guidance", "backend/prompt"):
        assert not rooms_imported(path) & shapes, path
    for path in files("backend/render"):
        assert not rooms_imported(path) & {*ROOMS}, path


def test_training_code_stays_out_of_the_product() -> None:
    """No table of shapes or keywords from the training set can decide a prop."""
    for path in files("backend"):
        if "training" not in path.parts:
            assert "training" not in rooms_imported(path), path


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*sys.modules)"
    run = [sys.executable, "-c", code]
    return set(subprocess.check_output(run, cwd=ROOT, text=True).split())


def test_importing_the_command_line_loads_no_torch() -> None:
    loaded = modules_after("import backend.cli")
    assert "backend.cli" in loaded
    assert not loaded & {"torch", "numpy", "numba", "rich", *LAZY}


def test_the_server_loads_no_torch() -> None:
    loaded = modules_after("import backend.service.serve, backend.service.worker, shared.client")
    assert "backend.service.server" in loaded
    assert not loaded & {"torch", "numba", "scipy", *LAZY}


def test_help_loads_no_torch() -> None:
    statement = (
        "import contextlib, io\nfrom backend.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main(['generate', '--help'])"
    )
    assert not modules_after(statement) & {"torch", "numpy", "numba", *LAZY}
