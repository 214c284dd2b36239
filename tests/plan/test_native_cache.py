"""The compiler and the cache of built libraries: what is torn, foreign or made for another machine is never loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_core.plan.native import cache, toolchain
from autograd_core.plan.native.toolchain import ToolchainError, build, compile_c, missing

pytestmark = pytest.mark.native
ANSWER = "int answer(void) { return %d; }\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and nothing loaded yet."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(toolchain, "_loaded", {})
    return tmp_path / "native"


def kept(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.suffix == cache.SUFFIX)


def test_builds_once_and_finds_it_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(ANSWER % 41)
    assert (first.library.answer(), first.cached) == (41, False)
    assert build(ANSWER % 41).library is first.library
    monkeypatch.setattr(toolchain, "_loaded", {})
    again = build(ANSWER % 41)
    assert (again.library.answer(), again.cached) == (41, True)
    assert not build(ANSWER % 40).cached


def test_other_flags_and_other_machines_are_other_libraries(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_c(ANSWER % 1)
    assert not build(ANSWER % 1, "-O1").cached
    monkeypatch.setattr(toolchain, "_loaded", {})
    monkeypatch.setattr(toolchain, "machine", lambda: "another machine")
    assert not build(ANSWER % 1).cached


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: data[:-1] + bytes([data[-1] ^ 1])], ids=["torn", "empty", "one bit"])
def test_a_damaged_file_is_built_anew(place: Path, monkeypatch: pytest.MonkeyPatch, damage: object) -> None:
    compile_c(ANSWER % 42)
    (path,) = [each for each in kept(place) if toolchain._key(ANSWER % 42, "-O3", toolchain._compiler()) in each.name]
    data = path.read_bytes()
    path.unlink()  # the file that is loaded keeps its memory
    path.write_bytes(damage(data))  # type: ignore[operator]
    monkeypatch.setattr(toolchain, "_loaded", {})
    again = build(ANSWER % 42)
    assert (again.library.answer(), again.cached) == (42, False)
    assert path.read_bytes() == data or not path.exists()


def test_a_foreign_library_under_the_key_is_not_loaded(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_c(ANSWER % 13)
    foreign = kept(place)
    compile_c(ANSWER % 42)
    (mine,) = [path for path in kept(place) if path not in foreign]
    data = next(path for path in foreign if toolchain._key(ANSWER % 13, "-O3", toolchain._compiler()) in path.name).read_bytes()
    mine.unlink()
    mine.write_bytes(data)
    monkeypatch.setattr(toolchain, "_loaded", {})
    assert compile_c(ANSWER % 42).answer() == 42


def test_without_a_folder_to_write_to_it_still_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    assert cache.folder() is None
    first = build(ANSWER % 5)
    assert (first.library.answer(), first.cached) == (5, False)
    assert build(ANSWER % 5).library is first.library


def test_a_file_that_cannot_be_kept_is_used_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(cache, "write_whole", refused)
    assert compile_c(ANSWER % 6).answer() == 6


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions are POSIX's")
def test_a_folder_that_others_can_write_to_is_not_trusted(place: Path) -> None:
    compile_c(ANSWER % 7)
    place.chmod(0o777)
    assert cache.folder() is None
    assert cache.find(toolchain._key(ANSWER % 7, "-O3", toolchain._compiler())) is None


def test_the_oldest_go_when_there_are_too_many(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST", 3)
    for i in range(5):
        compile_c(ANSWER % i)
        os.utime(kept(place)[0])
    assert len(kept(place)) == 3


def test_processes_side_by_side(place: Path) -> None:
    program = f"from autograd_core.plan.native.toolchain import compile_c\nassert compile_c({ANSWER % 9!r}).answer() == 9\nprint('fine')"
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) for _ in range(4)]
    assert [process.communicate()[0].strip() for process in running] == ["fine"] * 4
    for path in kept(place):
        assert cache._name(path.name.split("-")[0], path.read_bytes()) == path.name


def test_what_the_compiler_complains_about_is_told() -> None:
    with pytest.raises(ToolchainError, match=r"(?s)failed: .*not_declared"):
        compile_c("int answer(void) { return not_declared; }")


def test_no_compiler_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert missing() == "there is no C compiler: install gcc or clang, or name one in $CC"
    with pytest.raises(ToolchainError, match="no C compiler"):
        compile_c(ANSWER % 8)
    monkeypatch.setenv("CC", "no-such-compiler -v")
    assert missing() == "$CC names 'no-such-compiler -v', which is not on the PATH"
