"""YAML and JSON files, read within bounds. Every value knows the line that it stands in, for errors.

JSON is read as YAML: apart from tabs and surrogate pairs, it is a subset of it. Of YAML only what JSON can say is
accepted: no aliases, which make a small file a large value, no tags, no dates.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

MAX_OCTETS = 256 * 1024
MAX_DEPTH = 20
MAX_VALUES = 20_000
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_TAG = "tag:yaml.org,2002:"
_Path = tuple[str | int, ...]


class InvalidConfiguration(Exception):
    """What is wrong, beginning with the file and the line."""


@dataclass(frozen=True)
class Part:
    """A value in a file, made of dict, list, str, int, bool and None."""

    file: str
    value: Any
    path: _Path = ()
    lines: Mapping[_Path, int] = field(default_factory=dict, repr=False)  # of the whole document

    def at(self, *path: str | int) -> "Part":
        value = self.value
        for step in path:
            value = value[step]
        return Part(self.file, value, (*self.path, *path), self.lines)

    def refuse(self, text: str, *path: str | int) -> NoReturn:
        """Raise InvalidConfiguration about the member at `path`, or about this value if there is no such one."""
        line = self.lines.get((*self.path, *path), self.lines.get(self.path, 1))
        raise InvalidConfiguration(f"{self.file}:{line}: {text}")


def read_documents(octets: bytes, file: str, placeholders: Mapping[str, str]) -> list[Part]:
    """The documents of a file, without empty ones.

    Args:
        placeholders: what `${NAME}` in a value stands for, by name.

    Raises:
        InvalidConfiguration
    """
    whole = Part(file, None)
    if len(octets) > MAX_OCTETS:
        whole.refuse(f"the file has more than {MAX_OCTETS} octets")
    try:
        text = octets.decode("utf-8-sig").replace("\t", " ")  # JSON may be indented by tabs
    except UnicodeDecodeError:
        whole.refuse("the file is not UTF-8")
    try:
        _check_bounds(whole, text)
        nodes = list(yaml.compose_all(text, yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        raise InvalidConfiguration(f"{file}:{line}: neither YAML nor JSON: {error.problem}") from None
    except yaml.YAMLError:
        whole.refuse("neither YAML nor JSON: a character is not allowed")
    documents = [_Reader(file, placeholders).read(node) for node in nodes if node is not None]
    return [each for each in documents if each.value is not None]


def _check_bounds(whole: Part, text: str) -> None:
    """Count before anything is built."""
    depth = count = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1
        here = Part(whole.file, None, (), {(): line})
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            here.refuse("anchors and aliases are not supported: write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        count += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH or count > MAX_VALUES:
            here.refuse(f"more than {MAX_DEPTH} levels or {MAX_VALUES} values")


@dataclass(frozen=True)
class _Reader:
    file: str
    placeholders: Mapping[str, str]
    lines: dict[_Path, int] = field(default_factory=dict)

    def read(self, node: yaml.Node) -> Part:
        value = self._value(node, ())
        return Part(self.file, value, (), self.lines)

    def _value(self, node: yaml.Node, path: _Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(each, (*path, number)) for number, each in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: _Path) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            here = Part(self.file, None, (), {(): line})
            if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_TAG}str":
                here.refuse("a member's name must be text; put it in quotes")
            name = self._text(key.value, here)
            if name in members:
                here.refuse(f"{ascii(name)[1:-1][:100]}: occurs twice")
            self.lines[*path, name] = line
            members[name] = self._value(value, (*path, name))
        return members

    def _scalar(self, node: yaml.Node, path: _Path) -> Any:
        here = Part(self.file, None, (), {(): node.start_mark.line + 1})
        kind = node.tag.removeprefix(_TAG)
        if kind == "null":
            return None
        if kind == "bool":
            return node.value.lower() in ("true", "yes", "on")
        if kind == "int" and re.fullmatch(r"-?[0-9]{1,15}", node.value):
            return int(node.value)
        if kind == "str":
            return self._text(node.value, here)
        return here.refuse("only text, true, false, whole numbers and null are supported; put text in quotes")

    def _text(self, text: str, here: Part) -> str:
        try:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16")  # JSON writes some letters as two escapes
        except UnicodeDecodeError:
            here.refuse("half a surrogate pair is no text")

        def value_of(found: re.Match[str]) -> str:
            if found[1] not in self.placeholders:
                known = ", ".join(sorted(self.placeholders))
                here.refuse(f"{ascii(found[0])[1:-1][:100]}: has no value (--set); known are {known}")
            return self.placeholders[found[1]]

        return _PLACEHOLDER.sub(value_of, text)
