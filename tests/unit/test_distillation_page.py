"""tests/golden/distillations.md decides the presets' defaults: it must speak of what ships."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend.config import PRESETS
from backend.guidance.priors import load_prior
from tests.golden.distillations_page import sections, updated

TEXT = (Path(__file__).parents[1] / "golden" / "distillations.md").read_text()
TIE = 0.07  # of the mean logarithm of the judges' shares: what the page calls a tie


def section(preset: str) -> str:
    """From the preset's heading (the draft's is the page's own) to the next one."""
    start = 0 if preset == "draft" else TEXT.index(f"## The `{preset}` preset")
    return re.split(r"\n## ", TEXT[start + 3 :])[0]


def means(preset: str) -> dict[str, float]:
    """The score of each distillation, from the first table of the section."""
    table = re.split(r"\n\n", section(preset).split("| distillation |")[1])[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    return {row[1].strip().strip("`"): float(row[-2]) for row in rows}


@pytest.mark.parametrize("preset", PRESETS)
def test_no_distillation_measured_clearly_better_than_the_default(preset: str) -> None:
    scores = means(preset)
    assert len(scores) >= 2
    default = PRESETS[preset].guidance.distillation
    assert scores[default] > max(scores.values()) - TIE


@pytest.mark.parametrize("preset", PRESETS)
def test_it_was_measured_with_the_prior_that_ships(preset: str) -> None:
    told = re.search(r"the embedded prior \((\w{8})\)", section(preset))
    assert told and load_prior("embedded", "a chair").weights_hash.startswith(told[1])


def test_measured_tables_replace_those_of_their_preset_alone() -> None:
    means_, props = (f"| distillation | {name} |\n|---|---|\n| `x0` | 1 |\n" for name in "ab")
    said = "`--preset standard --share 1`: the embedded prior 0123abcd, seed 0."
    measured = f"{said}\n\n{means_}\nMeasured best: `x0`.\n\n{props}"
    before, after = sections(TEXT), sections(updated(TEXT, "standard", measured))
    assert list(before) == ["draft", "standard", "high"]
    assert all(before[name] == after[name] for name in ("draft", "high"))
    rows = [line for line in after["standard"].splitlines() if line.startswith("|")]
    assert rows == [*means_.splitlines(), *props.splitlines()]
    assert "the embedded prior (0123abcd)" in after["standard"]
    prose = [line for line in before["standard"].splitlines() if not line.startswith("|")]
    assert set(prose[4:]) <= set(after["standard"].splitlines())
    for preset, text in (("high", measured), ("standard", said)):
        with pytest.raises(ValueError, match=preset):
            updated(TEXT, preset, text)
