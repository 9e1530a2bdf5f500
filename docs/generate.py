"""Writes the generated parts of the docs: `python docs/generate.py [PAGE]...`.

`--check` only compares.

The catalogue's verdicts are those of the checker, at the default seed; its page says the budgets.
"""

import ast
import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from rooms import CORE, DOORS, PARTS, TESTED_WITH

from tokenauction.mechanisms import CATALOGUE, MECHANISMS, AggregationRule, Mechanism
from tokenauction.proofs.core.kernel import AXIOMS
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.verifier import verifier_of
from tokenauction.proofs.library.contents import LIBRARY
from tokenauction.proofs.library.library import check
from tokenauction.proofs.library.properties.readings import READING
from tokenauction.proofs.library.properties.small_mechanisms import DISTRIBUTION, PREFERRED
from tokenauction.proofs.library.properties.variants_lattice import HYPOTHESES, lattice_rows
from tokenauction.proofs.results.verdict import Proved, Refuted, Verdict
from tokenauction.theory import DEFAULT_MECHANISM_PROPERTIES, PROPERTIES, QUANTIFIED

DOCS = Path(__file__).parent
ARCHITECTURE = DOCS.parent / "ARCHITECTURE.md"


def quantified_table() -> str:
    """What a property may quantify over."""
    rows = [f"| `{name}` | {what} |" for name, what in QUANTIFIED.items()]
    return "\n".join(["| argument | what it is |", "|---|---|", *rows])


def properties_table() -> str:
    """The built-in properties."""
    rows = [
        f"| `{name}` | {'mechanisms' if prop.of_mechanisms else 'rules'} "
        f"| {'positive' if prop.support == 'full' else 'any'} | {prop.summary} |"
        for name, prop in PROPERTIES.items()
    ]
    head = ["| property | of | distributions | what it says |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


def verdict_word(verdict: Verdict) -> str:
    """A verdict as it stands in the catalogue."""
    if isinstance(verdict, Proved):
        if verdict.scope.agents == "all" and verdict.scope.tokens == "all":
            return "proved"
        return f"proved for {verdict.scope}"
    if isinstance(verdict, Refuted):
        return f"refuted ({verdict.scope})"
    return "unknown"


SHIPPED: dict[str, AggregationRule | Mechanism] = {**CATALOGUE, **MECHANISMS}


def properties_of(name: str) -> list[str]:
    """What the catalogue says of a shipped rule, or of a mechanism."""
    if name in MECHANISMS:
        return list(DEFAULT_MECHANISM_PROPERTIES)
    return [name for name in PROPERTIES if name not in DEFAULT_MECHANISM_PROPERTIES]


def catalogue_rows(name: str) -> list[str]:
    """The verdicts on one shipped rule or mechanism, a property each."""
    options = Options(budget=10) if name in MECHANISMS else Options()
    verifier = verifier_of(SHIPPED[name], options)
    return [verdict_word(verifier.verify(PROPERTIES[prop])) for prop in properties_of(name)]


def catalogue_section(name: str, words: list[str]) -> str:
    """One part of docs/catalogue.md."""
    rows = [f"| `{p}` | {word} |" for p, word in zip(properties_of(name), words, strict=True)]
    head = [f"## {SHIPPED[name].label}", "", SHIPPED[name].summary, ""]
    return "\n".join([*head, "| property | verdict |", "|---|---|", *rows])


def catalogue() -> str:
    """docs/catalogue.md."""
    head = (
        "# The shipped rules and mechanisms, and their verdicts\n\n"
        "Written by `python docs/generate.py` from the checker's own verdicts; a test compares. "
        "*Proved* without more means: for every number of agents and every number of tokens. "
        "The sizes behind a refutation are those of the counterexample. `--explain` gives the "
        "proof or the counterexample of any line. Mechanisms are decided at `--budget 10`, rules "
        "at the default.\n"
    )
    sections = [catalogue_section(name, catalogue_rows(name)) for name in SHIPPED]
    return "\n\n".join([head.rstrip(), *sections]) + "\n"


def theorems_table() -> str:
    """The theorems of the library, whose they are and what they rest on."""
    rows = [
        "| theorem | statement | whose | reference | file | method | assumes |",
        "|---" * 7 + "|",
    ]
    for theorem in LIBRARY:
        found = check(theorem)
        cells = [
            f"`{theorem.name}`",
            theorem.statement.replace("|", "\\|"),
            theorem.origin.value,
            theorem.reference or "none",
            f"[{theorem.file}](../proofs/library/{theorem.file})",
            re.sub(r"Z3 [\d.]+", "Z3", found.method),
            ", ".join(found.assumptions) or "nothing",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def theorems_page() -> str:
    """docs/theorems.md with its table made anew."""
    return with_table((DOCS / "theorems.md").read_text("utf-8"), "theorems", theorems_table())


def variants() -> str:
    """docs/variants.md."""
    rows = lattice_rows()
    small = {str(row.countermodel): None for row in rows if not row.holds}
    number = {text: str(k) for k, text in enumerate(small, 1)}
    parts = [
        "# Readings of the incentive properties\n\n"
        "Written by `python docs/generate.py` from the theorem `variants-lattice`; a test "
        "compares. `q ⪰ q'` says that the outcome of the first bid is at least as good for the "
        "agent as that of the second, `z ≥ z'` that it pays at least as much; `∀o` speaks of "
        "everything that the others may do. Every ⇒ below is a theorem about all mechanisms that "
        "satisfy the hypotheses, every number a theorem about the small mechanism of that number "
        "in the last table, which satisfies the hypotheses and the row's reading and not the "
        "column's.\n",
        "| | reading | what it says |\n|---|---|---|\n"
        + "".join(
            f"| {_short(k)} | {name} | {reading.text} |\n"
            for k, (name, reading) in enumerate(READING.items())
        ),
    ]
    for hypotheses in HYPOTHESES:
        parts.append(_matrix(hypotheses.text, rows, number))
    listed = "".join(f"| {k} | {text} |\n" for text, k in number.items())
    outcomes = ", ".join(f"*{name}* is ({_row(row)})" for name, row in DISTRIBUTION.items())
    parts.append(
        "## The small mechanisms\n\n"
        "An agent with two bids, low and high; the others may do one of two things. It prefers "
        f"({_row(PREFERRED)}), and {outcomes}. What it pays stands after *for*.\n\n"
        f"| | mechanism |\n|---|---|\n{listed}"
    )
    return "\n".join(parts)


def _row(dist: Sequence[Fraction]) -> str:
    return ", ".join(map(str, dist))


def _short(place: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place]


def _matrix(hypotheses: str, rows: Any, number: dict[str, str]) -> str:
    """One table: does the row's reading imply the column's?"""
    answer = {
        (row.premise, row.conclusion): "⇒" if row.holds else number[str(row.countermodel)]
        for row in rows
        if row.hypotheses == hypotheses
    }
    names = list(READING)
    lines = [
        f"## Under: {hypotheses}\n",
        "| implies | " + " | ".join(_short(k) for k in range(len(names))) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for k, premise in enumerate(names):
        cells = [answer.get((premise, conclusion), "·") for conclusion in names]
        lines.append(f"| {_short(k)} {premise} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def axioms_table() -> str:
    """The axioms of the kernel."""
    rows = [f"| `{axiom.name}` | {axiom.text} |" for axiom in AXIOMS.values()]
    return "\n".join(["| axiom | what it says |", "|---|---|", *rows])


VERSIONS = DOCS.parent / ".ci" / "versions"


def version_sets() -> dict[str, dict[str, dict[str, str]]]:
    """The versions that CI tests: Python, then `oldest` or `newest`, then dependency."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for place in sorted(VERSIONS.glob("*.txt")):
        python, _, kind = place.stem.partition("-")
        lines = place.read_text("utf-8").splitlines()
        found.setdefault(python, {})[kind] = dict(_pinned(line) for line in lines)
    return found


def _pinned(line: str) -> tuple[str, str]:
    name, version = line.split("==")
    return name, version


def versions_table() -> str:
    """The oldest and the newest version of each dependency, by Python."""
    sets = version_sets()
    names = sets[min(sets)]["oldest"]
    rows = [
        " | ".join([f"| {name}", *(_span(kinds, name) for kinds in sets.values())]) + " |"
        for name in names
    ]
    head = f"| dependency | {' | '.join(f'Python {python}' for python in sets)} |"
    return "\n".join([head, "|---" * (len(sets) + 1) + "|", *rows])


def _span(kinds: dict[str, dict[str, str]], name: str) -> str:
    return " to ".join(dict.fromkeys([kinds["oldest"][name], kinds["newest"][name]]))


def versions_page() -> str:
    """docs/versions.md with its table made anew."""
    return with_table((DOCS / "versions.md").read_text("utf-8"), "versions", versions_table())


def trust_page() -> str:
    """docs/trust.md with its table made anew."""
    return with_table((DOCS / "trust.md").read_text("utf-8"), "axioms", axioms_table())


def with_table(text: str, marker: str, table: str) -> str:
    """A page with the part between two markers replaced."""
    pattern = rf"(<!-- generated: {marker} -->\n).*?(<!-- end -->)"
    made, found = re.subn(
        pattern, lambda m: f"{m.group(1)}{table}\n{m.group(2)}", text, flags=re.DOTALL
    )
    if found != 1:
        raise ValueError(f"the page has {found} places for the table {marker!r}, not one")
    return made


def rules_page() -> str:
    """docs/rules.md with its tables made anew."""
    text = (DOCS / "rules.md").read_text("utf-8")
    text = with_table(text, "quantified", quantified_table())
    return with_table(text, "properties", properties_table())


PUBLIC = (
    "tokenauction",
    "tokenauction.theory",
    "tokenauction.mechanisms",
    "tokenauction.mechanisms.auction",
    "tokenauction.proofs",
    "tokenauction.proofs.testing",
    "tokenauction.proofs.kernel",
)


def api_page() -> str:
    """docs/api.md: every name that is promised, with the first sentence of what it says."""
    head = (
        "# The public names\n\n"
        "Written by `python docs/generate.py` from the `__all__` of these modules; a test "
        "compares. These keep their names and meanings; what else there is may move. The errors "
        "that a caller may meet have the base `tokenauction.TokenauctionError`, but for those of "
        "the kernel, which imports nothing of the rest, and for Python's own where an argument is "
        "of the wrong kind. [python.md](python.md) has examples.\n"
    )
    return "\n".join([head, *map(names_of, PUBLIC)])


def names_of(module: str) -> str:
    """One module of the page."""
    found = importlib.import_module(module)
    rows = [f"| `{name}` | {what_is(getattr(found, name))} |" for name in found.__all__]
    return "\n".join([f"## `{module}`", "", "| name | what it is |", "|---|---|", *rows, ""])


def what_is(one: Any) -> str:
    """The first sentence of what an object says of itself; of plain data, what it is."""
    if isinstance(one, type | ModuleType | FunctionType):
        told = one.__doc__ or ""
    else:
        told = getattr(one, "summary", "") or next(
            (word for kind, word in PLAIN.items() if isinstance(one, kind)), "a value"
        )
    return " ".join(told.split("\n\n")[0].split()).replace("|", "\\|")


PLAIN = {str: "text", tuple: "names", Mapping: "a table, by name"}


def rooms_page() -> str:
    """ARCHITECTURE.md with its tables of files made anew, out of the headers of the files."""
    text = ARCHITECTURE.read_text("utf-8")
    return with_table(text, "rooms", "\n\n".join(map(room_section, rooms())))


def rooms() -> list[Path]:
    """Every folder with code, in the order of imports."""
    root = DOCS.parent
    found: list[Path] = []
    for part in PARTS[:2]:
        inner = sorted((root / part).rglob("*/"))
        found += [root / part, *(one for one in inner if list(one.glob("*.py")))]
    for door in DOORS:
        place = root / "proofs" / door
        inner = (
            [one for room in CORE for one in (place / room, *sorted((place / room).glob("*/")))]
            if door == "core"
            else sorted(place.glob("*/"))
        )
        found += [place, *(one for one in inner if list(one.glob("*.py")))]
    return [*found, root / "proofs"]


def room_section(folder: Path) -> str:
    """A room: what it is for, and a line a file."""
    name = folder.relative_to(DOCS.parent).as_posix()
    here = folder.name
    theorems = {Path(one.file).name for one in LIBRARY if Path(one.file).parent.name == here}
    files = [
        one for one in sorted(folder.glob("*.py")) if one.name not in {"__init__.py", *theorems}
    ]
    head = folder / "__init__.py"
    about = first_line(head) if head.exists() and name != "proofs" else "The faces of `proofs/`."
    rows = [f"| `{one.name}` | {first_line(one)} |" for one in files]
    title = f"### `{name}/`\n\n{about} Its tests: `{tests_of(folder)}`."
    if theorems:
        others = "; the others are:" if files else "."
        title += f" A file bears the name of its theorem (docs/theorems.md){others}"
    return "\n".join([title, "", "| file | job |", "|---|---|", *rows]) if rows else title


def tests_of(folder: Path) -> str:
    """Where a room is tested: in the folder of its name, of the room around it, or of another."""
    root = DOCS.parent
    name = folder.relative_to(root).as_posix()
    if name in TESTED_WITH:
        return f"tests/{TESTED_WITH[name]}/"
    own = root / "tests" / name.removeprefix("proofs/")
    while not list(own.glob("test_*.py")):
        own = own.parent
    return f"{own.relative_to(root).as_posix()}/"


def first_line(path: Path) -> str:
    """The first line of a file's header, without the word that is the same in a whole room."""
    told = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").splitlines()[0]
    return re.sub(r"^TRUSTED CORE[^.]*\. ", "", told).replace("|", "\\|")


def main() -> None:
    """Write the pages, or compare them."""
    pages = {
        "rules.md": rules_page,
        "trust.md": trust_page,
        "versions.md": versions_page,
        "theorems.md": theorems_page,
        "variants.md": variants,
        "catalogue.md": catalogue,
        "api.md": api_page,
        "../ARCHITECTURE.md": rooms_page,
    }
    named = {Path(one).name for one in sys.argv[1:] if not one.startswith("-")}
    known = {Path(name).name for name in pages}
    if named - known:
        sys.exit(f"not generated: {', '.join(named - known)} (there is: {', '.join(known)})")
    if named:
        pages = {name: make for name, make in pages.items() if Path(name).name in named}
    stale = []
    for name, make in pages.items():
        place, made = DOCS / name, make()
        if not place.exists() or place.read_text("utf-8") != made:
            stale.append(name)
            if "--check" not in sys.argv:
                place.write_text(made, "utf-8")
    if "--check" in sys.argv and stale:
        sys.exit(f"out of date: {', '.join(stale)}; run python docs/generate.py")


if __name__ == "__main__":
    main()
