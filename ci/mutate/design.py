# SPDX-License-Identifier: Apache-2.0
"""A design as slang sees it: syntax trees to walk, and what elaboration says of each expression.

Where a parameter makes instances of a module differ, the first instance speaks for all.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pyslang import Bag, SourceManager, ast, syntax

#: Of the source file and of the first and last character of an expression.
Span = tuple[Path, int, int]
#: Width and whether signed; the name of a type that is no vector.
Seen: TypeAlias = "tuple[int, bool] | str"


class DesignError(RuntimeError):
    """Sources that do not elaborate; the text holds slang's errors."""

    def __init__(self, errors: list[tuple[Path, int, str]]) -> None:
        """Keep the errors: file, offset in characters, text."""
        self.errors = errors
        super().__init__("\n".join(f"{path}: {text}" for path, _, text in errors))


@dataclasses.dataclass(frozen=True)
class Fact:
    """What elaboration says of an expression.

    ``type`` is its type; ``seen`` the width and sign that its surroundings see; ``base`` the lowest
    and highest index of the vector or array from which it selects; ``constant`` its value as text
    when it has one at elaboration; ``refers`` the kind of what a name refers to; ``siblings`` the
    names of an enumeration, if the name is one of them.
    """

    type: str
    seen: Seen
    width: int
    integral: bool
    enum: bool
    constant: str | None
    base: tuple[int, int] | None
    refers: str
    siblings: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Choice:
    """A choice between a defect and what it replaces: its type; whether both are one constant."""

    seen: Seen
    same: bool


class Design:
    """Elaborated sources."""

    def __init__(
        self,
        sources: Iterable[Path],
        top: str,
        parameters: Mapping[str, int | str] | None = None,
        texts: Mapping[Path, str] | None = None,
    ) -> None:
        """Elaborate files, or the given texts in their place. Raises DesignError."""
        self._manager = SourceManager()
        options = ast.CompilationOptions()
        options.topModules = {top}
        options.paramOverrides = [f"{name}={value}" for name, value in (parameters or {}).items()]
        self._compilation = ast.Compilation(Bag([options]))
        self.trees: dict[Path, Any] = {}
        self.texts: dict[Path, str] = {}
        self._paths: dict[int, Path] = {}
        for source in sources:
            # Latin-1: slang counts bytes, we count characters.
            text = texts[source] if texts else source.read_text(encoding="latin-1")
            tree = syntax.SyntaxTree.fromText(text, self._manager, source.name, str(source))
            self._compilation.addSyntaxTree(tree)
            self.trees[source] = tree.root
            self.texts[source] = text
            self._paths[tree.root.sourceRange.start.buffer.id] = source
        self._check()
        self._seen: dict[Span, Seen] = {}
        self.facts: dict[Span, Fact] = {}
        self.choices: dict[int, Choice] = {}
        root = self._compilation.getRoot()
        self._evaluation = ast.EvalContext(root)
        root.visit(self._note)

    def _check(self) -> None:
        errors = []
        for diagnostic in self._compilation.getAllDiagnostics():
            if diagnostic.isError():
                where = diagnostic.location
                path = self._paths.get(where.buffer.id, Path("?"))
                line = self._manager.getLineNumber(where)
                text = f"line {line}: {diagnostic.code} {list(diagnostic.args)}"
                errors.append((path, where.offset, text))
        if errors:
            raise DesignError(errors)

    def span(self, node: Any) -> Span | None:
        """Return where a node stands, if that is in one of the sources and not in a macro."""
        extent = node.sourceRange
        path = self._paths.get(extent.start.buffer.id)
        if path is None or self._paths.get(extent.end.buffer.id) != path:
            return None
        return path, extent.start.offset, extent.end.offset

    def fact(self, node: Any) -> Fact | None:
        """Return what elaboration says of a syntax node; None if no instance has it."""
        span = self.span(node)
        return self.facts.get(span) if span else None

    def line(self, path: Path, offset: int) -> int:
        """Return the line number of an offset."""
        return self.texts[path].count("\n", 0, offset) + 1

    def _note(self, node: Any) -> Any:
        if isinstance(node, ast.GenerateBlockSymbol) and node.isUninstantiated:
            return ast.VisitAction.Skip
        if not isinstance(node, ast.Expression):
            return ast.VisitAction.Advance
        span = self.span(node)
        if span is not None and span not in self.facts:
            # A conversion stands where its operand does, and comes first.
            seen = self._seen.setdefault(span, _seen(node))
            if node.kind != ast.ExpressionKind.Conversion:
                self.facts[span] = _fact(node, seen, self._value(node))
                if isinstance(node, ast.ConditionalExpression):
                    self._note_choice(node, seen, self.texts[span[0]][span[1] : span[1] + 40])
        return ast.VisitAction.Advance

    def _value(self, node: Any) -> str | None:
        """Return the value of an expression that elaboration knows, as text."""
        value = node.eval(self._evaluation)
        return str(value) if value else None

    def _note_choice(self, node: Any, seen: Seen, text: str) -> None:
        match = re.match(r"\(sp_mutant_pkg::id == (\d+)\)", text)
        if match is not None:
            left = self._value(node.left)
            same = left is not None and left == self._value(node.right)
            self.choices.setdefault(int(match[1]), Choice(seen, same))


def _seen(node: Any) -> Seen:
    kind = node.type.canonicalType
    if kind.isIntegral:
        return kind.bitWidth, kind.isSigned
    return str(node.type)


def _fact(node: Any, seen: Seen, constant: str | None) -> Fact:
    kind = node.type.canonicalType
    base = None
    if isinstance(node, (ast.ElementSelectExpression, ast.RangeSelectExpression)):
        whole = node.value.type.canonicalType
        if whole.hasFixedRange:
            base = (whole.fixedRange.lower, whole.fixedRange.upper)
    symbol = node.getSymbolReference() if node.kind == ast.ExpressionKind.NamedValue else None
    siblings: tuple[str, ...] = ()
    if symbol is not None and symbol.kind == ast.SymbolKind.EnumValue:
        siblings = tuple(str(value.name) for value in symbol.type.canonicalType)
    return Fact(
        type=str(node.type),
        seen=seen,
        width=kind.bitWidth if kind.isIntegral else 0,
        integral=kind.isIntegral,
        enum=kind.isEnum,
        constant=constant,
        base=base,
        refers=symbol.kind.name if symbol is not None else "",
        siblings=siblings,
    )
