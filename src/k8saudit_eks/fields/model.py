"""What one row of the field table says.

Paths are JSONPath expressions (RFC 9535's ``$``, ``.name``, ``['name']``, ``[0]``,
``[*]`` and ``[?(@.name=='text')]``, nothing else). The member name ``<key>``
stands for the field's key argument. A JSON null counts as absent everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

# The member name that stands for the field's key argument.
KEY = "<key>"

# Keeps the prefixes of a path of a thousand segments from filling the memory.
MAX_PREFIX_LEVELS = 8

# Go refuses a query of more as a whole (CVE-2025-61726; net/url counts the & and 1).
MAX_QUERY_PARAMETERS = 10_000


class Arg(Enum):
    """The argument a field takes in brackets."""

    NONE = "none"
    # ka.x[2]: optional; selects one element of the first array on the path.
    INDEX = "index"
    # ka.x[name]: required.
    KEY = "key"


class Shape(Enum):
    """How the nodes that the paths reach become the field's values."""

    # A string as it is, a number or boolean as its JSON text, an object or array
    # as compact JSON text.
    TEXT = "text"
    # An array's elements joined by a space.
    JOINED = "joined"
    # A container image's name without tag and digest.
    REPOSITORY = "repository"
    # A capability's name as a container runtime takes it: in (ASCII) upper case, without
    # CAP_ in front. Anything but a string like TEXT.
    CAPABILITY = "capability"
    # A path of the node as the kernel takes it: from the root, without empty segments, "."
    # and a slash at the end. Anything but a string like TEXT.
    HOST_PATH = "host_path"
    # The folders above such a path, from the root, and the path itself; of the folders
    # those of at most MAX_PREFIX_LEVELS segments.
    HOST_PATH_PREFIXES = "host_path_prefixes"
    # The texts of all parts joined by a colon; no value if one part is absent.
    COLON_JOINED = "colon_joined"
    # An object's member names, except those listed as parts.
    MEMBER_NAMES = "member_names"
    # "true" if any node (or its part) is JSON true, else "false"; no value without nodes.
    ANY_TRUE = "any_true"
    # "true" if any node's part equals the key, or starts with it where the key
    # ends in *; else "false"; no value without nodes.
    ANY_MATCHES_KEY = "any_matches_key"
    # "true" if the node is JSON true, or the event could not be read to its end, or its
    # query (the fallback is the URI) is refused; else "false".
    TRUNCATED = "truncated"
    ALWAYS_TRUE = "always_true"
    # Of a request URI: the first value of the query parameter named by the key.
    QUERY_PARAMETER = "query_parameter"
    # Of a request URI: every value of the query parameter named by the part.
    QUERY_VALUES = "query_values"
    # The same, joined by a space.
    QUERY_VALUES_JOINED = "query_values_joined"
    # Of a request URI: "true" if it has more than MAX_QUERY_PARAMETERS, of which none is
    # answered, else "false".
    QUERY_REFUSED = "query_refused"
    # Of a request URI: the path.
    URI_PATH = "uri_path"
    # Milliseconds (integer node) since the event's own time; 0 when negative.
    MILLISECONDS_AFTER_EVENT = "milliseconds_after_event"
    # Milliseconds from the fallback's RFC 3339 time to the node's; 0 when negative.
    MILLISECONDS_BETWEEN = "milliseconds_between"
    # What the key, a JSON Pointer (RFC 6901), reaches; rendered like TEXT.
    POINTER = "pointer"


@dataclass(frozen=True)
class Guard:
    """Holds if the node's text is one of the values (negated: is none of them).

    Without values it holds if the node is absent.
    """

    path: str
    values: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True)
class Choice:
    """One of several places; the first whose guards hold and which is present is taken."""

    path: str
    guards: tuple[Guard, ...] = ()


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        name: as rules write it.
        description: one sentence for the host's field list and the docs.
        paths: where the nodes are, in order. A list field takes all of them, any
            other field the first that gives a value. Relative to `base` if given.
        shape: how nodes become values.
        is_list: several values are possible.
        arg: the argument in brackets.
        parts: paths relative to each node. TEXT, ANY_TRUE and ANY_MATCHES_KEY take
            the first that is present; for the other shapes see Shape.
        fallback: absolute path whose node stands in where no part is present.
        default: text that stands in where the fallback is absent too.
        guards: all must hold, or the field has no value.
        base: what relative paths start from.
        any_case: members on the paths that match without regard to ASCII letter case.
        type: the host's type name, "string" or "uint64".
        deprecated: what to use instead.
    """

    name: str
    description: str
    paths: tuple[str, ...] = ()
    shape: Shape = Shape.TEXT
    is_list: bool = False
    arg: Arg = Arg.NONE
    parts: tuple[str, ...] = ()
    fallback: str | None = None
    default: str | None = None
    guards: tuple[Guard, ...] = ()
    base: tuple[Choice, ...] = ()
    any_case: tuple[str, ...] = ()
    type: str = "string"
    deprecated: str | None = None
