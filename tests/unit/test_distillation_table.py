"""The table of distillations: equal time, nothing made twice, the best first."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.golden import distillation_runs
from tests.golden.distillation_runs import Run, made, make_all
from tests.golden.distillation_scores import mean, total
from tests.golden.distillations import shares, table

RUN = Run("x0", "a mug", "draft", 1.0, "abc")


def write(run: Run, out: Path, **result) -> None:
    run.place(out).with_suffix(".json").write_text(json.dumps(result | {"settings": asdict(run)}))


def test_what_costs_more_gets_fewer_steps() -> None:
    found = shares({"x0": 0.2, "vsd": 0.3, "sds": 0.201, "ism": 40.0}, 1.0)
    assert found == pytest.approx({"x0": 1.0, "vsd": 0.65, "sds": 1.0, "ism": 0.05})
    assert shares({"x0": 0.2, "ism": 0.4}, 0.5) == pytest.approx({"x0": 0.5, "ism": 0.25})


def test_a_prop_of_other_settings_is_not_taken_for_this(tmp_path: Path) -> None:
    assert made(RUN, tmp_path) is None
    write(RUN, tmp_path, seconds=3.0)
    found = made(RUN, tmp_path)
    assert found is not None and found["seconds"] == 3.0
    for changed in (replace(RUN, share=0.5), replace(RUN, weights="def"), replace(RUN, seed=1)):
        assert made(changed, tmp_path) is None


def test_what_is_there_is_told_and_none_begun_when_the_time_is_up(tmp_path, monkeypatch) -> None:
    def never(*_) -> dict:
        raise AssertionError("nothing was to be made")

    monkeypatch.setattr(distillation_runs, "make", never)
    other, told = replace(RUN, name="sds"), []
    write(RUN, tmp_path, seconds=3.0)
    results = make_all([RUN, other], tmp_path, 2, 0.0, lambda run, _: told.append(run))
    assert list(results) == [RUN] and told == []


def test_a_checkpoint_of_other_settings_is_not_taken_up(tmp_path: Path) -> None:
    place = RUN.place(tmp_path)
    checkpoint = place.with_suffix(".run") / "gaussians.pt"
    assert not distillation_runs._begun(RUN, place)
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"half")
    assert distillation_runs._begun(RUN, place)
    assert not distillation_runs._begun(replace(RUN, share=0.5), place)
    assert not checkpoint.exists()


def test_the_best_stands_first_and_is_named_beside_the_default() -> None:
    figures = {"seconds": 10.0, "processor_seconds": 19.0, "faces": 16_000}
    runs = [replace(RUN, name=name) for name in ("x0", "csd", "ism")]
    results = {runs[0]: figures, runs[1]: figures, runs[2]: {"failed": 1}}
    scores = {runs[0]: {"kind": 0.5, "score": -0.7}, runs[1]: {"kind": 0.9, "score": -0.1}}
    lines = table(results, scores, "x0").splitlines()
    assert [line.split("`")[1] for line in lines[2:5]] == ["csd", "x0", "ism"]
    assert "Measured best: `csd`. The preset's default: `x0`." in lines
    assert any("`ism` | a mug | failed" in line for line in lines)
    widths = {line.count("|") for line in lines if line.startswith("|") and "seconds" not in line}
    assert len(widths) == 2  # of the two tables
    assert "Not measured" in table(results, {}, "x0")


def test_a_score_is_the_mean_of_logarithms_and_one_sure_mistake_is_bounded() -> None:
    assert total({"kind": 1.0, "colour": 1.0, "side": 9.0}) == {"score": 0.0}
    assert total({"kind": 0.0, "colour": 1.0})["score"] == pytest.approx(-3.4539, abs=1e-3)
    assert total({"side": 9.0}) == {}
    assert mean([{"kind": 0.2}, {"kind": 0.4, "side": 9.0}]) == pytest.approx(
        {"kind": 0.3, "side": 9.0}
    )
