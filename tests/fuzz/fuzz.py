"""Builds a libFuzzer target, fuzz_extract.cpp or fuzz_log_events.cpp, and runs it.

    python tests/fuzz/fuzz.py [--target extract] [--seconds 60 | --runs N] [--seed N]

Needs clang with its sanitizer runtime (Debian: clang, libclang-rt-dev) and
libsimdjson-dev. Starts from the corpus of tests/data/events and from damaged copies
of it (seeds.py); what it finds besides stays in build/fuzz/TARGET/corpus and is used
again. An input that breaks something is left in build/fuzz/TARGET/, and the exit code
is not 0.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(HERE)]

import native_build as native  # noqa: E402 - the paths above come first
import seeds  # noqa: E402 - the same

# The events are small, and long inputs are slow: depth and size have tests of their own.
MAX_LEN_BYTES = 16_384


def _extract_sources() -> list[Path]:
    return [*native.sources("extract", "json"), native.generate_tables().fields]


def _log_events_sources() -> list[Path]:
    metrics = [native.CSRC / "abi" / "metrics.c", native.generate_tables().tables]
    return [*native.sources("json", "log_events", "queue"), *metrics]


class Target(NamedTuple):
    """What is fuzzed: fuzz_NAME.cpp, linked with these sources."""

    name: str
    sources: Callable[[], list[Path]]
    seeds: Callable[[], Iterator[bytes]]
    words: Callable[[], list[str]]


TARGETS = {
    target.name: target
    for target in (
        Target("extract", _extract_sources, seeds.of_extract, seeds.extract_words),
        Target("log_events", _log_events_sources, seeds.of_log_events, seeds.log_events_words),
    )
}


def build(target: Target) -> Path:
    """The fuzzer."""
    main = HERE / f"fuzz_{target.name}.cpp"
    objects = native.compile_objects(
        [main, *target.sources()],
        native.ASAN,
        compilers=native.CLANG,
        flags=["-fsanitize=fuzzer-no-link"],  # coverage of the code under test
    )
    program = native.BUILD / "fuzz" / main.stem
    fuzzer = ["-fsanitize=fuzzer"]
    return native.link(objects, program, native.ASAN, compilers=native.CLANG, flags=fuzzer)


def write_seeds(target: Target, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (folder / f"seed-{number:04d}").write_bytes(seed)


def write_dictionary(target: Target, path: Path) -> None:
    """Words and JSON's tokens, as libFuzzer reads them."""
    names = [f'"\\"{word}\\":"' for word in target.words()]
    path.write_text("\n".join([*names, *(f'"{token}"' for token in seeds.TOKENS)]) + "\n")


def fuzz(target: Target, folder: Path, bounds: Sequence[str]) -> int:
    """Build, seed, run; the fuzzer's exit code."""
    program = build(target)
    write_seeds(target, folder / "seeds")
    write_dictionary(target, folder / "dictionary")
    (folder / "corpus").mkdir(exist_ok=True)
    command = [program, folder / "corpus", folder / "seeds", f"-dict={folder / 'dictionary'}"]
    options = [f"-max_len={MAX_LEN_BYTES}", f"-artifact_prefix={folder}/", "-print_final_stats=1"]
    return subprocess.run([*map(str, command), *options, *bounds], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=sorted(TARGETS), default="extract")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, help="so many inputs, however long that takes")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("--folder", type=Path, help="default: build/fuzz/TARGET")
    asked = parser.parse_args()
    bound = f"-max_total_time={asked.seconds}" if asked.runs is None else f"-runs={asked.runs}"
    folder = asked.folder or ROOT / "build" / "fuzz" / asked.target
    return fuzz(TARGETS[asked.target], folder, [bound, f"-seed={asked.seed}"])


if __name__ == "__main__":
    sys.exit(main())
