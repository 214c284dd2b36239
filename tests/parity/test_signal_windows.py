"""Windows for spectra, and signals that are recovered from their frames, against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag

torch = pytest.importorskip("torch")

NAMES = ("bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [0, 1, 2, 5, 8])
@pytest.mark.parametrize("periodic", [True, False])
def test_windows(name: str, length: int, periodic: bool) -> None:
    actual = getattr(ag, name)(length, periodic, dtype=ag.float64)
    expected = getattr(torch, name)(length, periodic, dtype=torch.float64)
    np.testing.assert_allclose(actual.numpy(), expected.numpy(), rtol=1e-10, atol=1e-15)
    assert getattr(ag, name)(length, periodic).dtype == ag.float32


@pytest.mark.parametrize("options", [(0.6, 0.3), (1.0,)])
def test_windows_of_other_shapes(options: tuple[float, ...]) -> None:
    np.testing.assert_allclose(ag.hamming_window(7, True, *options).numpy(), torch.hamming_window(7, True, *options).numpy(), rtol=1e-6)
    np.testing.assert_allclose(ag.kaiser_window(7, True, 5.0).numpy(), torch.kaiser_window(7, True, 5.0).numpy(), rtol=1e-5)


@pytest.mark.parametrize("call", [lambda m: m.hann_window(-1), lambda m: m.hann_window(4, dtype=m.int64)])
def test_refused_as_there(call: Any) -> None:
    for library in (ag, torch):
        with pytest.raises(RuntimeError):
            call(library)


@pytest.mark.parametrize("options", [{}, {"hop_length": 3}, {"win_length": 10}, {"normalized": True}, {"center": False, "length": 70}])
def test_a_signal_comes_back_from_its_frames(options: dict[str, Any]) -> None:
    def there_and_back(m: Any, signal: Any, window: Any) -> Any:
        forth = {key: value for key, value in options.items() if key != "length"}
        spectrum = m.stft(signal, 16, window=window, return_complex=True, **forth)
        return spectrum, m.istft(spectrum * 2, 16, window=window, **options)

    values = np.random.default_rng(0).standard_normal(80)
    shape = np.linspace(0.5, 1.0, options.get("win_length", 16))
    mine, other = ag.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    for actual, expected in zip(there_and_back(ag, mine, ag.tensor(shape)), there_and_back(torch, other, torch.tensor(shape)), strict=True):
        np.testing.assert_allclose(actual.detach().numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
        (found,) = ag.autograd.grad(actual.abs().square().sum(), mine, retain_graph=True)
        (wanted,) = torch.autograd.grad(expected.abs().square().sum(), other, retain_graph=True)
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-9, atol=1e-10)
