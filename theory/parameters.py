"""The parameters of a Python function, whatever its annotations name.

From Python 3.14 on annotations are looked up when they are asked for. A name in one that exists for
type checkers alone (`if TYPE_CHECKING:`) is no mistake there.
"""

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any


def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters by name; an annotation that names nothing is a forward reference."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(function, annotation_format=Format.FORWARDREF).parameters
    return inspect.signature(function).parameters


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations as they are written; one that names nothing is a forward reference."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format, get_annotations

        return get_annotations(function, format=Format.FORWARDREF)
    return dict(getattr(function, "__annotations__", {}))
