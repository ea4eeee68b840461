"""Which names of TensorRT's Python interface the sources use; collected from their syntax trees.

Three ways of use are understood: ``trt.A.B`` (and ``x.trt.A.B``), a class imported for a type
annotation, and an attribute of a variable that is so annotated. What stands under ``if hasattr``
is optional.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MODULE_NAMES = {"trt", "_trt"}


@dataclass
class Used:
    """Dotted names below the module, such as ``Builder.create_network``."""

    always: set[str] = field(default_factory=set)
    optional: set[str] = field(default_factory=set)
    untyped: set[str] = field(default_factory=set)  # variables whose use cannot be followed


def names_used(folders: list[Path]) -> Used:
    used = Used()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "trt" not in text and "tensorrt" not in text:
                continue
            tree = ast.parse(text)
            classes = imported_classes(tree)
            used.always |= classes
            for function in functions(tree):
                collect(function, classes, annotated_members(tree, classes), used)
    return used


def imported_classes(tree: ast.Module) -> set[str]:
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "tensorrt"
        for alias in node.names
    }


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def annotated_members(tree: ast.Module, classes: set[str]) -> dict[str, str]:
    """``self.x: Class`` anywhere in a file."""
    return {
        told: found
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign)
        if (told := ".".join(dotted(node.target))).startswith("self.")
        if (found := annotated(node.annotation, classes)) is not None
    }


def annotated(annotation: ast.expr | None, classes: set[str]) -> str | None:
    """The class in ``Class`` or ``Class | None``."""
    if isinstance(annotation, ast.BinOp):
        return annotated(annotation.left, classes)
    return annotation.id if isinstance(annotation, ast.Name) and annotation.id in classes else None


def collect(
    function: ast.FunctionDef, classes: set[str], members: Mapping[str, str], used: Used
) -> None:
    known = {**members, **known_variables(function, classes)}
    optional = {
        id(inner)
        for node in ast.walk(function)
        if isinstance(node, ast.If) and "hasattr" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            name = below_module(dotted(node), known)
            if name:
                (used.optional if id(node) in optional else used.always).add(name)
    used.untyped |= {f"{function.name}: {name}" for name in untyped(function, known)}


def untyped(function: ast.FunctionDef, known: Mapping[str, str]) -> set[str]:
    """Variables that hold what TensorRT returned, whose attributes are used, without a type."""
    results = {
        node.targets[0].id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and below_module(dotted(node.value.func), known)
    }
    looked_into = {
        node.value.id
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return (results & looked_into) - set(known)


def known_variables(function: ast.FunctionDef, classes: set[str]) -> dict[str, str]:
    """Variable -> the dotted name it stands for: its class, or what it was set to."""
    known: dict[str, str] = {}
    for argument in (*function.args.args, *function.args.kwonlyargs):
        found = annotated(argument.annotation, classes)
        if found is not None:
            known[argument.arg] = found
    for node in ast.walk(function):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found = annotated(node.annotation, classes)
            if found is not None:
                known[node.target.id] = found
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
            (target, *_), name = node.targets, below_module(dotted(node.value), {})
            if isinstance(target, ast.Name) and name:
                known[target.id] = name
    return known


def dotted(node: ast.expr) -> list[str]:
    """``a.b.c`` as its parts; [] for what is not only names."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return [*before, node.attr] if before else []
    return []


def below_module(parts: list[str], known: Mapping[str, str]) -> str:
    """What a dotted name is below the module; empty when it is nothing of TensorRT's."""
    for position, part in enumerate(parts):
        if part in MODULE_NAMES:
            return ".".join(parts[position + 1 :])
    for length in (2, 1):
        head = ".".join(parts[:length])
        if head in known and len(parts) > length:
            return ".".join((known[head], *parts[length:]))
    return ""
