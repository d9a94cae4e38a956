"""A static repository: what Blender reads to install and update the extension from a web server.

In: manifests and their zips in one folder. Out: index.json, as Blender's `extension
server-generate` makes it, and index.html, whose links can be dragged into Blender's window.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

INDEX = "index.json"
PAGE = "index.html"
NAMES = {
    "linux-x64": "Linux (x64)",
    "macos-arm64": "macOS (Apple silicon)",
    "macos-x64": "macOS (Intel)",
    "windows-x64": "Windows (x64)",
}
TEXT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{name} {version}</title>
<h1>{name} {version}</h1>
<p>{tagline}. For Blender {least} and later; {licence}.</p>
<p>Drag the link for your machine into Blender's window. It adds this page as a repository too, so
that Blender tells you of updates.</p>
<ul>
{links}
</ul>
<p>Without a network: download the zip, then drop the file itself into Blender, or use
<em>Edit &gt; Preferences &gt; Get Extensions &gt; Install from Disk</em>.</p>
</html>
"""

Entry = dict[str, Any]


def entry_of(manifest: Mapping[str, Any], archive: Path) -> Entry:
    """An extension's line in the index: its manifest without the wheels, and its zip."""
    content = archive.read_bytes()
    kept = {key: value for key, value in manifest.items() if key != "wheels"}
    pythons = _pythons(manifest.get("wheels", []))
    return {
        **kept,
        **({"python_versions": pythons} if pythons else {}),
        "archive_url": f"./{quote(archive.name)}",
        "archive_size": len(content),
        "archive_hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
    }


def index_text(entries: Sequence[Entry]) -> str:
    return json.dumps({"version": "v1", "blocklist": [], "data": list(entries)}, indent=2) + "\n"


def page_text(entries: Sequence[Entry]) -> str:
    """The page with the links; all entries are of one version."""
    first = entries[0]
    return TEXT.format(
        name=html.escape(first["name"]),
        version=html.escape(first["version"]),
        tagline=html.escape(first["tagline"]),
        least=html.escape(first["blender_version_min"]),
        licence=html.escape(", ".join(text.removeprefix("SPDX:") for text in first["license"])),
        links="\n".join(_link(entry) for entry in entries),
    )


def _link(entry: Entry) -> str:
    """Blender reads from the link whether the extension fits it."""
    query = {"repository": f"./{INDEX}", "blender_version_min": entry["blender_version_min"]}
    query |= {k: ",".join(entry[k]) for k in ("platforms", "python_versions") if k in entry}
    name = ", ".join(NAMES[platform] for platform in entry.get("platforms", ())) or "All"
    address = html.escape(f"{entry['archive_url']}?{urlencode(query)}")
    return f'<li><a href="{address}">{html.escape(name)}</a>, {entry["archive_size"] / 1e6:.1f} MB'


def _pythons(wheels: Sequence[str]) -> list[str]:
    """ "3.11" from .../pyzmq-26.4.0-cp311-cp311-win_amd64.whl"""
    found = {match.groups() for w in wheels if (match := re.search(r"-cp(\d)(\d+)-[^/]*$", w))}
    return [".".join(version) for version in sorted(found, key=lambda v: (int(v[0]), int(v[1])))]
