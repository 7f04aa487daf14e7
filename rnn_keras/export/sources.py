"""Definitions of this project put together in one file of source, with all that they use and without its imports."""

import ast
import dataclasses
import functools
import importlib.util
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

PROJECT = "rnn_keras"
# Modules that a file of source imports at its top. Others, which may be missing, are imported by the functions that
# use them.
ALWAYS = frozenset({*sys.stdlib_module_names, "numpy"})

LINE_LENGTH = 120

Statement = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


@dataclasses.dataclass(frozen=True)
class Definition:
    """A name at the top of a module: a function, a class or a constant."""

    module: str
    name: str


@dataclasses.dataclass(frozen=True)
class Import:
    """`import module`, or `from module import attribute`, bound to a name."""

    module: str
    attribute: str | None
    bound: str

    def __str__(self) -> str:
        name = self.attribute or self.module
        renamed = "" if self.bound == (self.attribute or self.module.partition(".")[0]) else f" as {self.bound}"
        return f"from {self.module} import {name}{renamed}" if self.attribute else f"import {name}{renamed}"


@dataclasses.dataclass(frozen=True)
class Source:
    """A definition's own source, and what it needs.

    Attributes:
        text: its lines, with the comment above them.
        needed: the definitions of this project that it uses, by the names that it has for them.
        imports: of other modules.
    """

    definition: Definition
    text: str
    needed: Mapping[str, Definition]
    imports: frozenset[Import]


@dataclasses.dataclass(frozen=True)
class Module:
    """A module's source, without running it."""

    name: str
    lines: Sequence[str]
    statements: Mapping[str, Statement]
    own_imports: Mapping[str, Definition]
    other_imports: Mapping[str, Import]


def collect_sources(
    start: Definition,
    *,
    replaced: Mapping[Definition, Definition],
    values: Mapping[Definition, str],
    imported: Mapping[tuple[str, str], Definition],
) -> list[Source]:
    """A definition and all of this project that it uses; what is used comes first.

    Args:
        start: the definition.
        replaced: definitions that stand for others.
        values: the source of constants, in place of their own.
        imported: what names in a module mean, beside its own imports: `(module, name)`.
    """
    sources: dict[Definition, Source] = {}

    def visit(definition: Definition) -> None:
        if definition in sources:
            return
        module = read_module(definition.module)
        more = {name: target for (where, name), target in imported.items() if where == module.name}
        source = read_source(module, definition.name, more, values.get(definition))
        needed = {name: replaced.get(target, target) for name, target in source.needed.items()}
        sources[definition] = dataclasses.replace(source, needed=needed)
        for target in needed.values():
            visit(target)

    visit(start)
    order = list(dict.fromkeys(order_modules(start.module, sources.values())))
    places = {name: list(read_module(name).statements) for name in order}
    return sorted(
        sources.values(),
        key=lambda source: (
            order.index(source.definition.module),
            places[source.definition.module].index(source.definition.name),
        ),
    )


def order_modules(start: str, sources: Iterable[Source]) -> Iterator[str]:
    """The modules of the sources, each after those that it uses."""
    uses: dict[str, dict[str, None]] = {}
    for source in sources:
        uses.setdefault(source.definition.module, {})
        for target in source.needed.values():
            uses[source.definition.module][target.module] = None
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name not in done:
            done.add(name)
            for other in uses[name]:
                yield from visit(other)
            yield name

    yield from visit(start)


@functools.cache
def read_module(name: str) -> Module:
    """The statements and imports at the top of a module.

    Raises:
        ValueError: its source is not there.
    """
    spec = importlib.util.find_spec(name)
    get_source = getattr(spec.loader, "get_source", None) if spec else None
    text = get_source(name) if get_source else None
    if text is None:
        raise ValueError(f"the source of {name} is not installed")
    statements: dict[str, Statement] = {}
    own: dict[str, Definition] = {}
    other: dict[str, Import] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            statements[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
            statements |= dict.fromkeys(names, node)
        else:
            read_import(node, own, other)
    return Module(name, text.splitlines(), statements, own, other)


def read_import(node: ast.stmt, own: dict[str, Definition], other: dict[str, Import]) -> None:
    """Takes down what an import statement binds, this project's and others'."""
    if isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            if node.module.partition(".")[0] == PROJECT:
                own[alias.asname or alias.name] = Definition(node.module, alias.name)
            else:
                bound = alias.asname or alias.name
                other[bound] = Import(node.module, alias.name, bound)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            other[bound] = Import(alias.name, None, bound)


def read_source(module: Module, name: str, more: Mapping[str, Definition], value: str | None) -> Source:
    """One definition; `more` and `value`: see `collect_sources`."""
    statement = module.statements[name]
    own, lines = dict(module.own_imports) | dict(more), cut_lines(module, statement)
    if value is not None:
        statement, lines = ast.parse(value).body[0], [value]
    dropped: set[int] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == PROJECT:
            read_import(node, own, {})
            dropped |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    if dropped:
        first = (statement.end_lineno or 0) - len(lines) + 1
        lines = [line for number, line in enumerate(lines, first) if number not in dropped]
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    needed = {one: Definition(module.name, one) for one in names & module.statements.keys() if one != name}
    needed |= {one: own[one] for one in names & own.keys()}
    imports = {module.other_imports[one] for one in names & module.other_imports.keys()}
    optional = {one for one in imports if one.module.partition(".")[0] not in ALWAYS}
    if optional:
        run_names = {node.id for node in walk_without_annotations(statement) if isinstance(node, ast.Name)}
        lines = insert_imports(statement, lines, [one for one in optional if one.bound in run_names])
    text = re.sub(r"\n\n\n+", "\n\n", shorten_docstrings("\n".join(lines)))
    text = re.sub(r"  # pyright: ignore\[\w+\]", "", text)
    return Source(Definition(module.name, name), text, needed, frozenset(imports - optional))


def cut_lines(module: Module, statement: Statement) -> list[str]:
    """The lines of a statement, its decorators and the comment above it included."""
    decorators = [] if isinstance(statement, ast.Assign | ast.AnnAssign) else statement.decorator_list
    start = min([statement.lineno, *(one.lineno for one in decorators)]) - 1
    while start and module.lines[start - 1].startswith("#"):
        start -= 1
    return list(module.lines[start : statement.end_lineno])


def shorten_docstrings(text: str) -> str:
    """The source with the first paragraph of each docstring alone."""
    lines: list[str | None] = list(text.split("\n"))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (docstring := ast.get_docstring(node, clean=False)):
            place = node.body[0].lineno - 1
            paragraph = docstring.partition("\n\n")[0].rstrip()
            if paragraph != docstring.rstrip():
                last = place + paragraph.count("\n")
                end = (
                    '"""' if len(lines[last] or "") <= LINE_LENGTH - 3 else "\n" + " " * node.body[0].col_offset + '"""'
                )
                lines[last] = f"{lines[last]}{end}"
                lines[last + 1 : node.body[0].end_lineno] = [None] * ((node.body[0].end_lineno or 0) - last - 1)
    return "\n".join(line for line in lines if line is not None)


def walk_without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a statement but those that say types."""
    yield node
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from walk_without_annotations(child)


def insert_imports(statement: ast.stmt, lines: list[str], imports: Sequence[Import]) -> list[str]:
    """The lines of a function with imports at the beginning of its body."""
    if not imports:
        return lines
    if not isinstance(statement, ast.FunctionDef):
        raise ValueError(f"{ast.unparse(statement)[:60]} needs {imports[0].module}; let a function import it")
    first = (statement.end_lineno or 0) - len(lines) + 1
    has_docstring = ast.get_docstring(statement) is not None
    body = statement.body[0]
    place = ((body.end_lineno or 0) + 1 if has_docstring else body.lineno) - first
    added = [" " * body.col_offset + str(one) for one in sorted(imports, key=str)]
    return [*lines[:place], *added, "", *lines[place:]]


def join_sources(sources: Sequence[Source]) -> str:
    """One file of source: the imports, then the definitions; of two with one name, the second gets its module's too.

    Raises:
        ValueError: two modules import different things by one name.
    """
    names: dict[Definition, str] = {}
    imports = {one.bound: one for source in sources for one in source.imports}
    if clashes := {one for source in sources for one in source.imports} - set(imports.values()):
        raise ValueError(f"different imports by one name: {', '.join(map(str, clashes))}")
    for source in sources:
        name, module = source.definition.name, source.definition.module.rpartition(".")[2]
        is_taken = name in names.values() or name in imports
        names[source.definition] = f"{name}_of_{module}" if is_taken else name
    blocks: list[str] = []
    module, written = "", set[str]()
    for source in sources:
        renamed = {name: names[target] for name, target in source.needed.items() if names[target] != name}
        renamed |= {source.definition.name: names[source.definition]}
        text = rename(source.text, {old: new for old, new in renamed.items() if old != new})
        if text in written:
            continue  # one statement that binds two names
        written.add(text)
        if source.definition.module != module:
            module = source.definition.module
            gap = "\n\n\n" if text.startswith(("def ", "class ", "@")) else "\n\n"
            text = f"# From {module}.{gap}{text}"
        blocks.append(text)
    return f"{write_imports(imports.values())}\n\n\n" + join_blocks(blocks)


def join_blocks(blocks: Sequence[str]) -> str:
    """Definitions with the empty lines between them that are usual."""
    text = blocks[0]
    for before, block in itertools.pairwise(blocks):
        are_constants = not re.search(r"^(?:@|def |class )", before + "\n" + block, re.MULTILINE)
        text += ("\n" if are_constants else "\n\n\n") + block
    return text


def write_imports(imports: Iterable[Import]) -> str:
    """The import statements, the standard library's first."""
    plain: dict[bool, list[str]] = {True: [], False: []}
    others: dict[bool, dict[str, list[str]]] = {True: {}, False: {}}
    for one in sorted(imports, key=str):
        is_standard = one.module.partition(".")[0] in sys.stdlib_module_names
        if one.attribute is None:
            plain[is_standard].append(str(one))
        else:
            others[is_standard].setdefault(f"from {one.module} import ", []).append(str(one).partition(" import ")[2])
    groups = ["from __future__ import annotations"]
    for kind in (True, False):
        lines = [*plain[kind], *(module + ", ".join(names) for module, names in others[kind].items())]
        groups.append("\n".join(lines))
    return "\n\n".join(filter(None, groups))


def rename(text: str, names: Mapping[str, str]) -> str:
    """The source with names in place of others, as variables and where they are defined."""
    if not names:
        return text
    lines = [line.encode() for line in text.split("\n")]
    places: set[tuple[int, int, str]] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and node.id in names:
            places.add((node.lineno - 1, node.col_offset, node.id))
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names and not node.col_offset:
            line = lines[node.lineno - 1].decode()
            places.add((node.lineno - 1, len(line[: line.index(node.name)].encode()), node.name))
    for number, column, old in sorted(places, reverse=True):
        line = lines[number]
        lines[number] = line[:column] + names[old].encode() + line[column + len(old.encode()) :]
    return "\n".join(line.decode() for line in lines)
