"""Completion in Bash of words with colons, which Bash takes for several words.

Bash splits `rules.py::mine` at its colons, gives the pieces to the completion, and replaces the
last one alone. So the word is read from the line, and what comes back lacks what stays there.
"""

import os
from typing import Any, ClassVar

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    split_arg_string,
)

_SOURCE = """\
%(complete_func)s() {
    local IFS=$'\\n'
    local response completion type value

    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD \\
COMP_LINE="$COMP_LINE" COMP_POINT=$COMP_POINT %(complete_var)s=bash_complete $1)

    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"

        if [[ $type == 'dir' ]]; then
            COMPREPLY=()
            compopt -o dirnames
        elif [[ $type == 'file' ]]; then
            COMPREPLY=()
            compopt -o default
        elif [[ $type == 'plain' ]]; then
            COMPREPLY+=("$value")
            if [[ $value == */ ]]; then
                compopt -o nospace
            fi
            if [[ $value == *[[:space:]]* ]]; then
                compopt -o filenames
            fi
        fi
    done

    return 0
}

%(complete_func)s_setup() {
    complete -o nosort -F %(complete_func)s %(prog_name)s
}

%(complete_func)s_setup;
"""


class Bash(BashComplete):
    """The completion of Bash, for words with colons too."""

    name: ClassVar[str] = "bash"
    source_template: ClassVar[str] = _SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and the one that ends there."""
        if "COMP_LINE" not in os.environ:  # a script of an older version
            return super().get_completion_args()
        before = _to_the_cursor(os.environ["COMP_LINE"], os.environ.get("COMP_POINT", ""))
        words = split_arg_string(before)
        begins = not before or before[-1].isspace()
        incomplete = "" if begins or len(words) < 2 else words.pop()
        return words[1:], incomplete

    def format_completion(self, item: "CompletionItem[Any]") -> str:
        """The item as the script reads it."""
        value = str(item.value)
        return f"{item.type},{value[self._kept() :] if item.type == 'plain' else value}"

    def _kept(self) -> int:
        """How much of the word Bash leaves where it is."""
        if "COMP_LINE" not in os.environ:
            return 0
        incomplete = self.get_completion_args()[1]
        if incomplete.startswith("--") and "=" in incomplete:
            incomplete = incomplete.partition("=")[2]
        words = split_arg_string(os.environ["COMP_WORDS"])
        place = int(os.environ["COMP_CWORD"])
        piece = words[place] if place < len(words) else ""
        if not piece.strip(":="):
            return len(incomplete)
        return len(incomplete) - len(piece) if incomplete.endswith(piece) else 0


def _to_the_cursor(line: str, point: str) -> str:
    """The line as far as the cursor, whose place Bash counts in characters."""
    place = int(point) if point.isdigit() else len(line)
    return line[:place]


def install() -> None:
    """Let click use this class for Bash."""
    add_completion_class(Bash)
