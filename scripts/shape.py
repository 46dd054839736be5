"""Reports the shape of the code: lines by package, small modules with one user, large folders, methods by port.

    python scripts/shape.py

It judges nothing: what is worth a change is for whoever reads it.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SMALL, LARGE = 60, 25  # lines of a module, modules of a folder
NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
}  # fmt: skip


def code_lines(text: str) -> int:
    """Count the lines that hold anything but comments and docstrings."""
    lines: set[int] = set()
    is_start = True  # of a statement: a string alone there is a docstring
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE and not (is_start and token.type == tokenize.STRING):
            lines.update(range(token.start[0], token.end[0] + 1))
        if token.type not in {tokenize.COMMENT, tokenize.NL}:
            is_start = token.type in {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
    return len(lines)


def imported(tree: ast.Module) -> set[str]:
    """Return every name that a module may import: modules, and names in them."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
    return found


def main() -> None:
    """Print the report."""
    texts: dict[str, str] = {}
    for base in ("src", "sdk/src"):
        for path in sorted((ROOT / base).rglob("*.py")):
            texts[".".join(path.relative_to(ROOT / base).with_suffix("").parts)] = path.read_text("utf-8")
    lines = {name: code_lines(text) for name, text in texts.items()}
    packages: Counter[str] = Counter()
    folders: Counter[str] = Counter()
    users: defaultdict[str, set[str]] = defaultdict(set)
    for name, text in texts.items():
        packages[".".join(name.split(".")[:2]) if name.count(".") > 1 else name.split(".")[0]] += lines[name]
        folders[name.rpartition(".")[0]] += 1
        for used in imported(ast.parse(text)) & texts.keys():
            users[used].add(name)
    print(f"{sum(lines.values())} code lines in {len(texts)} modules")
    print("\n".join(f"{count:7} {name}" for name, count in packages.most_common()))
    print(f"\nFolders of more than {LARGE} modules:")
    print("\n".join(f"{count:7} {name}" for name, count in folders.most_common() if count > LARGE))
    print(f"\nModules of at most {SMALL} code lines that one other uses:")
    for name in sorted(users):
        if lines[name] <= SMALL and len(users[name]) == 1:
            print(f"{lines[name]:7} {name}, by {next(iter(users[name]))}")
    print("\nMethods of each port, its own:")
    for name in (name for name in texts if name.startswith("titan.ports.")):
        for port in (node for node in ast.parse(texts[name]).body if isinstance(node, ast.ClassDef)):
            if count := sum(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in port.body):
                print(f"{count:7} {name}.{port.name}")


if __name__ == "__main__":
    main()
