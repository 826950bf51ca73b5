"""A small host: loads the plugin library into this process, as Falco does.

The command line asks the library itself what a rule would see. host.py has what a command
uses, fields.py what an event is asked for, abi.py the binary interface.

    with Library(path).init() as handle:
        extraction = handle.extraction([("ka.verb", None), ("ka.uri.param", "limit")])
        with handle.open("file:///var/log/audit.jsonl") as instance:
            for event in instance:
                verb, limit = extraction.of(event)
"""

from k8saudit_eks.library_host.fields import Answer, Extraction
from k8saudit_eks.library_host.host import Event, Handle, Instance, Library

__all__ = ["Answer", "Event", "Extraction", "Handle", "Instance", "Library"]
