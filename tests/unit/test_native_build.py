"""native_build.py: what is compiled again, and what is not."""

from __future__ import annotations

import ctypes
from pathlib import Path

import native_build as native
import pytest


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """Two sources of one name in two folders; only the first includes number.h."""
    (tmp_path / "number.h").write_text("#define NUMBER 1\n")
    files = [tmp_path / "a" / "same.c", tmp_path / "b" / "same.c"]
    for file in files:
        file.parent.mkdir()
    files[0].write_text(
        '#include "number.h"\nint first(void);\nint first(void) { return NUMBER; }\n'
    )
    files[1].write_text("int second(void);\nint second(void) { return 2; }\n")
    return files


def compiled(folder: Path, files: list[Path], *flags: str) -> list[Path]:
    return native.compile_objects(
        files,
        native.DEBUG,
        include=[folder],
        flags=["-fvisibility=default", *flags],
        work=folder / "work",
    )


def test_files_of_one_name_have_objects_of_their_own(tmp_path: Path, sources: list[Path]) -> None:
    """Objects mirror the folders of sources, and both become a part of the library."""
    objects = compiled(tmp_path, sources)
    library = native.link(objects, tmp_path / "both.so", native.DEBUG, flags=["-shared"])
    loaded = ctypes.CDLL(str(library))
    assert (loaded.first(), loaded.second()) == (1, 2)
    assert all(path.exists() for path in objects)


def test_only_what_includes_a_changed_header_is_compiled_again(
    tmp_path: Path, sources: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The object of the other source stays; an unchanged tree compiles nothing."""
    before = compiled(tmp_path, sources)
    capsys.readouterr()
    assert compiled(tmp_path, sources) == before
    assert capsys.readouterr().out == ""
    (tmp_path / "number.h").write_text("#define NUMBER 1000\n")
    after = compiled(tmp_path, sources)
    assert after[0] != before[0]
    assert after[1] == before[1]
    assert capsys.readouterr().out.count("compiling") == 1


def test_other_flags_make_other_objects(tmp_path: Path, sources: list[Path]) -> None:
    """Objects of two commands exist side by side."""
    plain = compiled(tmp_path, sources)
    assert set(compiled(tmp_path, sources, "-DOTHER")).isdisjoint(plain)
    assert all(path.exists() for path in plain)


def test_a_warning_is_an_error_with_the_compilers_words(tmp_path: Path) -> None:
    """The project's warnings hold wherever its C is compiled."""
    source = tmp_path / "bad.c"
    source.write_text("int unused(int number);\nint unused(int number) { return 1; }\n")
    with pytest.raises(native.BuildError, match="unused parameter"):
        compiled(tmp_path, [source])


@pytest.mark.parametrize("mode", native.MODES.values(), ids=lambda mode: mode.name)
def test_every_mode_compiles_and_links(tmp_path: Path, mode: native.Mode) -> None:
    """Flags of compiler and linker fit together."""
    source = tmp_path / "main.c"
    source.write_text("int main(void) { return 0; }\n")
    objects = native.compile_objects([source], mode, work=tmp_path)
    assert native.link(objects, tmp_path / "program", mode).exists()
