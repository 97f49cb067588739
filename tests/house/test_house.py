"""The house checks itself: sizes, names, docstrings, bodies of tests."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("rl_tsad", "labeling_ui", "envs", "db")
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py") if "versions" not in file.parts)


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_files_stay_below_350_lines() -> None:
    long = {str(file.relative_to(ROOT)): n for file in FILES if (n := file.read_text().count("\n")) > 350}
    assert not long


def test_functions_stay_short() -> None:
    sizes = sorted(
        (code_lines(node), f"{file.relative_to(ROOT)}:{node.name}")
        for file in FILES
        for node in functions(ast.parse(file.read_text()))
    )
    lengths = [size for size, _ in sizes]
    assert lengths[-1] <= 60, sizes[-3:]
    assert lengths[int(0.95 * len(lengths))] <= 35, sizes[int(0.95 * len(lengths)) :]
    assert lengths[len(lengths) // 2] <= 8


def test_at_most_five_positional_parameters() -> None:
    crowded = [
        f"{file.relative_to(ROOT)}:{node.name}"
        for file in FILES
        for node in functions(ast.parse(file.read_text()))
        if len([a for a in (*node.args.posonlyargs, *node.args.args) if a.arg not in {"self", "cls"}]) > 5
    ]
    assert not crowded


def test_package_roots_hold_a_docstring_only() -> None:
    for file in FILES:
        if file.name == "__init__.py":
            body = ast.parse(file.read_text()).body
            rest = [node for node in body[1:] if not (isinstance(node, ast.Assign) and file.parent.name == "rl_tsad")]
            assert ast.get_docstring(ast.parse(file.read_text())), file
            assert not rest, file


def dangers(tree: ast.AST) -> list[str]:
    """Calls and imports that could run code found in data."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found += [
                name for name in names if name.split(".")[0] in {"pickle", "cloudpickle", "dill", "shelve", "marshal"}
            ]
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if name in {"eval", "exec", "compile", "torch.load", "joblib.load", "os.system"}:
                found.append(name)
            if name == "np.load" and keywords.get("allow_pickle") != "False":
                found.append("np.load without allow_pickle=False")
            if keywords.get("unsafe_allow_html") == "True" or keywords.get("shell") == "True":
                found.append(f"{name} with {keywords}")
    return found


def test_nothing_runs_code_from_data() -> None:
    found = {str(file.relative_to(ROOT)): bad for file in FILES if (bad := dangers(ast.parse(file.read_text())))}
    assert not found


@pytest.mark.parametrize(
    "code", ["import pickle", "eval('1')", "np.load(path)", "st.markdown(x, unsafe_allow_html=True)"]
)
def test_the_check_for_dangers_finds_them(code: str) -> None:
    assert dangers(ast.parse(code))


def test_no_room_is_called_utils() -> None:
    assert not [file for file in FILES if {"utils.py", "common.py", "helpers.py", "misc.py"} & {file.name}]


def test_every_test_asserts_something() -> None:
    empty = [
        f"{file.relative_to(ROOT)}:{node.name}"
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in functions(ast.parse(file.read_text()))
        if node.name.startswith("test_") and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]
    assert not empty
