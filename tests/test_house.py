"""The floor plan and the sizes of the house, counted from the source with ast: `make lint` runs this.

Read are the packages of the product, never imported. A *room* is a direct child of a folder, module or package; an
*arrow* says that some module of one room imports some module of another, wherever the import stands.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("messages", "streamer", "decoder", "adapters", "training", "simulator", "emgtype")
# Outside the product, held to the same sizes.
COMPANIONS = ("benchmarks", "scripts", "clients/python/emgtype_client")
# folder: rooms, arrows between them
FLOOR_PLAN = {"adapters": (12, 14), "streamer": (10, 15), "training": (8, 16), "decoder": (7, 5)}
LINES_OF_A_MODULE = 300
LINES_OF_A_FUNCTION = 60
PARAMETERS = 6
# What measures or attacks a private part by itself has to import it: importer, and the room whose parts it may import.
BESIDE_ROOMS = {
    "benchmarks.key_clock": "adapters.keyboard",
    "benchmarks.live_parts": "emgtype.commands",
    "benchmarks.two_clocks": "streamer.arrival",
    "tests.fuzz.targets": "streamer.encoder",
}
# Every parameter of these is an argument or option that the user sees.
COMMAND_DECORATORS = ("command", "option", "argument", "group")


@cache
def modules() -> dict[str, Path]:
    """Return the modules of the product by dotted name; a package is its __init__."""
    return {dotted(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def dotted(path: Path) -> str:
    """Return the name under which a file is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(path: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> set[str]:
    """Return the modules of the product that a file imports, at its top or within a function."""
    targets: set[str] = set()
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import():
                targets |= {alias.name for alias in node.names}
            case ast.ImportFrom(module=str(module), level=0):
                names = {alias.name: f"{module}.{alias.name}" for alias in node.names}
                targets |= {full if full in modules() else module for full in names.values()}
    return targets & set(modules())


@cache
def graph() -> dict[str, set[str]]:
    """Return the imports of each module of the product."""
    return {module: imports(path) for module, path in modules().items()}


def room(folder: str, module: str) -> str | None:
    """Return the direct child of a folder in which a module lies; None outside the folder and for its __init__."""
    inside = module.startswith(f"{folder}.")
    return module.removeprefix(f"{folder}.").split(".")[0] if inside else None


def functions(path: Path) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """Yield each function of a file, and whether it is a method that gets self or cls."""
    for parent in ast.walk(tree(path)):
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                static = any(isinstance(name, ast.Name) and name.id == "staticmethod" for name in node.decorator_list)
                yield node, isinstance(parent, ast.ClassDef) and not static


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether click calls a function: it is decorated as a command, or with options of one."""
    names = [part for decorator in node.decorator_list for part in ast.walk(decorator)]
    attributes = {part.attr for part in names if isinstance(part, ast.Attribute)}
    return bool(attributes & set(COMMAND_DECORATORS))


def source_files() -> list[Path]:
    """Return every file that the size limits hold for: all but tests."""
    return [*modules().values(), *(path for folder in COMPANIONS for path in sorted((ROOT / folder).rglob("*.py")))]


def place(path: Path, line: int = 1) -> str:
    """Return file:line as editors open it."""
    return f"{path.relative_to(ROOT)}:{line}"


def refuse(violations: list[str]) -> None:
    """Fail with one line per violation."""
    if violations:
        pytest.fail("\n".join(violations), pytrace=False)


@pytest.mark.parametrize(("folder", "most_rooms", "most_arrows"), [(name, *most) for name, most in FLOOR_PLAN.items()])
def test_a_folder_has_few_rooms_and_few_arrows_between_them(folder: str, most_rooms: int, most_arrows: int) -> None:
    rooms = {room(folder, module) for module in modules()} - {None}
    pairs = {(room(folder, module), room(folder, target)) for module in graph() for target in graph()[module]}
    arrows = sorted(f"{start} -> {end}" for start, end in pairs if start and end and start != end)
    assert len(rooms) <= most_rooms, f"{folder} has {len(rooms)} rooms, at most {most_rooms}: {sorted(map(str, rooms))}"
    assert len(arrows) <= most_arrows, f"{folder} has {len(arrows)} arrows, at most {most_arrows}: {arrows}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(reversed(error.args[1]))}", pytrace=False)


def test_no_module_is_longer_than_a_sitting() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in source_files()}
    refuse(
        [
            f"{place(path)}: {lines} lines, at most {LINES_OF_A_MODULE}"
            for path, lines in lengths.items()
            if lines > LINES_OF_A_MODULE
        ]
    )


def test_no_function_is_longer_than_a_screen() -> None:
    """Counted from its `def` to its last line, the docstring included."""
    refuse(
        [
            f"{place(path, node.lineno)}: {node.name} has {lines} lines, at most {LINES_OF_A_FUNCTION}"
            for path in source_files()
            for node, _ in functions(path)
            if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LINES_OF_A_FUNCTION
        ]
    )


def test_no_function_but_a_command_has_many_parameters() -> None:
    refuse(
        [
            f"{place(path, node.lineno)}: {node.name} has {count} parameters, at most {PARAMETERS}"
            for path in source_files()
            for node, is_method in functions(path)
            if (count := parameters(node) - is_method) > PARAMETERS and not is_command(node)
        ]
    )


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the parameters of a function, *args and **kwargs among them."""
    given = node.args
    starred = [argument for argument in (given.vararg, given.kwarg) if argument]
    return len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs) + len(starred)


def test_a_module_with_an_underscore_is_imported_from_its_own_room_alone() -> None:
    """The room is its package with all below; the mirrored folder of tests may import it too."""
    importers = graph() | {
        dotted(path): imports(path) for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")
    }
    refuse(
        [
            f"{importer} imports {target}, which only {private_room(target)} may"
            for importer, targets in sorted(importers.items())
            for target in sorted(targets)
            if (own := private_room(target))
            and not within(importer.removeprefix("tests."), own)
            and BESIDE_ROOMS.get(importer) != own
        ]
    )


def private_room(module: str) -> str | None:
    """Return the package that a module with an underscore belongs to; None where every part of its name is public."""
    parts = module.split(".")
    marked = next((index for index, part in enumerate(parts) if part.startswith("_")), None)
    return ".".join(parts[:marked]) if marked is not None else None


def within(module: str, package: str) -> bool:
    """Tell whether a module is a package or lies below it."""
    return module == package or module.startswith(f"{package}.")


def test_each_test_lies_where_its_module_does() -> None:
    """A folder of tests is named like a package, so that a module with an underscore has a place for its tests."""
    others = {"fuzz", "clients", "benchmarks", "docs", "golden"}
    packages = {module for module in modules() if modules()[module].name == "__init__.py"} | set(PACKAGES)
    folders = Counter(
        dotted(path.parent).removeprefix("tests").strip(".") for path in (ROOT / "tests").rglob("test_*.py")
    )
    refuse(
        [
            f"tests/{folder.replace('.', '/')} mirrors no package"
            for folder in folders
            if folder and folder.split(".")[0] not in others and folder not in packages
        ]
    )
