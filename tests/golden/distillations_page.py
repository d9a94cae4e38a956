"""Measured tables, put into the page: `python -m tests.golden.distillations_page D S H`.

D, S and H: folders that `tests.golden.distillations` filled, of the presets draft, standard, high.
In distillations.md the tables of a preset's section and the hash of the prior become the folder's,
and its picture is copied beside the page. What is written around the tables stays: read it again,
it may speak of the figures before.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

PAGE = Path(__file__).with_name("distillations.md")
TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
HASH = re.compile(r"the embedded prior (\w{8})")
TOLD = re.compile(r"the embedded prior \(\w{8}\)")
PICTURES = {preset: f"distillations_{preset}.jpg" for preset in ("standard", "high")}


def sections(page: str) -> dict[str, str]:
    """By preset; the draft's is what stands before the first heading of another's."""
    parts = re.split(r"^(?=## The `\w+` preset)", page, flags=re.MULTILINE)
    names = ["draft", *(part.split("`")[1] for part in parts[1:])]
    return dict(zip(names, parts, strict=True))


def updated(page: str, preset: str, measured: str) -> str:
    """The page with the two tables and the hash of `measured`, a folder's distillations.md.

    Raises ValueError where either has not just two tables and a hash, or `measured` is of another
    preset.
    """
    found = sections(page)
    tables, told = TABLE.findall(measured), HASH.search(measured)
    old = TABLE.findall(found[preset])
    if f"--preset {preset} " not in measured or not told:
        raise ValueError(f"these tables are not of the {preset} preset.")
    if len(tables) != 2 or len(old) != 2 or not TOLD.search(found[preset]):
        raise ValueError(f"two tables and a hash are wanted for the {preset} preset.")
    section = TOLD.sub(f"the embedded prior ({told[1]})", found[preset])
    for before, now in zip(old, tables, strict=True):
        section = section.replace(before, now)
    return "".join(section if name == preset else part for name, part in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    presets = ("draft", "standard", "high")
    for preset in presets:
        parser.add_argument(preset, type=Path)
    folders = vars(parser.parse_args())
    page = PAGE.read_text()
    for preset in presets:
        page = updated(page, preset, (folders[preset] / "distillations.md").read_text())
        shutil.copy(
            folders[preset] / "distillations.jpg",
            PAGE.with_name(PICTURES.get(preset, "distillations.jpg")),
        )
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
