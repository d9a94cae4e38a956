"""Every literal of the add-on that Blender shows: names, tooltips, labels, entries, reports.

In: the package's folder. Out: text -> the file that it is in. Read from the source with ast. Of a
sentence with values in it the text has {} in their places; what the server says is not here.
"""

from __future__ import annotations

import ast
from pathlib import Path

KEYWORDS = {"text", "name", "description"}
CLASS_TEXTS = {"bl_label", "bl_description"}
PROPERTIES = {
    f"{kind}Property" for kind in ("Bool", "Int", "Float", "FloatVector", "Range", "String", "Enum")
}
DRAWN = {"label", "prop", "operator", "menu", "panel", "progress", "prop_search", "split"}
TRANSLATORS = {"rpt_", "iface_", "tip_", "n_"}
STARTS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'{"  # of a sentence


def shown_texts(folder: Path, files: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in files:
        for text in texts_of(ast.parse((folder / name).read_text())):
            found.setdefault(text, name)
    return found


def sentences(folder: Path, files: list[str]) -> dict[str, str]:
    """Whole sentences wherever they stand: told, raised, returned."""
    found: dict[str, str] = {}
    for name in files:
        for text in sentences_of(ast.parse((folder / name).read_text())):
            found.setdefault(text, name)
    return found


def sentences_of(tree: ast.AST) -> list[str]:
    nodes = list(ast.walk(tree))
    inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    inside |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
    texts = [template(node) for node in nodes if id(node) not in inside]
    return [text for text in texts if " " in text and text[-1] == "." and text[0] in STARTS]


def template(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part) or "{}" for part in node.values)
    return literal(node)


def texts_of(tree: ast.AST) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            if names & CLASS_TEXTS:
                found.append(literal(node.value))
            elif any(name.isupper() for name in names):
                found += entries(node.value)
        elif isinstance(node, ast.Call):
            found += of_call(node)
    return [text for text in found if any(c.isalpha() for c in text)]


def of_call(call: ast.Call) -> list[str]:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in TRANSLATORS or name == "report":
        return [literal(argument) for argument in call.args]
    if name == "menu" and isinstance(function, ast.Name):  # choices.py
        return [literal(argument) for argument in call.args[1:3]]
    if name not in PROPERTIES | DRAWN:
        return []
    found = [literal(k.value) for k in call.keywords if k.arg in KEYWORDS]
    for keyword in call.keywords:
        found += entries(keyword.value) if keyword.arg == "items" else []
    return found


def entries(node: ast.AST) -> list[str]:
    """Name and tooltip of each entry of an enum."""
    found: list[str] = []
    for entry in getattr(node, "elts", []):
        parts = [literal(part) for part in getattr(entry, "elts", [])]
        if len(parts) >= 3 and parts[0] and parts[1] and parts[2]:
            found += parts[1:3]
    return found


def literal(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
