"""Files: everything comes back as it was, everything wrong is refused with its reason, and a failure leaves the old file."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import stat
import struct
import subprocess
import sys
import tracemalloc
from collections import Counter, OrderedDict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_core as ag
from autograd_core import Tensor, files, load, save, serialization
from autograd_core.errors import FileFormatError

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128"]


def round_trip(obj: Any) -> Any:
    file = io.BytesIO()
    save(obj, file)
    return load(io.BytesIO(file.getvalue()))


def raw(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def same(a: Any, b: Any) -> bool:
    """Equal in type, order, sign of zero and NaN, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items(), strict=True))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b) or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


# --- round trips --------------------------------------------------------------------------------------------------

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.complex_numbers(allow_nan=False)
keys = st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False) | st.tuples(st.integers(), st.text())
nested = st.recursive(plain, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(keys, inner), max_leaves=20)


@settings(max_examples=150, deadline=None)
@given(nested)
def test_plain_data_come_back_exactly(obj: Any) -> None:
    assert same(round_trip(obj), obj)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_tensors_and_arrays_of_every_dtype(stream: Any, dtype: str, shape: tuple[int, ...]) -> None:
    array = np.asarray(stream.standard_normal(shape) * 3 + (1j if "complex" in dtype else 0)).astype(dtype)
    tensor, back = round_trip((Tensor(array), array))
    assert type(tensor) is Tensor
    assert tensor.dtype == dtype
    assert tensor.shape == shape
    np.testing.assert_array_equal(tensor.numpy(), array)
    assert type(back) is np.ndarray
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_special_numbers_and_bits_survive() -> None:
    array = np.array([0x7FF0000000000001, 0x8000000000000000, 0x7FF0000000000000, 1], np.uint64).view(np.float64)
    assert round_trip(array).tobytes() == array.tobytes()
    values = [math.inf, -math.inf, -0.0, 5e-324, 0.1, 10**400]
    assert same(round_trip(values), values)
    for value in (complex(-0.0, -0.0), complex(0.0, -0.0), complex(-0.0, 5e-324), complex(math.nan, -math.inf)):
        back = round_trip(value)
        assert same([back.real, back.imag], [value.real, value.imag])


def test_layouts_views_and_byte_orders(stream: Any) -> None:
    base = stream.standard_normal((4, 6))
    obj = [base.T, base[::2, ::-1], np.asfortranarray(base), np.broadcast_to(base[0], (3, 6)), base.astype(">f8"), Tensor(base).T, Tensor(base)[1:, 2]]
    for before, after in zip(obj, round_trip(obj), strict=True):
        np.testing.assert_array_equal(after.numpy() if isinstance(after, Tensor) else after, before.numpy() if isinstance(before, Tensor) else before)


def test_numpy_scalars_dtypes_devices_and_order() -> None:
    obj = {"z": np.float64(0.1), "a": np.int8(3), 3: ag.float16, (1, 2): ag.device("cpu"), True: np.bool_(True)}
    back = round_trip(obj)
    assert list(back) == list(obj)
    assert [type(value) for value in back.values()] == [type(value) for value in obj.values()]
    assert list(back.values()) == list(obj.values())


def test_subclasses_come_back_as_what_they_extend() -> None:
    point = namedtuple("point", "x y")
    ordered = round_trip(OrderedDict(b=1, a=2))
    assert type(ordered) is OrderedDict
    assert list(ordered) == ["b", "a"]
    assert same(round_trip([Counter("aab"), point(1, 2), ag.ones(2, 3).shape]), [{"a": 2, "b": 1}, (1, 2), (2, 3)])


def test_requires_grad_and_shared_tensors() -> None:
    w = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    back = round_trip({"w": w, "tied": w, "alias": w.detach(), "other": w.detach().clone(), "result": w * 2})
    assert back["w"].requires_grad
    assert back["w"].is_leaf
    assert back["tied"] is back["w"]
    assert np.shares_memory(back["alias"].numpy(), back["w"].detach().numpy())
    assert not back["alias"].requires_grad
    assert not np.shares_memory(back["other"].numpy(), back["w"].detach().numpy())
    assert back["result"].is_leaf
    with ag.no_grad():
        back["w"].fill_(7.0)
    assert back["alias"].tolist() == [[7.0] * 3] * 2


def test_a_shared_tensor_is_stored_once() -> None:
    big = Tensor(np.ones(100_000))
    file = io.BytesIO()
    save([big, big, big.detach(), big.reshape(-1)], file)
    assert len(file.getvalue()) < 1_000_000


def test_any_text_names_a_tensor() -> None:
    names = ["", "__metadata__", "a.b", "\ud800", "ä\n\"\\", "\x00"]
    back = round_trip({name: np.full(2, i) for i, name in enumerate(names)} | {"a": {"b": np.full(2, 9)}})
    assert [back[name].tolist() for name in names] == [[i, i] for i in range(len(names))]
    assert back["a"]["b"].tolist() == [9, 9]


def test_what_is_loaded_can_be_written() -> None:
    back = round_trip([np.zeros(3), ag.zeros(3), ag.tensor(1.0)])
    back[0][0] = back[1][0] = 5.0
    back[2].fill_(2.0)
    assert [back[0].tolist(), back[1].tolist(), back[2].item()] == [[5.0, 0.0, 0.0], [5.0, 0.0, 0.0], 2.0]


@pytest.mark.parametrize("name", ["state.safetensors", "state.pt", "state", "Gewichte ä.bin"])
def test_any_path(tmp_path: Path, name: str) -> None:
    for path in (tmp_path / name, str(tmp_path / name)):
        save({"x": ag.ones(2)}, path)
        assert load(path)["x"].tolist() == [1.0, 1.0]
    assert [each.name for each in tmp_path.iterdir()] == [name]


# --- other programs' files ----------------------------------------------------------------------------------------


def test_other_programs_read_our_tensors(tmp_path: Path) -> None:
    reader = pytest.importorskip("safetensors.numpy")
    save({"layer.weight": ag.ones(2, 3), "layer.bias": Tensor(np.zeros(3)), "flag": Tensor(np.array([True, False])), "epoch": 4}, tmp_path / "x.safetensors")
    found = reader.load_file(tmp_path / "x.safetensors")
    assert set(found) == {"layer.weight", "layer.bias", "flag"}
    np.testing.assert_array_equal(found["layer.weight"], np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(found["flag"], [True, False])


def test_we_read_other_programs_tensors(tmp_path: Path, stream: Any) -> None:
    writer = pytest.importorskip("safetensors.numpy")
    arrays = {dtype: (stream.standard_normal((3, 2)) * 9).astype(dtype) for dtype in DTYPES[:9]}
    arrays |= {"uint16": np.array([65535], np.uint16), "uint32": np.array([2**32 - 1], np.uint32), "uint64": np.array([5], np.uint64), "empty": np.zeros((0, 4))}
    writer.save_file(arrays, tmp_path / "x.safetensors", metadata={"format": "pt"})
    found = load(tmp_path / "x.safetensors")
    assert type(found) is dict
    for name, array in arrays.items():
        assert type(found[name]) is Tensor
        np.testing.assert_array_equal(found[name].numpy(), array)
    assert [found[f"uint{n}"].dtype.name for n in (16, 32, 64)] == ["uint16", "uint32", "uint64"]


def test_other_files_keep_the_order_of_their_header() -> None:
    names = [f"layer{i}" for i in (3, 1, 20, 2)]
    header = {name: {"dtype": "I8", "shape": [1], "data_offsets": [3 - i, 4 - i]} for i, name in enumerate(names)}
    found = load(io.BytesIO(raw(header, b"\3\2\1\0")))
    assert list(found) == names
    assert [tensor.item() for tensor in found.values()] == [0, 1, 2, 3]


def test_bfloat16_becomes_float32_exactly() -> None:
    values = np.array([1.0, -2.5, 3.140625, np.inf, -0.0, 1e38], np.float32)
    halves = (values.view(np.uint32) >> 16).astype("<u2")
    exact = (halves.astype(np.uint32) << 16).view(np.float32)
    found = load(io.BytesIO(raw({"w": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}}, halves.tobytes())))["w"]
    assert found.dtype is ag.float32
    assert found.numpy().tobytes() == exact.tobytes()


def test_complex_of_other_programs() -> None:
    array = np.array([1 + 2j, 3 - 4j], np.complex64)
    found = load(io.BytesIO(raw({"z": {"dtype": "C64", "shape": [2], "data_offsets": [0, 16]}}, array.astype("<c8").tobytes())))
    np.testing.assert_array_equal(found["z"].numpy(), array)


@pytest.mark.parametrize(("begin", "match"), [
    (b"PK\x03\x04" + bytes(60), "zip archive.*torch.save.*never opened.*weights_only=True"), (pickle.dumps({"a": [1.0] * 9}), "pickle.*save_file"),
    (b"\x93NUMPY" + bytes(60), "numpy.load"), (b"\x89HDF\r\n\x1a\n" + bytes(60), "HDF5"), (b"\x1f\x8b" + bytes(60), "gzip"), (b"GIF89a" + bytes(60), "no safetensors file"),
    (b'{"weights": [1, 2, 3]}', "no safetensors file"), (b"", "truncated or empty"), (b"abc", "truncated or empty"),
])
def test_foreign_files_are_named(tmp_path: Path, begin: bytes, match: str) -> None:
    (tmp_path / "model.pt").write_bytes(begin)
    with pytest.raises(FileFormatError, match=rf"model\.pt: .*{match}"):
        load(tmp_path / "model.pt")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "exploded",))

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(FileFormatError):
            load(io.BytesIO(pickle.dumps(Bomb(), protocol)))
    assert not (tmp_path / "exploded").exists()


# --- damage -------------------------------------------------------------------------------------------------------


def _example() -> bytes:
    file = io.BytesIO()
    save({"w": ag.ones(2, 3), 7: [0.5, None, (True, math.inf)], "n": np.arange(3, dtype=np.int16)}, file)
    return file.getvalue()


def test_every_flipped_bit_is_found() -> None:
    whole = _example()
    for position in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            with pytest.raises(FileFormatError):
                load(io.BytesIO(bytes(damaged)))


def test_every_truncation_and_tail_is_found() -> None:
    whole = _example()
    for length in range(len(whole)):
        with pytest.raises(FileFormatError):
            load(io.BytesIO(whole[:length]))
    with pytest.raises(FileFormatError, match="tail"):
        load(io.BytesIO(whole + b"\0"))


def entry(shape: Any = (2,), begin: Any = 0, end: Any = 8, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape) if isinstance(shape, tuple) else shape, "data_offsets": [begin, end]}


# The reasons in the library's words, which changed between its releases.
HEADER = "(JSON|UTF-8) in header|InvalidHeader"
SIZE = "overflow|invalid shape|ValidationOverflow|TensorInvalidInfo"
OFFSET = "invalid offset|InvalidOffset"

HOSTILE = {
    "huge header": (struct.pack("<Q", 2**63) + b"{}", "truncated"),
    "long header": (struct.pack("<Q", 3) + b"{}", "truncated"),
    "no JSON": (raw(b"\xff\xfe\xfd"), HEADER),
    "half JSON": (raw(b'{"a":'), HEADER),
    "list": (raw([1, 2]), HEADER),
    "number": (raw(b"3"), HEADER),
    "constant": (raw(b'{"a": NaN}'), HEADER),
    "many digits": (raw(b'{"a": ' + b"9" * 5000 + b"}"), HEADER),
    "key twice": (raw(b'{"a": {}, "a": {}}'), HEADER),
    "deep": (raw(b"[" * 100_000 + b"]" * 100_000), HEADER),
    "deep object": (raw(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), HEADER),
    "metadata": (raw({"__metadata__": [1]}), HEADER),
    "metadata values": (raw({"__metadata__": {"a": 1}}), HEADER),
    "no entry": (raw({"a": 3}), HEADER),
    "missing": (raw({"a": {"dtype": "F32", "shape": []}}), HEADER),
    "dtype": (raw({"a": entry(dtype="F4", shape=(16,))}, bytes(8)), f"dtype F4|{HEADER}"),
    "dtype type": (raw({"a": entry(dtype=["F32"])}, bytes(8)), HEADER),
    "negative shape": (raw({"a": entry((-2,))}, bytes(8)), HEADER),
    "real shape": (raw({"a": entry((2.0,))}, bytes(8)), HEADER),
    "boolean shape": (raw({"a": entry((True,), end=4)}, bytes(4)), HEADER),
    "text shape": (raw({"a": entry("2")}, bytes(8)), HEADER),
    "many dimensions": (raw({"a": entry((1,) * 100, end=4)}, bytes(4)), "impossible shape"),
    "huge shape": (raw({"a": entry((2**62, 2**62))}, bytes(8)), SIZE),
    "large shape": (raw({"a": entry((2**40, 2**10))}, bytes(8)), SIZE),
    "huge offsets": (raw({"a": entry((2**60,), end=2**62)}, bytes(8)), "truncated"),
    "no array's shape": (raw({"a": entry((0, 2**40, 2**40), end=0)}), "impossible shape"),
    "overflowing shape": (raw({"a": entry((2**32, 2**32, 0), end=0)}), SIZE),
    "empty with a huge side": (raw({"a": entry((0, 2**70), end=0)}), HEADER),
    "backward": (raw({"a": entry((), 8, 4)}, bytes(8)), OFFSET),
    "text offsets": (raw({"a": entry(begin="0")}, bytes(8)), HEADER),
    "overlap": (raw({"a": entry(), "b": entry(begin=4, end=12)}, bytes(12)), OFFSET),
    "same place": (raw({"a": entry(), "b": entry()}, bytes(8)), OFFSET),
    "gap": (raw({"a": entry(begin=4, end=12)}, bytes(12)), OFFSET),
    "no boolean": (raw({"a": entry((2,), 0, 2, "BOOL")}, b"\1\2"), "neither 0 nor 1"),
    "no checksum": (raw({"__metadata__": {"autograd_core": "{}"}}), "belong together"),
    "no structure": (raw({"__metadata__": {"checksum": "x"}}), "belong together"),
    "bad structure": (raw({"__metadata__": {"autograd_core": "{", "checksum": "x"}}), "not one that save"),
    "strange structure": (raw({"__metadata__": {"autograd_core": "[]", "checksum": "x"}}), "not one that save"),
    "newer": (raw({"__metadata__": {"autograd_core": '{"version": 99, "tree": null}', "checksum": "x"}}), "version 99"),
    "checksum": (raw({"__metadata__": {"autograd_core": '{"version": 1, "tree": null}', "checksum": "x"}}), "checksum"),
}


@pytest.mark.parametrize(("data", "match"), HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_files_are_refused_cheaply(tmp_path: Path, data: bytes, match: str) -> None:
    (tmp_path / "hostile").write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=rf"hostile: .*({match})"):
            load(tmp_path / "hostile")
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("tree", [
    ["unknown"], [], [3], {"a": 1}, ["list", ["tensor", "absent", {}]], ["tensor"], ["tensor", "w"], ["tensor", "w", 3], ["same", 0], ["same", "x"], ["dict", 3], ["dict", [1]],
    ["dict", [["list"], 1]], ["dict", ["a", 1], ["a", 2]], ["float", "x"], ["float"], ["complex", "x"], ["complex", "1", "2"], ["dtype", "object"], ["device", "moon"], ["array", "w", {"complex": "x"}],
    ["array", "w", {"complex": "complex64"}], ["tensor", "w", {"device": 3}],
])
def test_a_well_signed_but_senseless_structure_is_refused(monkeypatch: pytest.MonkeyPatch, tree: Any) -> None:
    class Senseless(serialization._Encoder):
        def encode(self, value: Any, path: Any) -> Any:
            self.arrays["w"] = np.ones(3, np.float32)
            return tree

    monkeypatch.setattr(serialization, "_Encoder", Senseless)
    file = io.BytesIO()
    save(None, file)
    with pytest.raises(FileFormatError, match="structure"):
        load(io.BytesIO(file.getvalue()))


def test_deep_structures() -> None:
    deep: Any = 1
    for _ in range(serialization.MAX_DEPTH):
        deep = [deep]
    assert same(round_trip(deep), deep)
    with pytest.raises(ValueError, match="nested deeper than 200"):
        round_trip([deep])


# --- failures -----------------------------------------------------------------------------------------------------


def test_what_cannot_be_saved_is_found_by_its_place(tmp_path: Path) -> None:
    save({"old": 1}, tmp_path / "x")
    for obj, error, match in [
        ({"model": {"layers": [1, lambda: 0]}}, TypeError, r"the object\['model'\]\['layers'\]\[1\] is a builtins\.function"),
        ({"a": {1, 2}}, TypeError, r"the object\['a'\] is a builtins\.set"),
        ([np.array(["text"])], TypeError, r"the object\[0\] is an array of <U4"),
        ([np.array([None])], TypeError, "array of object"),
        ({ag.ones(2): 1}, TypeError, "tensor as a key"),
        ({frozenset(): 1}, TypeError, "frozenset"),
        ([np.float32], TypeError, r"the object\[0\] is a builtins\.type"),
        (b"bytes", TypeError, "the object is a builtins.bytes"),
    ]:
        with pytest.raises(error, match=match):
            save(obj, tmp_path / "x")
    endless: list[Any] = []
    endless.append([endless])
    with pytest.raises(ValueError, match=r"the object\[0\]\[0\] contains itself"):
        save(endless, tmp_path / "x")
    assert load(tmp_path / "x") == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    save({"old": 1}, tmp_path / "x")

    def fail(*args: Any) -> None:
        raise OSError("No space left on device")

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            super().write(data[:20])
            raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        if step == "write":
            patch.setattr(files, "open", Full, raising=False)
        else:
            patch.setattr(os, step, fail)
        with pytest.raises(OSError, match="No space left"):
            save({"new": 2}, tmp_path / "x")
    assert load(tmp_path / "x") == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_no_reader_takes_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialization, "MAX_HEADER", 1000)
    save({"a": ag.ones(2)}, tmp_path / "x")
    with pytest.raises(ValueError, match="a file can hold 1000"):
        save({"a": ag.ones(2), "b": list(range(1000))}, tmp_path / "x")
    assert list(load(tmp_path / "x")) == ["a"]


def test_saving_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save(1, tmp_path / "absent" / "x")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent")


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither these permissions nor links for everybody")
def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save(1, tmp_path / "link")
    os.chmod(tmp_path / "real", 0o640)
    save(2, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640
    assert load(tmp_path / "link") == 2


# --- devices ------------------------------------------------------------------------------------------------------


def test_importing_the_library_does_not_import_safetensors() -> None:
    check = "import sys, autograd_core; sys.exit('safetensors' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=Path(__file__).parents[1], check=False).returncode == 0


def test_devices() -> None:
    from autograd_core.backend.cupy import CupyBackend
    from autograd_core.backend.registry import register_backend
    from tests.fakes.strict_backend import StrictBackend

    file = io.BytesIO()
    register_backend("cuda", StrictBackend)
    try:
        save({"gpu": ag.ones(2).to("cuda"), "cpu": ag.ones(2)}, file)
        there = load(io.BytesIO(file.getvalue()))
        assert (there["gpu"].device.type, there["cpu"].device.type) == ("cuda", "cpu")
        assert load(io.BytesIO(file.getvalue()), map_location="cuda")["cpu"].device.type == "cuda"
        assert load(io.BytesIO(file.getvalue()), map_location="cpu")["gpu"].device.type == "cpu"
    finally:
        register_backend("cuda", CupyBackend)
    if not ag.cuda.is_available():
        with pytest.raises(RuntimeError, match="map_location='cpu'"):
            load(io.BytesIO(file.getvalue()))
    assert load(io.BytesIO(file.getvalue()), map_location="cpu")["gpu"].tolist() == [1.0, 1.0]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cannot write 'weights.safetensors': there is no folder: .*missing'$"):
        ag.save({"w": ag.ones(2)}, tmp_path / "missing" / "weights.safetensors")
