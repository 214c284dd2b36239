"""Modules that hold modules or parameters. What they hold are their attributes, named by position or key."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from autograd_core import Tensor

from ..module import Module
from ..parameter import Parameter


class _Series(Module):
    """What the containers with positions share. Their items are those attributes that are instances of ``_kind``."""

    _kind: type = Module

    def _items(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if isinstance(value, self._kind)}

    def _key(self, position: Any) -> str:
        """The name of the item at a position, which may be negative."""
        names = list(self._items())
        i = operator.index(position)
        if not -len(names) <= i < len(names):
            raise IndexError(f"index {i} is out of range: {type(self).__name__} has {len(names)} items")
        return names[i]

    def _rebuild(self, items: Iterable[Any]) -> None:
        """Hold these items, named by position, instead of the present ones."""
        items = list(items)
        for name in self._items():
            object.__delattr__(self, name)
        for i, item in enumerate(items):
            setattr(self, str(i), item)

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items().values())

    def __contains__(self, item: Any) -> bool:
        return any(item is held for held in self)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._sliced(list(self._items().items())[index])
        return self.__dict__[self._key(index)]

    def _sliced(self, items: list[tuple[str, Any]]) -> Any:
        made: Any = type(self)
        return made([item for _, item in items])

    def __setitem__(self, index: Any, item: Any) -> None:
        setattr(self, self._key(index), self._checked(item))

    def __delitem__(self, index: Any) -> None:
        names = list(self._items())
        gone = set(names[index]) if isinstance(index, slice) else {self._key(index)}
        self._rebuild([item for name, item in self._items().items() if name not in gone])

    def _checked(self, item: Any) -> Any:
        if not isinstance(item, self._kind):
            raise TypeError(f"{type(item).__name__} is not a {self._kind.__name__} subclass")
        return item

    def append(self, item: Any) -> Any:
        """Add an item at the end, named by its position or the next number that is free; returns the container."""
        held = self._items()
        free = next(i for i in itertools.count(len(held)) if str(i) not in held)
        setattr(self, str(free), self._checked(item))
        return self

    def extend(self, items: Iterable[Any]) -> Any:
        """Add several items at the end; returns the container."""
        if not isinstance(items, Iterable):
            raise TypeError(f"{type(self).__name__}.extend should be called with an iterable, but got {type(items).__name__}")
        for item in list(items):
            self.append(item)
        return self

    def insert(self, index: int, item: Any) -> Any:
        """Put an item before the one at ``index``; returns the container."""
        held = list(self)
        if not -len(held) <= index <= len(held):
            raise IndexError(f"index {index} is out of range: {type(self).__name__} has {len(held)} items")
        held.insert(index, self._checked(item))
        self._rebuild(held)
        return self

    def pop(self, index: int = -1) -> Any:
        """Take the item at ``index`` out and return it."""
        item = self[index]
        del self[index]
        return item


class Sequential(_Series):
    """Modules one after the other: each is called with what the one before returned.

    Made of modules, which are named by position, or of an ``OrderedDict`` of them by name. Indexing gives a module, slicing
    a new Sequential of the same modules.

    >>> import autograd_core as ag
    >>> from nn.layers.linear import Linear
    >>> model = Sequential(Linear(2, 3), Linear(3, 1))
    >>> tuple(model(ag.zeros(4, 2)).shape), len(model[:1])
    ((4, 1), 1)
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], dict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for module in args:
                self.append(module)

    def _sliced(self, items: list[tuple[str, Any]]) -> Sequential:
        return Sequential(dict(items))

    def forward(self, input: Any) -> Any:
        for module in [value for value in self.__dict__.values() if isinstance(value, Module)]:
            input = module(input)
        return input

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
        return Sequential(*self, *other)


class ModuleList(_Series):
    """A list of modules, whose parameters are found; it has no ``forward`` of its own."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend([] if modules is None else modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> Any:
        return self.extend(modules)

    def _child_lines(self) -> list[str]:
        """Equal neighbours are shown once, with their count."""
        lines = []
        position = 0
        for text, group in itertools.groupby(repr(module) for module in self):
            count = len(list(group))
            lines.append(f"({position}): {text}" if count == 1 else f"({position}-{position + count - 1}): {count} x {text}")
            position += count
        return lines


class ModuleDict(_Series):
    """A dict of modules by name, whose parameters are found; names are attributes, so methods' names are refused."""

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def update(self, modules: Any) -> None:
        """Add modules from a mapping, another ModuleDict or pairs; those of the same name are replaced."""
        if isinstance(modules, (Mapping, ModuleDict)):
            modules = modules.items()
        elif not isinstance(modules, Iterable):
            raise TypeError(f"ModuleDict.update should be called with an iterable of key/value pairs, but got {type(modules).__name__}")
        for name, module in list(modules):
            self[name] = module

    def __getitem__(self, key: str) -> Any:
        return self._items()[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, self._checked(module))

    def __delitem__(self, key: str) -> None:
        if key not in self:  # an attribute, perhaps, but no module
            raise KeyError(key)
        object.__delattr__(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items())

    def __contains__(self, key: object) -> bool:
        return key in self._items()

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._items().keys()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._items().values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Names and modules."""
        return self._items().items()

    def pop(self, key: Any = None) -> Any:
        """Take the module of that name out and return it. Raises ``KeyError`` if there is none."""
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        """Take all modules out."""
        self._rebuild([])


class ParameterList(_Series):
    """A list of parameters, found as those of the module that holds it; plain Tensors become parameters."""

    _kind = Parameter

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend([] if values is None else values)

    def _checked(self, item: Any) -> Parameter:
        if isinstance(item, Parameter):
            return item
        if isinstance(item, Tensor):
            return Parameter(item)
        raise TypeError(f"ParameterList holds parameters and tensors, not {type(item).__name__}")

    def _child_lines(self) -> list[str]:
        return [f"({name}): Parameter of shape {tuple(p.shape)} {p.dtype.name}" for name, p in self._items().items()]
