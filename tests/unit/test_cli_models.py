"""`propsmith models`: what priors there are, what one knows, how it reads a prompt."""

from __future__ import annotations

import json

import pytest

from backend.cli import main
from tests.tiny_models import write_embedded, write_stable_diffusion


@pytest.fixture
def prior(tmp_path):
    folder = write_embedded(tmp_path / "prior")
    index = json.loads((folder / "model_index.json").read_text())
    index["knows"] = {"kinds": ["chair", "table"], "colours": ["red"], "materials": ["wooden"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def _json(capsys) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_list_names_the_priors(capsys) -> None:
    assert main(["models", "list", "--json"]) == 0
    assert "embedded" in [row["name"] for row in _json(capsys)["priors"]]


def test_show_tells_what_a_prior_knows(prior, capsys) -> None:
    assert main(["models", "show", str(prior)]) == 0
    text = capsys.readouterr().out
    assert "Kinds (2): chair, table." in text and "Colours (1): red." in text


def test_show_reads_a_prompt(prior, capsys) -> None:
    assert main(["models", "show", str(prior), "a red zeppelin chair", "--json"]) == 0
    read = _json(capsys)["prompt"]
    assert read == {"known": ["red", "chair"], "guessed": {}, "ignored": ["zeppelin"]}
    assert main(["models", "show", str(prior), "a red zeppelin"]) == 0
    assert "Not understood: zeppelin." in capsys.readouterr().out


def test_the_shipped_prior_knows_what_its_lists_say(capsys) -> None:
    assert main(["models", "show", "embedded", "a chair", "--json"]) == 0
    assert _json(capsys)["prompt"]["known"] == ["chair"]


def test_what_cannot_be_shown_is_one_sentence(tmp_path, capsys) -> None:
    assert main(["models", "show", "nonesuch"]) == 2
    assert "no prior 'nonesuch'" in capsys.readouterr().err
    folder = write_stable_diffusion(tmp_path / "sd")
    assert main(["models", "show", str(folder)]) == 0
    assert "free text" in capsys.readouterr().out
    assert main(["models", "show", str(folder), "a chair"]) == 2
    assert main(["models", "show", "embedded", "  "]) == 2
    assert capsys.readouterr().err.count("\n") == 2
