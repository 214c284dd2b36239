"""Random streams: ``Generator``, and the process-wide default ones that ``manual_seed`` sets.

A stream's numbers are NumPy's (CuPy's on a GPU), so they differ from PyTorch's for the same seed; equal seeds give
equal numbers on every machine. A generator may be used by several threads, but then the order in which they draw
decides who gets what: give each thread its own.
"""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any

from .backend.registry import backend_for_device, backend_of
from .devices import device as Device
from .errors import DeviceError

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Generator", "default_generator", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]

_DEFAULT_SEED = 67280421310721
_WORD = 1 << 64


class Generator:
    """A stream of random numbers with a state of its own.

    ``Generator(device="cpu")`` starts from a fixed seed; ``manual_seed`` chooses one and returns the generator.

    >>> import autograd_core as ag
    >>> a, b = ag.Generator().manual_seed(3), ag.Generator().manual_seed(3)
    >>> ag.rand(4, generator=a).tolist() == ag.rand(4, generator=b).tolist()
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = Device(device)
        self.lock = threading.RLock()
        """Held while an op draws, so that threads sharing a generator never tear its state."""
        self._backend = backend_for_device(self.device.type)
        self._seed = _DEFAULT_SEED
        self._stream: Any = None

    @property
    def stream(self) -> Any:
        """The backend's own generator, with NumPy's ``Generator`` methods; made on first use."""
        if self._stream is None:
            with self._backend.on(self.device.index):
                self._stream = self._backend.random(self._seed)
        return self._stream

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream from ``seed``, any integer from ``-2**63`` to ``2**64 - 1``. Returns the generator."""
        number = int(seed)
        if not -(_WORD >> 1) <= number < _WORD:
            raise RuntimeError(f"manual_seed: the seed must lie between -2**63 and 2**64 - 1, got {number}")
        with self.lock:
            self._seed = number % _WORD
            self._stream = None
        return self

    def seed(self) -> int:
        """Restart the stream from a seed that the operating system draws, and return it."""
        number = secrets.randbits(63)
        self.manual_seed(number)
        return number

    def initial_seed(self) -> int:
        """The seed that the stream started from."""
        return self._seed

    def _bits(self) -> Any:
        if self.device.type != "cpu":
            raise DeviceError(f"the state of a generator on '{self.device}' cannot be read or set: its library keeps it on the device. "
                              "Use manual_seed() to repeat its numbers, or draw on 'cpu' and move the result")
        return self.stream.bit_generator

    def get_state(self) -> Tensor:
        """The exact state, as a uint8 tensor for ``set_state``. Raises ``DeviceError`` for a generator on a GPU."""
        from .storage import wrap

        with self.lock:
            state = self._bits().state
            inner = state["state"]
            data = b"".join((inner["state"].to_bytes(16, "little"), inner["inc"].to_bytes(16, "little"), self._seed.to_bytes(8, "little"),
                             int(state["has_uint32"]).to_bytes(4, "little"), int(state["uinteger"]).to_bytes(4, "little")))
        return wrap(self._backend.asarray(list(data), dtype="uint8"))  # type: ignore[no-any-return]

    def set_state(self, new_state: Tensor) -> None:
        """Continue from a state that ``get_state`` returned. Raises ``RuntimeError`` for anything else."""
        array = getattr(new_state, "_array", None)
        if array is None or array.dtype != "uint8" or array.shape != (48,):
            raise RuntimeError("set_state: expected the uint8 tensor of 48 bytes that get_state() returns, "
                               f"got {type(new_state).__name__} {tuple(getattr(new_state, 'shape', ()))} {getattr(new_state, 'dtype', '')}")
        data = backend_of(array).to_numpy(array).tobytes()
        words = [int.from_bytes(data[start:end], "little") for start, end in ((0, 16), (16, 32), (32, 40), (40, 44), (44, 48))]
        with self.lock:
            bits = self._bits()
            bits.state = {"bit_generator": type(bits).__name__, "state": {"state": words[0], "inc": words[1]}, "has_uint32": words[3], "uinteger": words[4]}
            self._seed = words[2]

    def clone_state(self) -> Generator:
        """A new generator in the same state."""
        copy = Generator(self.device)
        copy.set_state(self.get_state())
        return copy

    def __getstate__(self) -> dict[str, Any]:
        return {"device": str(self.device), "state": self.get_state().tolist()}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        from .storage import wrap

        Generator.__init__(self, saved["device"])
        self.set_state(wrap(self._backend.asarray(saved["state"], dtype="uint8")))

    def __repr__(self) -> str:
        return f"<Generator on {self.device}, seed {self._seed}>"


default_generator = Generator()
"""What random functions on ``cpu`` draw from when they are given no generator."""
_defaults: dict[str, Generator] = {"cpu": default_generator}
_defaults_lock = threading.Lock()


def default_generator_of(device: Any) -> Generator:
    """The default generator of a device; a GPU's is made on first use, with the seed that ``manual_seed`` set last."""
    key = str(device)
    found = _defaults.get(key)
    if found is None:
        with _defaults_lock:
            found = _defaults.get(key)
            if found is None:
                found = _defaults[key] = Generator(key).manual_seed(default_generator.initial_seed())
    return found


def generator_for(array: Any, generator: Generator | None) -> Generator:
    """The generator that draws numbers for the device of ``array``; ``RuntimeError`` if the one given is for another."""
    backend = backend_of(array)
    index = backend.device_index(array)
    where = backend.name if index is None else f"{backend.name}:{index}"
    if generator is None:
        return default_generator_of(where)
    if str(generator.device) != where:
        raise DeviceError(f"Expected a '{where}' device type for generator but found '{generator.device}'. Make one with Generator(device='{where}')")
    return generator


def manual_seed(seed: int) -> Generator:
    """Restart the default generators of all devices from ``seed``; returns the one of ``cpu``.

    >>> import autograd_core as ag
    >>> _ = ag.manual_seed(0)
    >>> first = ag.rand(2)
    >>> _ = ag.manual_seed(0)
    >>> bool((ag.rand(2) == first).all())
    True
    """
    default_generator.manual_seed(seed)
    with _defaults_lock:
        for generator in _defaults.values():
            generator.manual_seed(seed)
    return default_generator


def seed() -> int:
    """Restart the default generators from a seed that the operating system draws, and return it."""
    number = secrets.randbits(63)
    manual_seed(number)
    return number


def initial_seed() -> int:
    """The seed that the default generator of ``cpu`` started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator of ``cpu``, as a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Let the default generator of ``cpu`` continue from a state that ``get_rng_state`` returned."""
    default_generator.set_state(new_state)
