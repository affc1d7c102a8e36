"""The project around a command: where its sources are, and its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from bamlvm.errors import HostError
from bamlvm.tools.project import FormatSettings, Settings, find_program, settings_of


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, with a folder two levels below as the current one."""
    (tmp_path / "baml_src").mkdir()
    (tmp_path / "src" / "app").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "src" / "app")
    return tmp_path


def test_the_folder_of_sources_is_found_upwards(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_program() == "../../baml_src"
    Path("one.baml").touch()
    assert find_program() == "../../baml_src"
    Path("baml_src").mkdir()
    assert find_program() == "baml_src"
    monkeypatch.chdir("baml_src")
    assert Path(find_program()).samefile(".")


def test_a_setting_names_the_folder_of_sources(project: Path) -> None:
    (project / "src" / "pyproject.toml").write_text("[tool.bamlvm]\nsource = 'prompts'\n")
    assert find_program() == "../prompts"


def test_a_folder_with_sources_is_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HostError) as caught:
        find_program()
    assert str(caught.value) == (
        "no program found: there is no folder `baml_src` here or above; "
        "name a .baml file or a folder, or create baml_src/main.baml"
    )
    Path("main.baml").touch()
    assert find_program() == "."


def test_the_nearest_settings_count(project: Path) -> None:
    assert settings_of(".") == Settings()
    (project / "pyproject.toml").write_text("[tool.bamlvm]\nformat = { indent = 8 }\n")
    (project / "src" / "pyproject.toml").write_text("[tool.other]\nname = 'bamlvm'\n")
    assert settings_of(".").format == FormatSettings(8)
    (project / "bamlvm.toml").write_text("[format]\nindent = 3\n")
    assert settings_of(".").format == FormatSettings(3)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[format]\nindnt = 2", "Object contains unknown field `indnt` - at `$.format`"),
        ("format = 2", "Expected `object`, got `int` - at `$.format`"),
        ("format.indent = 'two'", "Expected `int`, got `str` - at `$.format.indent`"),
        ("source = ''", "Expected `str` of length >= 1 - at `$.source`"),
        ("[format", "Expected ']' at the end of a table declaration (at end of document)"),
    ],
)
def test_settings_that_do_not_exist_are_errors(project: Path, content: str, problem: str) -> None:
    (project / "bamlvm.toml").write_text(content)
    with pytest.raises(HostError) as caught:
        settings_of(".")
    assert str(caught.value) == f"../../bamlvm.toml: {problem}"


def test_a_table_of_another_kind_is_an_error(project: Path) -> None:
    (project / "pyproject.toml").write_text("tool = 'bamlvm'")
    with pytest.raises(HostError, match=r"^\.\./\.\./pyproject\.toml: "):
        settings_of(".")
