"""Short memory and large events: an error, never a crash, and then everything works again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import native_build
import pytest
from extractor import Event
from native_build import ASAN
from native_extract import CSRC, Key, Native, build_driver

LARGE = 10_000

# Every allocation of the extractor goes through these; simdjson's own do not.
DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "extract/extract.h"
#include "extract/program.h"

static long left = -1; /* allocations until one fails; -1 for never */
static int struck;     /* whether one has failed */

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static int fails_now(void)
{
    if (left < 0 || left-- > 0) {
        return 0;
    }
    struck = 1;
    return 1;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

static struct kae_abi_event_input as_event(char *memory, uint64_t number, const char *payload)
{
    uint32_t size = (uint32_t)strlen(payload);
    struct kae_abi_plugin_event header = {{1, 2, 0, 322, 2}, 4, size, 9};
    header.header.len_bytes = (uint32_t)sizeof header + size;
    memcpy(memory, &header, sizeof header);
    memcpy(memory + sizeof header, payload, size);
    struct kae_abi_event_input input = {(struct kae_abi_event *)(void *)memory, number, ""};
    return input;
}

static uint32_t with_shape(uint8_t shape)
{
    uint32_t i = 0;
    while (kae_programs[i].shape != shape) {
        i++;
    }
    return i;
}

/* Asks more about the event, with ever another allocation failing, until none does. The
 * first answer must stay as it is, and each question can be asked again. */
static int answers_stay(struct kae_extractor *extractor, const struct kae_abi_event_input *input)
{
    struct kae_abi_extract_field first = {.field_id = with_shape(KAE_SHAPE_REPOSITORY)};
    if (kae_extract(extractor, input, &first, 1) != 0 || first.res_len == 0) {
        return 0;
    }
    const char *kept = first.res.str[0];
    char key[64];
    for (int limit = 0;; limit++) {
        struct kae_abi_extract_field more = {
            .field_id = with_shape(KAE_SHAPE_POINTER), .arg_present = 1, .arg_key = key};
        struck = 0;
        for (int i = 0; i < 300 && !struck; i++) {
            snprintf(key, sizeof key, "/requestObject/spec/volumes/%d", limit * 300 + i);
            left = limit;
            int failed = kae_extract(extractor, input, &more, 1) != 0;
            left = -1;
            if (failed != struck || kae_extract(extractor, input, &more, 1) != 0 ||
                more.res_len != 1 || more.res.str[0][0] != '{' || strcmp(kept, "a/b") != 0) {
                return 0;
            }
        }
        if (!struck) {
            return limit > 0;
        }
    }
}

/* Asks every field of an event at once, with ever another allocation failing. */
int main(int argc, char **argv)
{
    static char payload[2 << 20];
    static char memory[3 << 20];
    FILE *file = fopen(argv[argc - 1], "rb");
    payload[fread(payload, 1, sizeof payload - 1, file)] = 0;
    fclose(file);
    struct kae_abi_extract_field *fields = calloc(kae_num_programs, sizeof *fields);
    long failures = 0;
    for (long limit = 0;; limit++) {
        left = limit;
        struck = 0;
        struct kae_extractor *extractor = kae_extractor_new();
        if (extractor == NULL) {
            failures++;
            continue;
        }
        struct kae_abi_event_input input = as_event(memory, 1, payload);
        for (uint32_t i = 0; i < kae_num_programs; i++) {
            fields[i].field_id = i;
            fields[i].arg_present = kae_programs[i].arg == KAE_ARG_KEY;
            fields[i].arg_key = "";
        }
        int failed = kae_extract(extractor, &input, fields, kae_num_programs) != 0;
        uint64_t values = 0;
        for (uint32_t i = 0; i < kae_num_programs; i++) {
            values += fields[i].res_len;
        }
        if (failed && (values != 0 || strstr(kae_extractor_error(extractor), "memory") == NULL)) {
            return 1;
        }
        if (failed != struck) {
            return 3;
        }
        left = -1;
        if (kae_extract(extractor, &input, fields, kae_num_programs) != 0 ||
            kae_extractor_error(extractor)[0] != 0) {
            return 2;
        }
        if (!failed && !answers_stay(extractor, &input)) {
            return 4;
        }
        kae_extractor_free(extractor);
        if (!failed) {
            printf("%ld\n", failures);
            free(fields);
            return 0;
        }
        failures++;
    }
}
"""


def large_pod() -> bytes:
    """A pod of 10,000 containers and volumes, and as many annotations; under 2 MiB."""
    spec = {
        "containers": [{"name": f"c{n}", "image": "a/b:1"} for n in range(LARGE)],
        "volumes": [{"name": f"v{n}", "hostPath": {"path": "/"}} for n in range(LARGE)],
    }
    annotations = {f"a{n}": f"{n}" for n in range(LARGE)}
    request = {"metadata": {"annotations": annotations}, "spec": spec}
    event = {"auditID": "a", "objectRef": {"resource": "pods"}, "requestObject": request}
    return json.dumps(event, separators=(",", ":")).encode()


def test_large_lists(native: Native) -> None:
    """Every element of large arrays and objects is answered; bench/extract.py times it."""
    payload = large_pod()
    images = native.extract(payload, "ka.req.workload.images")
    assert images == ["a/b:1"] * LARGE
    assert native.extract(payload, "ka.req.pod.containers.name", LARGE - 1) == [f"c{LARGE - 1}"]
    assert native.extract(payload, "ka.req.pod.volumes.volume_type") == ["hostPath"] * LARGE
    assert native.extract(payload, "ka.req.annotations", f"a{LARGE - 1}") == [f"{LARGE - 1}"]


def test_values_stay_until_another_event(native: Native) -> None:
    """What a field's answer points to outlives other questions about the event, also a thousand.

    libsinsp relies on it where a rule asks `A exists and B = x and A = y`.
    """
    spec = {"volumes": [{"hostPath": {"path": "//etc"}}, {"hostPath": {"path": "//run"}}]}
    event = native.new_event(
        json.dumps(
            {
                "auditID": "a",
                "objectRef": {"resource": "pods"},
                "responseStatus": {"code": 201},
                "requestObject": {"metadata": {"annotations": {"n": 1}}, "spec": spec},
                "requestReceivedTimestamp": "2026-01-05T09:08:29.579000Z",
                "stageTimestamp": "2026-01-05T09:08:29.587431Z",
            }
        ).encode()
    )
    wanted: list[tuple[str | int, Key]] = [
        ("ka.req.workload.hostpaths", None),
        ("ka.response.code", None),
        ("ka.value", "/requestObject/spec"),
        ("ka.value", "/requestObject/metadata"),
        ("ka.duration_ms", None),
    ]
    first = [native.pointers(event, question) for question in wanted]
    for number in range(1_000):
        native.call(event, [("ka.value", f"/requestObject/spec/volumes/{number % 2}/{number}")])
        native.call(event, [("ka.req.annotations", f"{number}"), ("ka.value", "/requestObject")])
    assert [values() for values in first] == [
        ["/etc", "/run"],
        ["201"],
        [json.dumps(spec, separators=(",", ":"))],
        ['{"annotations":{"n":1}}'],
        [8],
    ]


def test_what_stands_in_for_absent_parts_is_written_once(native: Native) -> None:
    """A patch of 1 MiB may have a hundred thousand containers and a long fallback for all."""
    spec = {"securityContext": {"runAsUser": ["a" * 500_000]}, "containers": [1] * 100_000}
    event = {"auditID": "a", "verb": "patch", "requestObject": {"spec": spec}}
    payload = json.dumps(event, separators=(",", ":")).encode()
    question = ("ka.req.pod.containers.eff_run_as_user", None)
    addresses = native.addresses(native.new_event(payload), question)
    assert len(addresses) == 100_000
    assert len(set(addresses)) == 1
    answer = Event(payload).extract(*question) or []
    assert len(answer) == 100_000
    assert len(set(map(id, answer))) == 1


def test_equal_questions_have_one_answer(native: Native) -> None:
    """Also where the host leaves something in an argument that the field does not take."""
    event = native.new_event(b'{"auditID":"a","responseStatus":{"code":201},"user":{"groups":[1]}}')
    for field in ("ka.response.code", "ka.user.groups"):
        (address,) = native.addresses(event, (field, None))
        assert native.addresses(event, (field, 7)) == [address]


GROWTH_DRIVER = r"""
#include <malloc.h>
#include <stdio.h>
#include <string>
#include "json/memory.h"

static size_t allocated(void)
{
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Texts of ever other lengths, up to the first argument in an event; prints the most that
 * they took, and what is left of it at the end, in bytes. */
int main(int, char **argv)
{
    const size_t most = std::stoul(argv[1]);
    const std::string text(most, 'x');
    kae::Texts texts;
    const size_t before = allocated();
    size_t peak = 0;
    for (size_t first = 1; first <= most; first += most / 997) {
        texts.clear();
        size_t length = first;
        for (size_t written = 0; written + length <= most; written += length) {
            texts.put(std::string_view(text).substr(0, length));
            texts.finish();
            length = length * 3 % most + 1;
        }
        const size_t now = allocated() - before;
        peak = now > peak ? now : peak;
    }
    texts.clear();
    printf("%zu %zu\n", peak, allocated() - before);
    return 0;
}
"""


def test_memory_is_linear_in_the_text_of_an_event(tmp_path: Path) -> None:
    """Whatever lengths texts have, and most of it is given back after a large event."""
    source, program = tmp_path / "growth.cpp", tmp_path / "growth"
    source.write_text(GROWTH_DRIVER, encoding="utf-8")
    run(["g++", "-std=c++17", "-O1", f"-I{CSRC}", str(source), "-o", str(program)])
    for most in (1 << 20, 1 << 23):
        peak, left = map(int, run([str(program), str(most)]).split())
        assert most < peak < 6 * most
        assert left <= 1 << 20


@pytest.mark.sanitizers
def test_short_memory(tmp_path: Path) -> None:
    """Whichever allocation fails, the call fails with a sentence and no values, and the next works.

    Answers that were given before stay as they are.
    Also without a finding of ASan: nothing leaks or is used after it was freed.
    """
    wrap = "-Wl,--wrap=malloc,--wrap=realloc,--wrap=aligned_alloc"
    program = build_driver("short_memory", DRIVER, ASAN, wrap)
    event = tmp_path / "event.json"
    event.write_bytes(large_pod())
    assert int(run([str(program), str(event)])) > 10


def run(command: list[str]) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, f"{finished.returncode}\n{finished.stderr}"
    return finished.stdout


REPAIR_DRIVER = r"""
#include <cstdio>
#include <cstdlib>
#include <string>

#include "json/repair.h"

/* Exactly the room that was told, for AddressSanitizer to watch. */
static bool fits(const std::string &json)
{
    const size_t told = kae::repaired_len_bytes(json);
    char *out = static_cast<char *>(std::malloc(told != 0 ? told : 1));
    const bool same = out != nullptr && kae::repair(json, out) == told;
    std::free(out);
    return same;
}

int main()
{
    const std::string cases[] = {
        "", "\xEF\xBB\xBF{}", "{\"a\":\"\xff\"}", "\"\\ud800\"", "[1e999,18446744073709551616]",
        "\"\\", "\"\\u12", "\"\xEF\xB7\x90", "{\"a\":1e999", std::string("\0\t[\0]", 5),
        "\"" + std::string(100000, '\xff') + "\"",
    };
    for (const std::string &json : cases) {
        if (!fits(json)) {
            std::printf("%s\n", json.c_str());
            return 1;
        }
    }
    const std::string plain = "{\"user\":\"" + std::string(1000, 'a') + "\xff\"}";
    return kae::repaired_len_bytes(plain) == plain.size() + 2 ? 0 : 2;
}
"""


@pytest.mark.sanitizers
def test_repair_writes_as_much_as_it_says(tmp_path: Path) -> None:
    """An event is given the memory that its repair needs, not three times its size."""
    source = native_build.BUILD / "drivers" / "repair.cpp"
    native_build.write_if_changed(source, REPAIR_DRIVER)
    files = [source, *native_build.sources("json")]
    objects = native_build.compile_objects(files, ASAN)
    run([str(native_build.link(objects, tmp_path / "repair", ASAN))])
