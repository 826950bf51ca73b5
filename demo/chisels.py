"""Rules for sysdig: one chisel (sysdig's Lua scripts) a rule.

sysdig takes one filter on its command line, but each chisel may set one of its own: so
one process with one plugin evaluates every rule, and it is the host's filter engine that
decides which rules match an event, as in Falco. With `-j` sysdig prints the fields that
the chisel asks for as one JSON object a line; the chisel prints the rule's name in a line
before it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from demo.rule_files import Rule

_RULE = """\
description = "one rule"
short_description = description
category = "k8s_audit"
args = {{}}
function on_init()
  chisel.set_filter({condition})
  chisel.set_event_formatter({fields})
  return true
end
function on_event()
  print({announcement})
  return true
end
"""

# Says how many events were read, after each of the first thousand, then every thousand.
_COUNT = """\
description = "counts events"
short_description = description
category = "k8s_audit"
args = {}
local events = 0
local function say()
  print('{"events": ' .. events .. '}')
end
function on_init()
  return true
end
function on_event()
  events = events + 1
  if events < 1000 or events % 1000 == 0 then say() end
  return true
end
function on_capture_end()
  say()
  return true
end
"""


def write_chisels(rules: Sequence[Rule], folder: Path) -> list[Path]:
    """Write a chisel for each enabled rule, and one that counts events; their paths."""
    scripts = [folder / "count_events.lua"]
    scripts[0].write_text(_COUNT, "utf-8")
    for number, rule in enumerate(rule for rule in rules if rule.enabled):
        script = folder / f"rule_{number}.lua"
        # The asterisk: print the event even where a field has no value.
        fields = "*" + " ".join(f"%{name}" for name in ["evt.rawtime", *rule.output_fields])
        text = _RULE.format(
            condition=_lua(rule.condition),
            fields=_lua(fields),
            announcement=_lua(json.dumps({"rule": rule.name})),
        )
        script.write_text(text, "utf-8")
        scripts.append(script)
    return scripts


def _lua(text: str) -> str:
    """The text as a Lua string that needs no escapes."""
    level = "="
    while f"]{level}]" in text:
        level += "="
    return f"[{level}[{text}]{level}]"
