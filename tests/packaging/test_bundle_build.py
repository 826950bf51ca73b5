"""The steps of the bundle's build, each alone: what they change, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from bundle import bytecode, components, elf, isolate, libraries
from installation import ROOT, run


def shared_object(folder: Path, name: str, text: str, *needs: str) -> Path:
    """Compile a library libNAME.so.1 that needs others of the folder."""
    source = folder / f"{name}.c"
    source.write_text(text, "utf-8")
    library = folder / f"lib{name}.so.1"
    needed = [folder / f"lib{need}.so.1" for need in needs]
    flags = ["-shared", "-fPIC", f"-Wl,-soname,{library.name}", "-Wl,-rpath,$ORIGIN"]
    run(["gcc", *flags, source, *needed, "-o", library])
    return library


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A library that needs another: outer() of the one calls inner() of the other."""
    inner = shared_object(tmp_path, "inner", "int inner(void) { return 42; }")
    text = """
        #include <stdlib.h>
        int inner(void);
        int outer(void) { return getenv("NOT_SET") == NULL ? inner() : 0; }
    """
    return shared_object(tmp_path, "outer", text, "inner"), inner


def test_an_elf_file_is_read(pair: tuple[Path, Path]) -> None:
    """Its name, needs, runpaths, symbols and versions."""
    outer, inner = map(elf.read, pair)
    assert (outer.soname, inner.soname) == ("libouter.so.1", "libinner.so.1")
    assert outer.needed == ("libinner.so.1", "libc.so.6")
    assert outer.run_paths == ("$ORIGIN",)
    assert "outer" in outer.defined
    assert "inner" in outer.undefined & inner.defined
    (version,) = {version for file, version in outer.versions if file == "libc.so.6"}
    assert version.startswith("GLIBC_2.")


def test_other_files_are_refused(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    """A file that is no ELF file, and one that was cut, are named."""
    text = tmp_path / "text.so"
    text.write_text("no ELF file", "utf-8")
    cut = tmp_path / "cut.so"
    cut.write_bytes(pair[0].read_bytes()[:200])
    for path in (text, cut):
        with pytest.raises(elf.ElfError, match=path.name):
            elf.read(path)


def test_what_is_needed_is_found_with_all_that_needs(pair: tuple[Path, Path]) -> None:
    """The closure holds what others need, and nothing of glibc's."""
    outer, inner = pair
    assert libraries.closure([outer]) == {inner.name: inner}
    inner.unlink()
    with pytest.raises(libraries.MissingLibraryError, match=r"libouter\S+ needs libinner"):
        libraries.closure([outer])


def test_renamed_libraries_find_each_other_only(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """Beside a host's library of the same name and symbols, the bundle's own is called."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    names = isolate.choose_names([path.name for path in pair], pair, "1.0")
    for path in pair:
        copy = bundle / isolate.private_soname(path.name, "1.0")
        copy.write_bytes(path.read_bytes())
        isolate.isolate(copy, names, bundle, "libpython.so", tmp_path)
    hosts = shared_object(tmp_path, "inner", "int inner(void) { return 0; }")
    program = tmp_path / "host"
    (tmp_path / "host.c").write_text(
        """
        #include <dlfcn.h>
        #include <stdio.h>
        int inner(void);
        int main(int argc, char **argv)
        {
            void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
            int (*outer)(void) = library ? dlsym(library, argv[2]) : NULL;
            if (outer == NULL)
                puts(dlerror());
            else
                printf("%d %d\\n", inner(), outer());
            return 0;
        }
        """,
        "utf-8",
    )
    run(["gcc", "-w", tmp_path / "host.c", hosts, "-Wl,-rpath,$ORIGIN", "-o", program, "-ldl"])
    assert run([program, pair[0], "outer"]) == "0 0\n"  # what a host does to others
    renamed = bundle / "libouter-k8saudit-eks-1.0.so.1"
    assert run([program, renamed, "kae_outer"]) == "0 42\n"


def test_a_symbol_that_glibc_has_too_is_refused(tmp_path: Path) -> None:
    """Renaming it would take glibc's from those who mean that."""
    library = shared_object(tmp_path, "own", "int getpid(void) { return 1; }")
    with pytest.raises(isolate.IsolationError, match="getpid"):
        isolate.choose_names([library.name], [library], "1.0")


def test_a_folder_is_overwritten_but_for_its_end(tmp_path: Path) -> None:
    """Linkers let the version be the end of the folder's name: it has to stay."""
    file = tmp_path / "libpython"
    file.write_bytes(b"\0/home/me/pythons/3.11.7\0/home/me/pythons/3.11.7/lib\0")
    isolate.scrub(file, "/home/me/pythons/3.11.7")
    assert file.read_bytes() == b"\0/nonexistent____/3.11.7\0/nonexistent____/3.11.7/lib\0"


def test_compiled_files_say_nothing_of_where_they_were(tmp_path: Path) -> None:
    """Sources with the same text in two folders give the same bytes; broken ones are named."""
    compiled = []
    for folder in (tmp_path / "a", tmp_path / "b" / "c"):
        folder.mkdir(parents=True)
        (folder / "source.py").write_text("def f():\n    return {1, 'two', 3.0}\n", "utf-8")
        target = folder / "target.pyc"
        bytecode.compile_files([(folder / "source.py", target, "package/source.py")])
        compiled.append(target.read_bytes())
    assert compiled[0] == compiled[1]
    assert b"package/source.py" in compiled[0]
    (tmp_path / "broken.py").write_text("def f(:\n", "utf-8")
    with pytest.raises(bytecode.CompilationError, match=r"package/broken\.py"):
        bytecode.compile_files([(tmp_path / "broken.py", tmp_path / "x", "package/broken.py")])


def test_a_library_of_no_package_is_refused(pair: tuple[Path, Path]) -> None:
    """Whose version and licence can't be said is not handed on."""
    with pytest.raises(components.UnknownComponentError, match="libinner"):
        components.all_components([pair[1]])


def test_the_running_python_is_one_component() -> None:
    """Its version is the interpreter's, and its licence's text is there."""
    (python,) = [one for one in components.all_components([]) if one.name == "python"]
    assert python.version.startswith(sysconfig.get_python_version())
    assert all(text.is_file() for text in python.texts)
    assert python.texts


def test_a_build_that_can_not_be_made_says_why(tmp_path: Path) -> None:
    """One line, without a traceback."""

    finished = subprocess.run(
        [sys.executable, "-m", "bundle.build", "--output", tmp_path, "--work", tmp_path / "work"],
        cwd=ROOT,
        env={"PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith("bundle: the compiler gcc is missing")
    assert finished.stderr.count("\n") == 1
