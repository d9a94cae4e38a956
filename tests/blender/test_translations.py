"""Every text that the add-on shows has its German; Blender finds it where the user reads German."""

from __future__ import annotations

import importlib
import string
from pathlib import Path
from types import ModuleType

import bpy
import pytest
from shown_texts import sentences, shown_texts


@pytest.fixture
def translations(addon: ModuleType) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.translations")


def shown(addon: ModuleType) -> dict[str, str]:
    folder = Path(addon.__file__).parent
    return shown_texts(folder, sorted(path.name for path in folder.glob("*.py")))


def test_every_text_that_is_shown_has_an_entry(addon: ModuleType, translations: ModuleType) -> None:
    found = shown(addon)
    assert {"Make LODs", "Prompt", "Lock Seed", "Quality"} <= found.keys()
    for path in translations.FOLDER.glob("*.txt"):
        texts = translations.read_texts(path)
        missing = [f"{name}: {text}" for text, name in found.items() if text not in texts]
        assert not missing, f"{path.name} lacks:\n" + "\n".join(missing)


def test_every_sentence_has_an_entry_with_places_for_its_values(
    addon: ModuleType, translations: ModuleType
) -> None:
    folder = Path(addon.__file__).parent
    terminal = {"commands.py", "job_file.py"}  # read there alone, with the program's own messages
    files = sorted(path.name for path in folder.glob("*.py") if path.name not in terminal)
    found = sentences(folder, files)
    assert "'{}' has no faces, so there is nothing to refine." in found
    for path in translations.FOLDER.glob("*.txt"):
        texts = translations.read_texts(path)
        missing = [f"{name}: {text}" for text, name in found.items() if text not in texts]
        assert not missing, f"{path.name} lacks:\n" + "\n".join(missing)


def test_places_for_values_are_the_same(translations: ModuleType) -> None:
    def places(text: str) -> list[str | None]:
        return [field for _, field, _, _ in string.Formatter().parse(text)]

    for path in translations.FOLDER.glob("*.txt"):
        for text, other in translations.read_texts(path).items():
            assert places(text).count("") == places(other).count(""), text


def test_a_line_without_a_partner_is_told(translations: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "xx.txt"
    file.write_text("one\ntwo\nthree\n")
    with pytest.raises(ValueError):
        translations.read_texts(file)


def test_a_sentence_is_found_by_what_stands_around_its_values(
    translations: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    german = translations.read_texts(translations.FOLDER / "de_DE.txt")
    monkeypatch.setattr(translations, "rpt_", lambda text: german.get(text, text))
    told = translations.told
    assert told("'a {} chair' has no faces, so there is nothing to refine.").startswith(
        "'a {} chair' hat keine Flächen"
    )
    said = "The server has ended: press Start Server; its jobs go on where they were."
    assert told(said).startswith("Der Server ist zu Ende: drücken Sie Server starten; ")
    pasted = (
        "'http://1.2.3.4:80' is a web address: write it as HOST:PORT, for example 192.168.1.5:7450."
    )
    assert told(pasted).startswith("'http://1.2.3.4:80' ist eine Web-Adresse: schreiben Sie sie")
    assert told("Out of memory on the server.") == "Out of memory on the server."


def test_english_stays_english(translations: ModuleType) -> None:
    said = "'chair' has no faces, so there is nothing to refine."
    assert translations.told(said) == said


def test_blender_speaks_german(translations: ModuleType) -> None:
    view = bpy.context.preferences.view
    before = view.language
    if "de_DE" not in bpy.app.translations.locales:
        pytest.skip("this build of Blender has no languages")
    try:
        view.language = "de_DE"
        view.use_translate_interface = view.use_translate_reports = True
        text = "There is no connection to a Propsmith server: connect first"
        assert bpy.app.translations.pgettext_rpt(text).startswith("Es gibt keine Verbindung")
        assert bpy.app.translations.pgettext_iface("Make LODs", "Operator") == "LODs erzeugen"
    finally:
        view.language = before
