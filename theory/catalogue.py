"""The built-in properties, by name, and those that are decided where none is asked for."""

from collections.abc import Mapping
from types import MappingProxyType

from tokenauction.theory.incentive_properties import INCENTIVE_PROPERTIES
from tokenauction.theory.properties import RULE_PROPERTIES, RuleProperty

PROPERTIES: Mapping[str, RuleProperty] = MappingProxyType(
    {**RULE_PROPERTIES, **INCENTIVE_PROPERTIES}
)

DEFAULT_PROPERTIES = ("distribution", "anonymous", "neutral", "unanimous", "monotone")
DEFAULT_MECHANISM_PROPERTIES = tuple(INCENTIVE_PROPERTIES)
