"""Builds the libFuzzer target of fuzz_extract.cpp and runs it for a bounded time.

    python tests/fuzz/fuzz.py [--seconds 60 | --runs N] [--seed N]

Needs clang with its sanitizer runtime (Debian: clang, libclang-rt-dev) and
libsimdjson-dev. Starts from the corpus of tests/data/events and from damaged copies
of it; what it finds besides stays in build/fuzz/corpus and is used again. An input
that breaks something is left in build/fuzz/, and the exit code is not 0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import native_build as native  # noqa: E402 - the paths above come first

from k8saudit_eks.fields.table import FIELDS  # noqa: E402

EVENTS = ROOT / "tests" / "data" / "events"
HERE = Path(__file__).resolve().parent
# The events are small, and long inputs are slow: depth and size have tests of their own.
MAX_LEN_BYTES = 16_384


def build() -> Path:
    """The fuzzer."""
    files = [HERE / "fuzz_extract.cpp", *native.sources("extract", "json")]
    objects = native.compile_objects(
        [*files, native.generate_tables().fields],
        native.ASAN,
        compilers=native.CLANG,
        flags=["-fsanitize=fuzzer-no-link"],  # coverage of the code under test
    )
    program = native.BUILD / "fuzz" / "fuzz_extract"
    fuzzer = ["-fsanitize=fuzzer"]
    return native.link(objects, program, native.ASAN, compilers=native.CLANG, flags=fuzzer)


def seeds() -> Iterator[bytes]:
    """The corpus, compact, and ways to damage it."""
    for path in sorted(EVENTS.glob("*.json")):
        event = json.loads(path.read_text("utf-8"))
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        yield text
        yield b"/objectRef/name\n" + text
        yield text[: len(text) // 2]
        yield text.replace(b'"', b'"\\u0000', 40)
        yield text.replace(b"a", b"\xff", 3)
        yield text.replace(b'"requestURI":"', b'"requestURI":"/%e2%28?timeout=%ff%c3&command=%80&')
        yield b"/metadata/~1~0~\n" + text
        yield text[:-1] + b',"x":1e9223372036854775807}'
        yield text[:-1] + b',"x":1e999x}'
        yield text.replace(
            b'"requestURI":"', b'"requestURI":"/?command=a;&command=%z' + b"&" * 10_000
        )
    yield b"[" * 9_000 + b"]" * 9_000
    yield b'{"auditID":"a","x":' + b"[" * 11_000
    yield b'{"auditID":"\\u003c\\u003'


def write_seeds(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (folder / f"seed-{number:04d}").write_bytes(seed)


def write_dictionary(path: Path) -> None:
    """Member names of the field table and JSON's tokens, as libFuzzer reads them."""
    names = {part for row in FIELDS for text in row.paths for part in text.split(".")}
    words = {name.split("[")[0] for name in names if name.isascii()} - {"", "$"}
    tokens = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "null",
        "true",
        "1e9",
        "e9223372036854775807",
        "\\\\u0000",
        "\\\\ud800",
        "%ff",
    ]
    lines = [f'"\\"{word}\\":"' for word in sorted(words) if word.isalnum()]
    path.write_text("\n".join([*lines, *(f'"{token}"' for token in tokens)]) + "\n")


def fuzz(folder: Path, bounds: Sequence[str]) -> int:
    """Build, seed, run; the fuzzer's exit code."""
    program = build()
    write_seeds(folder / "seeds")
    write_dictionary(folder / "dictionary")
    (folder / "corpus").mkdir(exist_ok=True)
    command = [program, folder / "corpus", folder / "seeds", f"-dict={folder / 'dictionary'}"]
    options = [f"-max_len={MAX_LEN_BYTES}", f"-artifact_prefix={folder}/", "-print_final_stats=1"]
    return subprocess.run([*map(str, command), *options, *bounds], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, help="so many inputs, however long that takes")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz")
    asked = parser.parse_args()
    bound = f"-max_total_time={asked.seconds}" if asked.runs is None else f"-runs={asked.runs}"
    return fuzz(asked.folder, [bound, f"-seed={asked.seed}"])


if __name__ == "__main__":
    sys.exit(main())
