"""Writes the generated parts of the docs: `python docs/generate.py`; `--check` only compares.

The catalogue's verdicts are those of the checker, at the default budget and seed.
"""

import re
import sys
from pathlib import Path

from tokenauction.mechanisms import CATALOGUE
from tokenauction.proofs.decision import Options, Verifier
from tokenauction.proofs.verdict import Proved, Refuted, Verdict
from tokenauction.theory import PROPERTIES, QUANTIFIED

DOCS = Path(__file__).parent


def quantified_table() -> str:
    """What a property may quantify over."""
    rows = [f"| `{name}` | {what} |" for name, what in QUANTIFIED.items()]
    return "\n".join(["| argument | what it is |", "|---|---|", *rows])


def properties_table() -> str:
    """The built-in properties."""
    rows = [
        f"| `{name}` | {'positive' if prop.support == 'full' else 'any'} | {prop.summary} |"
        for name, prop in PROPERTIES.items()
    ]
    return "\n".join(["| property | distributions | what it says |", "|---|---|---|", *rows])


def verdict_word(verdict: Verdict) -> str:
    """A verdict as it stands in the catalogue."""
    if isinstance(verdict, Proved):
        if verdict.scope.agents == "all" and verdict.scope.tokens == "all":
            return "proved"
        return f"proved for {verdict.scope}"
    if isinstance(verdict, Refuted):
        return f"refuted ({verdict.scope})"
    return "unknown"


def catalogue_rows(name: str) -> list[str]:
    """The verdicts on one shipped rule, a property each."""
    verifier = Verifier(CATALOGUE[name], Options())
    return [verdict_word(verifier.verify(prop)) for prop in PROPERTIES.values()]


def catalogue_section(name: str, words: list[str]) -> str:
    """One rule's part of docs/catalogue.md."""
    rule = CATALOGUE[name]
    rows = [f"| `{prop}` | {word} |" for prop, word in zip(PROPERTIES, words, strict=True)]
    return "\n".join(
        [f"## {rule.label}", "", rule.summary, "", "| property | verdict |", "|---|---|", *rows]
    )


def catalogue() -> str:
    """docs/catalogue.md."""
    head = (
        "# The shipped rules and their verdicts\n\n"
        "Written by `python docs/generate.py` from the checker's own verdicts; a test compares. "
        "*Proved* without more means: for every number of agents and every number of tokens. "
        "The sizes behind a refutation are those of the counterexample. `--explain` gives the "
        "proof or the counterexample of any line.\n"
    )
    sections = [catalogue_section(name, catalogue_rows(name)) for name in CATALOGUE]
    return "\n\n".join([head.rstrip(), *sections]) + "\n"


def with_table(text: str, marker: str, table: str) -> str:
    """A page with the part between two markers replaced."""
    pattern = rf"(<!-- generated: {marker} -->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda m: f"{m.group(1)}{table}\n{m.group(2)}", text, flags=re.DOTALL)


def rules_page() -> str:
    """docs/rules.md with its tables made anew."""
    text = (DOCS / "rules.md").read_text("utf-8")
    text = with_table(text, "quantified", quantified_table())
    return with_table(text, "properties", properties_table())


def main() -> None:
    """Write the pages, or compare them."""
    pages = {"rules.md": rules_page, "catalogue.md": catalogue}
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
