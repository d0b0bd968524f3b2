# SPDX-License-Identifier: Apache-2.0
"""Where a defect can be made, and which: a walk over the syntax tree of one file.

Only what runs is changed: expressions and statements of processes, functions, continuous
assignments and port connections. What must be constant at elaboration (parameters, dimensions,
loop headers, sizes of casts, replications) and assertions stay as they are, and so do targets of
assignments, but for the index of a register that is written.

A defect never reads a signal that its expression did not read before, so that no combinational
loop appears.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyslang import syntax

from switchproof.ci.mutate.design import Design, Fact

K = syntax.SyntaxKind

#: Operators and what a defect makes of them. Widths of the results are the same.
SWAPS = {
    K.AddExpression: ("arithmetic", "-"),
    K.SubtractExpression: ("arithmetic", "+"),
    K.BinaryAndExpression: ("bitwise", "|"),
    K.BinaryOrExpression: ("bitwise", "&"),
    K.BinaryXorExpression: ("bitwise", "|"),
    K.LogicalAndExpression: ("logical", "||"),
    K.LogicalOrExpression: ("logical", "&&"),
    K.EqualityExpression: ("relational", "!="),
    K.InequalityExpression: ("relational", "=="),
    K.LessThanExpression: ("relational", "<="),
    K.LessThanEqualExpression: ("relational", "<"),
    K.GreaterThanExpression: ("relational", ">="),
    K.GreaterThanEqualExpression: ("relational", ">"),
    K.LogicalShiftLeftExpression: ("shift", ">>"),
    K.LogicalShiftRightExpression: ("shift", "<<"),
}
#: Operators of which one side can go.
TERMS = {
    K.BinaryAndExpression,
    K.BinaryOrExpression,
    K.BinaryXorExpression,
    K.LogicalAndExpression,
    K.LogicalOrExpression,
}
#: Assignments with an operator: the operator is forgotten.
COMPOUND = {
    K.AndAssignmentExpression,
    K.OrAssignmentExpression,
    K.XorAssignmentExpression,
    K.AddAssignmentExpression,
    K.SubtractAssignmentExpression,
}
ASSIGNMENTS = {K.AssignmentExpression, K.NonblockingAssignmentExpression, *COMPOUND}
SELECTS = {K.IdentifierSelectName, K.ElementSelectExpression}


@dataclasses.dataclass(frozen=True)
class Point:
    """A defect that can be made: what stands between two offsets of a file becomes another.

    ``statement`` says that a whole statement is replaced, else it is an expression.
    """

    path: Path
    start: int
    end: int
    operator: str
    after: str
    statement: bool = False


@dataclasses.dataclass(frozen=True)
class _Place:
    """What surrounds a piece of code: kind of process, reset branch, loop variables, targets.

    ``given`` holds the targets that were assigned before on every way to this place.
    """

    process: str
    reset: bool = False
    loops: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    port: bool = False


def find(design: Design, path: Path) -> list[Point]:
    """Return all defects that can be made in one file, in the order of the text."""
    walker = _Walker(design, path)
    found = list(dict.fromkeys(walker.members(design.trees[path])))
    found.sort(key=lambda point: (point.start, point.end, point.operator, point.after))
    return found


def _nodes(node: Any) -> Iterator[Any]:
    return (child for child in node if isinstance(child, syntax.SyntaxNode))


def _below(node: Any) -> Iterator[Any]:
    yield node
    for child in _nodes(node):
        yield from _below(child)


class _Walker:
    def __init__(self, design: Design, path: Path) -> None:
        self.design = design
        self.path = path
        self.text = design.texts[path]
        # What synthesis does not see is there for checks.
        self.checks = [
            match.span()
            for match in re.finditer(r"`ifndef SYNTHESIS\b.*?`endif", self.text, re.DOTALL)
        ]
        self.constant_functions = self._constant_functions()

    # ------------------------------------------------------------------------------ helpers

    def source(self, node: Any) -> str:
        span = self.design.span(node)
        return self.text[span[1] : span[2]] if span else ""

    def operand(self, node: Any) -> str:
        """Return the text of an operand, in brackets where another operator could tear it."""
        text = self.source(node)
        loose = node.kind in SWAPS or node.kind == K.ConditionalExpression
        return f"({text})" if loose else text

    def fact(self, node: Any) -> Fact | None:
        return self.design.fact(node)

    def point(self, node: Any, operator: str, after: str, statement: bool = False) -> list[Point]:
        """Return the defect as a list of one, or an empty list where none may be made."""
        span = self.design.span(node)
        if span is None:
            return []
        _, start, end = span
        if any(low <= start < high for low, high in self.checks):
            return []
        if not statement and self.fact(node) is None:
            return []  # in a branch of a generate that no instance has
        if self.text[start:end] == after:
            return []
        return [Point(self.path, start, end, operator, after, statement)]

    def _constant_functions(self) -> set[str]:
        """Return functions that a parameter or dimension calls: they run at elaboration."""
        calls: dict[str, set[str]] = {}
        constant: set[str] = set()
        for tree in self.design.trees.values():
            for node in _below(tree):
                if node.kind == K.FunctionDeclaration:
                    name = str(node.prototype.name).strip().split("::")[-1]
                    calls.setdefault(name, set()).update(_called(node))
                elif node.kind in (K.ParameterDeclaration, K.RangeDimensionSpecifier):
                    constant |= _called(node)
                elif node.kind in (K.ParameterValueAssignment, K.IfGenerate, K.LoopGenerate):
                    heads = [node.condition] if node.kind == K.IfGenerate else []
                    heads += [node.stopExpr] if node.kind == K.LoopGenerate else []
                    heads += [node] if node.kind == K.ParameterValueAssignment else []
                    for head in heads:
                        constant |= _called(head)
        while True:
            more = set().union(*(calls.get(name, set()) for name in constant)) - constant
            if not more:
                return constant
            constant |= more

    # ------------------------------------------------------------------------------ members

    def members(self, node: Any) -> Iterator[Point]:
        """Walk modules, packages, generate constructs."""
        for child in _nodes(node):
            kind = child.kind
            if kind in (K.AlwaysFFBlock, K.AlwaysCombBlock):
                process = "ff" if kind == K.AlwaysFFBlock else "comb"
                yield from self.statement(child.statement, _Place(process))
            elif kind == K.ContinuousAssign:
                for assignment in _nodes(child.assignments):
                    yield from self.assignment(assignment, _Place("assign"))
            elif kind == K.FunctionDeclaration:
                name = str(child.prototype.name).strip().split("::")[-1]
                if name not in self.constant_functions:
                    yield from self.block(child.items, _Place("function"))
            elif kind == K.HierarchyInstantiation:
                for node_below in _below(child):
                    if node_below.kind == K.NamedPortConnection and node_below.expr is not None:
                        yield from self.expression(node_below.expr, _Place("port", port=True))
            elif kind not in (K.ModuleHeader, K.ParameterDeclarationStatement, K.DataDeclaration):
                yield from self.members(child)

    # --------------------------------------------------------------------------- statements

    def block(self, items: Any, place: _Place) -> Iterator[Point]:
        """Walk statements in a row; what one assigns is given for those behind it."""
        for item in _nodes(items):
            if item.kind == K.DataDeclaration:
                for node in _below(item):
                    if node.kind == K.EqualsValueClause:
                        yield from self.expression(node.expr, place)
                continue
            yield from self.statement(item, place)
            place = dataclasses.replace(place, given=place.given | self.assigned(item))

    def assigned(self, node: Any) -> frozenset[str]:
        """Return the targets that a statement assigns on every way through it."""
        if node.kind == K.ExpressionStatement and node.expr.kind in ASSIGNMENTS:
            return frozenset([self.source(node.expr.left)])
        if node.kind == K.SequentialBlockStatement:
            return frozenset().union(*(self.assigned(item) for item in _nodes(node.items)))
        if node.kind == K.ForLoopStatement:
            return self.assigned(node.statement)
        return frozenset()

    def statement(self, node: Any, place: _Place) -> Iterator[Point]:
        """Walk a statement."""
        kind = node.kind
        if kind == K.TimingControlStatement:
            yield from self.statement(node.statement, place)
        elif kind == K.SequentialBlockStatement:
            yield from self.block(node.items, place)
        elif kind == K.ConditionalStatement:
            yield from self.conditional(node, place)
        elif kind == K.ForLoopStatement:
            header = " ".join(self.source(part) for part in _nodes(node.initializers))
            names = re.findall(r"(\w+)\s*=", header)
            inside = dataclasses.replace(place, loops=place.loops | set(names))
            yield from self.statement(node.statement, inside)
        elif kind == K.CaseStatement:
            yield from self.case(node, place)
        elif kind == K.ReturnStatement:
            if node.returnValue is not None:
                yield from self.expression(node.returnValue, place)
        elif kind == K.ExpressionStatement and node.expr.kind in ASSIGNMENTS:
            yield from self.dropped(node, place)
            yield from self.assignment(node.expr, place)

    def conditional(self, node: Any, place: _Place) -> Iterator[Point]:
        """Walk an if; the test of the reset is not changed, since nothing would be left to run."""
        reset = place.process == "ff" and re.fullmatch(r"!\s*rst_ni", self.source(node.predicate))
        if reset:
            inside = dataclasses.replace(place, reset=True)
            yield from self.statement(node.statement, inside)
        else:
            yield from self.predicate(node.predicate, place)
            yield from self.statement(node.statement, place)
        if node.elseClause is not None:
            yield from self.statement(node.elseClause.clause, place)

    def predicate(self, node: Any, place: _Place) -> Iterator[Point]:
        """Walk the condition of an if or of a ?: operator."""
        for pattern in _nodes(node.conditions):
            test = pattern.expr
            inner = _bare(test)
            if inner.kind not in (
                K.EqualityExpression,
                K.InequalityExpression,
                K.UnaryLogicalNotExpression,
            ):
                yield from self.point(test, "condition", f"!({self.source(test)})")
            fact = self.fact(test) or self.fact(inner)
            if fact is None or fact.constant is None:
                yield from self.point(test, "condition", "1'b1")
                yield from self.point(test, "condition", "1'b0")
            yield from self.expression(test, place)

    def case(self, node: Any, place: _Place) -> Iterator[Point]:
        """Walk a case; a defect gives an item the body of another."""
        yield from self.expression(node.expr, place)
        items = list(_nodes(node.items))
        bodies = [item.clause for item in items]
        for i, body in enumerate(bodies):
            yield from self.statement(body, place)
            other = self.source(bodies[(i + 1) % len(bodies)])
            if place.process != "comb" or other != self.source(body):
                yield from self.point(body, "case", other, statement=True)

    def dropped(self, node: Any, place: _Place) -> Iterator[Point]:
        """A lost assignment; where that would make a latch, only one that overrides another."""
        target = self.source(node.expr.left)
        if target.startswith("unused"):
            return
        base = re.split(r"[\[.]", target)[0].strip()
        if place.process == "ff" or target in place.given or base in place.given:
            operator = "reset" if place.reset else "lost"
            yield from self.point(node, operator, "begin end", statement=True)
        if node.expr.kind in COMPOUND:
            after = f"{target} = {self.source(node.expr.right)};"
            yield from self.point(node, "lost", after, statement=True)

    def assignment(self, node: Any, place: _Place) -> Iterator[Point]:
        """Walk an assignment; a defect makes what is assigned stick."""
        if self.source(node.left).startswith("unused"):
            return
        target = self.fact(node.left)
        value = _bare(node.right)
        patterns = any(part.kind == K.AssignmentPatternExpression for part in _below(value))
        literal = value.kind in (
            K.IntegerLiteralExpression,
            K.IntegerVectorExpression,
            K.UnbasedUnsizedLiteralExpression,
        )
        compound = node.kind in COMPOUND
        if target and target.integral and not (target.enum or patterns or literal or compound):
            yield from self.point(node.right, "stuck", "'0")
            if target.width == 1:
                yield from self.point(node.right, "stuck", "'1")
        if place.process == "ff" and not place.reset:
            for part in _below(node.left):
                if part.kind in SELECTS:
                    yield from self.indices(part, place)
        if place.reset:
            yield from (
                dataclasses.replace(point, operator="reset")
                for point in self.expression(node.right, place)
            )
        else:
            yield from self.expression(node.right, place)

    # -------------------------------------------------------------------------- expressions

    def expression(self, node: Any, place: _Place) -> Iterator[Point]:
        """Walk an expression whose value is used."""
        kind = node.kind
        if kind in SWAPS:
            yield from self.binary(node)
        if kind in (K.UnaryLogicalNotExpression, K.UnaryBitwiseNotExpression):
            yield from self.point(node, "negation", f"({self.source(node.operand)})")
        elif kind in (K.UnaryBitwiseAndExpression, K.UnaryBitwiseOrExpression):
            swapped = "|" if kind == K.UnaryBitwiseAndExpression else "&"
            yield from self.point(node, "bitwise", f"({swapped}{self.source(node.operand)})")
        elif kind in (
            K.IntegerLiteralExpression,
            K.IntegerVectorExpression,
            K.UnbasedUnsizedLiteralExpression,
        ):
            for after in other_literals(self.source(node)):
                yield from self.point(node, "constant", after)
        elif kind == K.IdentifierName:
            yield from self.name(node)

        if kind == K.ConditionalExpression:
            yield from self.predicate(node.predicate, place)
            yield from self.expression(node.left, place)
            yield from self.expression(node.right, place)
        elif kind == K.CastExpression:
            yield from self.expression(node.right, place)
        elif kind == K.MultipleConcatenationExpression:
            yield from self.expression(node.concatenation, place)
        elif kind == K.InvocationExpression:
            if self.source(node.left) in ("$countones", "$onehot", "$onehot0") or (
                not self.source(node.left).startswith("$")
            ):
                yield from self.expression(node.arguments, place)
        elif kind in SELECTS:
            yield from self.slices(node, node, place)
        elif kind in (K.ScopedName, K.MemberAccessExpression):
            selected = _last_select(node)
            if selected is not None:
                yield from self.slices(node, selected, place)
            for part in _below(node):
                if part.kind in SELECTS and part is not selected:
                    yield from self.indices(part, place)
        elif kind not in (K.NamedType, K.StreamingConcatenationExpression):
            for child in _nodes(node):
                yield from self.expression(child, place)

    def binary(self, node: Any) -> Iterator[Point]:
        """Another operator, or one side alone."""
        left, right = self.operand(node.left), self.operand(node.right)
        operator, other = SWAPS[node.kind]
        yield from self.point(node, operator, f"{left} {other} {right}")
        if node.kind == K.LessThanExpression or node.kind == K.GreaterThanEqualExpression:
            other = ">=" if node.kind == K.LessThanExpression else "<"
            yield from self.point(node, operator, f"{left} {other} {right}")
        if node.kind in TERMS:
            logical = node.kind in (K.LogicalAndExpression, K.LogicalOrExpression)
            for side in (node.left, node.right):
                fact = self.fact(_bare(side))
                if fact is None or (logical and fact.width != 1):
                    continue
                yield from self.point(node, "term", self.source(side))

    def name(self, node: Any) -> Iterator[Point]:
        """A parameter off by one, another value of an enumeration."""
        fact = self.fact(node)
        if fact is None or fact.constant is None or not fact.integral:
            return
        text = self.source(node)
        if fact.siblings:
            where = fact.siblings.index(text)
            for step in (1, len(fact.siblings) - 1):
                after = fact.siblings[(where + step) % len(fact.siblings)]
                yield from self.point(node, "constant", after)
        elif fact.refers == "Parameter" and re.match(r"int|logic", fact.type):
            genvar = re.search(rf"genvar\s+{text}\b", self.text)
            if not genvar and fact.width <= 32:
                one = "1" if fact.type == "int" else "1'b1"
                yield from self.point(node, "constant", f"({text} + {one})")
                yield from self.point(node, "constant", f"({text} - {one})")

    def slices(self, node: Any, select: Any, place: _Place) -> Iterator[Point]:
        """The last selection, when its bounds are constant, shifted by one; else the index."""
        selectors = _selectors(select)
        fact = self.fact(node)
        last = selectors[-1].selector if selectors else None
        if fact is not None and fact.base is not None and not place.port and last is not None:
            open_bracket = self.design.span(selectors[-1])
            start = self.design.span(node)
            assert open_bracket is not None and start is not None
            head = self.text[start[1] : open_bracket[1]]
            yield from self.shifted(node, head, last, fact.base, place)
        yield from self.indices(select, place)

    def shifted(
        self, node: Any, head: str, last: Any, base: tuple[int, int], place: _Place
    ) -> Iterator[Point]:
        """One selection with constant bounds, shifted down and up."""
        bounds = [last.expr] if last.kind == K.BitSelect else [last.left, last.right]
        if last.kind in (K.AscendingRangeSelect, K.DescendingRangeSelect):
            bounds = bounds[:1]
        values = [_number(self.fact(_bare(bound))) for bound in bounds]
        known = [value for value in values if value is not None]
        names = {self.source(part) for bound in bounds for part in _below(bound)}
        if len(known) != len(values) or names & place.loops or any(map(self._genvar, names)):
            return
        low, high = min(known), max(known)
        size = _number(self.fact(last.right)) if last.kind != K.BitSelect else 1
        if last.kind == K.AscendingRangeSelect:
            high = low + (size or 1) - 1
        elif last.kind == K.DescendingRangeSelect:
            low = high - (size or 1) + 1
        for step, fits in (("- 1", low > base[0]), ("+ 1", high < base[1])):
            if not fits:
                continue
            parts = [f"({self.source(bound)}) {step}" for bound in bounds]
            if last.kind == K.SimpleRangeSelect:
                inside = f"{parts[0]}:{parts[1]}"
            elif last.kind == K.BitSelect:
                inside = parts[0]
            else:
                inside = f"{parts[0]} {last.range.rawText} {self.source(last.right)}"
            yield from self.point(node, "slice", f"{head}[{inside}]")

    def _genvar(self, name: str) -> bool:
        return re.search(rf"genvar\s+{re.escape(name)}\b", self.text) is not None

    def indices(self, select: Any, place: _Place) -> Iterator[Point]:
        """The neighbour of what an index chooses, where the index is a signal."""
        for selector in _selectors(select):
            chosen = selector.selector
            if chosen is None or chosen.kind != K.BitSelect:
                continue
            index = chosen.expr
            fact = self.fact(_bare(index))
            names = {self.source(part) for part in _below(index)}
            if fact is None or fact.constant is not None or names & place.loops:
                continue
            if fact.width > 1:
                yield from self.point(index, "index", f"({self.source(index)}) + 1'b1")
            elif fact.width == 1:
                yield from self.point(index, "index", f"!({self.source(index)})")
            yield from self.expression(index, place)


def _called(node: Any) -> set[str]:
    return {
        str(part.left).strip().split("::")[-1]
        for part in _below(node)
        if part.kind == K.InvocationExpression
    }


def _bare(node: Any) -> Any:
    while node.kind == K.ParenthesizedExpression:
        node = node.expression
    return node


def _selectors(node: Any) -> list[Any]:
    if node.kind == K.ElementSelectExpression:
        return [node.select]
    return list(_nodes(node.selectors))


def _last_select(node: Any) -> Any:
    """Return the name with a selection that ends a name with dots, if it ends in one."""
    last = node.right if node.kind == K.ScopedName else None
    return last if last is not None and last.kind in SELECTS else None


def _number(fact: Fact | None) -> int | None:
    if fact is None or fact.constant is None:
        return None
    match = re.fullmatch(r"(-?\d+)|\d*'s?([bdh])([0-9a-f]+)", fact.constant.replace("_", ""))
    if match is None:
        return None
    if match[1] is not None:
        return int(match[1])
    return int(match[3], {"b": 2, "d": 10, "h": 16}[match[2]])


def other_literals(text: str) -> list[str]:
    """Return neighbours of a literal: one more and one less, of the same width.

    >>> other_literals("3'd7"), other_literals("1'b0"), other_literals("'0"), other_literals("4")
    (["3'd6"], ["1'b1"], ["'1"], ['5', '3'])
    """
    if text in ("'0", "'1"):
        return ["'1" if text == "'0" else "'0"]
    match = re.fullmatch(r"(\d+)'([bdhBDH])([0-9a-fA-F_]+)", text)
    if match is None:
        if not re.fullmatch(r"[0-9_]+", text):
            return []
        value = int(text)
        return [str(value + 1), *([str(value - 1)] if value else [])]
    width, base = int(match[1]), match[2].lower()
    radix, form = {"b": (2, "b"), "d": (10, "d"), "h": (16, "x")}[base]
    value = int(match[3].replace("_", ""), radix)
    values = [v for v in (value + 1, value - 1) if 0 <= v < 1 << width]
    return [f"{width}'{match[2]}{v:{form}}" for v in values]
