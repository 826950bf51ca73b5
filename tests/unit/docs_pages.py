"""The documents as tests see them: blocks, commands, words in prose, links and anchors.

CommonMark with tables by markdown-it-py; shell by tree-sitter-bash.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import tree_sitter_bash
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "docs"
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_SHELL = Parser(Language(tree_sitter_bash.language()))


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: what stands behind the fence, e.g. "sh"; "" without.
        line: of the fence, from 1.
    """

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Word:
    """Text in backticks (`code`), or in bold without backticks inside."""

    text: str
    code: bool
    line: int


@dataclass(frozen=True)
class Command:
    """One simple command of a shell block.

    Attributes:
        words: the program and its arguments without quotes; no redirections, no
            assignments before it.
        stdin: whether a pipe, a file or a here-document feeds it.
    """

    words: tuple[str, ...]
    stdin: bool

    def __str__(self) -> str:
        return shlex.join(self.words)


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Relative to the repository."""
        return str(self.path.relative_to(ROOT)) if self.path.is_relative_to(ROOT) else "page"

    @cached_property
    def _tokens(self) -> list[Token]:
        return _MARKDOWN.parse(self.text)

    def blocks(self) -> Iterator[Block]:
        """Fenced blocks, in lists and quotes, too."""
        for token in self._tokens:
            if token.type == "fence":
                yield Block(token.info.strip(), token.content, _line(token))

    def rows(self) -> Iterator[list[str]]:
        """The rows of tables below their heads: the text of each cell, as written."""
        row: list[str] = []
        for number, token in enumerate(self._tokens):
            if token.type == "tr_open":
                row = []
            elif token.type == "td_open":
                row.append(self._tokens[number + 1].content)
            elif token.type == "tr_close" and row:
                yield row

    def words(self) -> Iterator[Word]:
        """What prose and tables have in backticks or bold."""
        for inline in self._inlines():
            children = inline.children or []
            for number, child in enumerate(children):
                if child.type == "code_inline":
                    yield Word(child.content, True, _line(inline))
                elif child.type == "strong_open" and children[number + 2].type == "strong_close":
                    inside = children[number + 1]
                    if inside.type == "text":
                        yield Word(inside.content, False, _line(inline))

    def links(self) -> Iterator[tuple[str, int]]:
        """Targets of links and images as written, and their lines."""
        for inline in self._inlines():
            for child in inline.children or []:
                target = child.attrGet("href") or child.attrGet("src")
                if target is not None:
                    yield str(target), _line(inline)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What GitHub gives each heading as its anchor."""
        found: dict[str, int] = {}
        anchors = set()
        for number, token in enumerate(self._tokens):
            if token.type == "heading_open":
                slug = _slug(self._tokens[number + 1])
                times = found.get(slug, 0)
                found[slug] = times + 1
                anchors.add(f"{slug}-{times}" if times else slug)
        return frozenset(anchors)

    def _inlines(self) -> Iterator[Token]:
        line: list[int] | None = None
        for token in self._tokens:
            line = token.map or line
            if token.type == "inline":
                token.map = token.map or line
                yield token


def keys(name: str) -> set[str]:
    """Keys with dots, as a file of DATA lists them."""
    lines = (DATA / name).read_text("utf-8").splitlines()
    return {line for line in lines if not line.startswith("#")}


@cache
def other_terms() -> dict[str, str]:
    """Words that look like names or files of ours, and what they are."""
    return dict(yaml.safe_load((DATA / "other_terms.yaml").read_text("utf-8")))


def page(path: Path) -> Page:
    """The page in a file."""
    return Page(path, path.read_text("utf-8"))


@cache
def pages() -> tuple[Page, ...]:
    """Every document of the repository."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")]
    assert len(paths) > 10
    return tuple(page(path) for path in sorted(paths))


def commands(script: str) -> list[Command]:
    """The simple commands of a shell script, in its order, those in $(…) included.

    Raises:
        ValueError: it is no shell.
    """
    root = _SHELL.parse(script.encode()).root_node
    if root.has_error:
        raise ValueError(f"this is no shell script: {script}")
    return list(_commands(root, stdin=False))


def _commands(node: Node, *, stdin: bool) -> Iterator[Command]:
    if node.type == "command":
        words = [
            word
            for child in node.named_children
            if not child.type.endswith(("redirect", "assignment"))
            for word in shlex.split(_text(child))
        ]
        if words[:1] == ["sudo"]:
            del words[0]
        if words:
            yield Command(tuple(words), stdin)
        for child in node.named_children:
            yield from _commands(child, stdin=False)
    elif node.type == "pipeline":
        for number, child in enumerate(node.named_children):
            yield from _commands(child, stdin=number > 0)
    elif node.type == "list":
        # What is redirected behind a list is its last command.
        for child in node.named_children:
            yield from _commands(child, stdin=stdin and child == node.named_children[-1])
    elif node.type == "redirected_statement":
        kinds = [_text(child)[:1] for child in node.named_children[1:]]
        for child in node.named_children:
            yield from _commands(child, stdin=stdin or "<" in kinds)
    else:
        for child in node.named_children:
            yield from _commands(child, stdin=stdin)


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0


def _slug(inline: Token) -> str:
    text = "".join(child.content for child in inline.children or [])
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
