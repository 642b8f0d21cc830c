"""The pages say what the tree says: settings, error codes, make targets, links."""

import ast
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from voicereel.domain import errors
from voicereel.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "examples" / "README.md", *DOCS.rglob("*.md")])
PACKAGES = ("voicereel", "workers", "voicereel_client")
# no code is made in these
SKIPPED = {"migrations", "cli"}
CLIENT_SETTINGS = {"VOICEREEL_API_KEY", "VOICEREEL_BASE_URL", "VOICEREEL_PROFILE"}

# which argument of these is a code
CODE_ARGUMENT = {"FieldError": 1, "RequestRefused": 1, "Refused": 0, "PydanticCustomError": 0, "_Bad": 0}
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# the first cell of a table's row
ROW = re.compile(r"^\| `([A-Za-z0-9_]+)` \|", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
page_ids = [str(page.relative_to(ROOT)) for page in PAGES]


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


# --- settings --------------------------------------------------------------------------------


def test_every_setting_has_its_row_and_every_row_its_setting():
    known = {f"VOICEREEL_{name.upper()}" for name in Settings.model_fields} | CLIENT_SETTINGS
    rows = {name for name in ROW.findall(read("guides/settings.md")) if name.startswith("VOICEREEL_")}
    assert rows == known


def test_the_defaults_in_the_table_are_those_of_the_code():
    rows = re.findall(r"^\| `VOICEREEL_(\w+)` \| ([^|]*)\|", read("guides/settings.md"), re.MULTILINE)
    shown = {name.lower(): default.strip().strip("`") for name, default in rows}
    fields = Settings.model_fields.items()
    assert {name: shown[name] for name, _ in fields} == {name: str(field.default) for name, field in fields}


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_no_page_names_a_setting_that_does_not_exist(page):
    known = {f"VOICEREEL_{name.upper()}" for name in Settings.model_fields} | CLIENT_SETTINGS
    # those of the tests themselves
    known |= {f"VOICEREEL_TEST_{name}" for name in ("DATABASE_URL", "CHROMIUM", "FLITE")}
    known |= {"VOICEREEL_REQUIRE_SERVICES"}
    named = set(re.findall(r"VOICEREEL_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8")))
    assert named <= known


# --- error codes -----------------------------------------------------------------------------


def documented_codes() -> set[str]:
    """Errors have their tables in errors.md, warnings theirs in scripts.md."""
    tables = read("guides/errors.md") + read("guides/scripts.md").partition("## Warnings")[2]
    return set(ROW.findall(tables))


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*.py") if not SKIPPED & set(path.parts))


def codes_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _call_codes(node)
        elif isinstance(node, ast.Tuple):
            yield from _pair_codes(node)
        elif isinstance(node, ast.Dict):
            yield from _dict_codes(node)
        elif isinstance(node, ast.ClassDef):
            yield from _class_codes(node)
        elif isinstance(node, ast.FunctionDef):
            yield from _default_codes(node)


def _call_codes(node: ast.Call) -> Iterator[str]:
    yield from (
        text for keyword in node.keywords if keyword.arg == "code" for text in _constants(keyword.value)
    )
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    place = 0 if _tells_a_draft(node.func) else CODE_ARGUMENT.get(name)
    if place is not None and len(node.args) > place:
        yield from _constants(node.args[place])


def _tells_a_draft(function: ast.expr) -> bool:
    """``draft.error("a_code", …)``: what is wrong with a script file."""
    known = isinstance(function, ast.Attribute) and function.attr in ("error", "warn", "stop")
    return known and ast.unparse(function.value).endswith("draft")


def _pair_codes(node: ast.Tuple) -> Iterator[str]:
    """``("code", "A sentence.")``: rows of a table that says what each code means."""
    for first, second in pairwise(node.elts):
        sentence = isinstance(second, ast.JoinedStr | ast.Lambda | ast.Compare) or any(
            " " in text for text in _constants(second)
        )
        if sentence:
            yield from _constants(first)


def _dict_codes(node: ast.Dict) -> Iterator[str]:
    """``{"code": "a_code"}``, and codes replaced by others for certain fields."""
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Tuple) or (key is not None and "code" in _constants(key)):
            yield from _constants(value)


def _class_codes(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "code" for target in statement.targets
        ):
            yield from _constants(statement.value)


def _default_codes(node: ast.FunctionDef) -> Iterator[str]:
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if argument.arg == "code" and default is not None:
            yield from _constants(default)


def _constants(node: ast.AST) -> Iterator[str]:
    for part in (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


@pytest.mark.parametrize("package", PACKAGES)
def test_every_code_in_the_tree_is_explained(package):
    found = {
        code
        for path in sources()
        if path.is_relative_to(ROOT / package)
        for code in codes_in(ast.parse(path.read_text(encoding="utf-8")))
        if SNAKE.fullmatch(code)
    }
    assert found <= documented_codes()
    assert len(found) > 5


def test_every_error_of_the_domain_is_explained():
    classes, codes = [errors.VoiceReelError], set()
    while classes:
        kind = classes.pop()
        classes += kind.__subclasses__()
        codes.add(kind.code)
    assert codes <= documented_codes()


def test_no_code_is_explained_that_does_not_exist():
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources())
    assert {code for code in documented_codes() if f'"{code}"' not in text} == set()


def test_the_collector_finds_each_form_a_code_is_written_in():
    source = """
class Gone(Exception):
    code = "by_class"
def fail(*, code="by_default"): ...
fail(code="by_keyword" if True else "by_other")
FieldError("/x", "by_field", detail)
FACTS = {"code": "by_dict", ("text", "too_long"): "by_table"}
self._draft.stop("by_draft", detail)
log.error("by_log", detail)
ROWS = (("by_row", "A sentence."), ("by_format", f"{1}"), ("one", "two"))
"""
    assert set(codes_in(ast.parse(source))) == {
        "by_class", "by_default", "by_keyword", "by_other", "by_field", "by_row", "by_format",
        "by_dict", "by_table", "by_draft",
    }  # fmt: skip


# --- make targets, links, samples ------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_every_make_target_named_exists(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^|&& )make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_every_relative_link_leads_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    assert [link for link in LINK.findall(text) if not _resolves(page, link)] == []


def _resolves(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not anchor or anchor in _anchors(target)


def _anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_linked_from_the_index():
    index = DOCS / "index.md"
    linked = {
        (DOCS / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text(encoding="utf-8"))
    }
    assert {page for page in DOCS.rglob("*.md") if page != index} <= linked


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_samples_can_be_read(page):
    for language, sample in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "json":
            json.loads(sample)
        elif language == "python":
            ast.parse(sample)
