"""What the tests of pictures draw, and how they look at it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np

import autograd_core as ag
from autograd_core.config import MODE

HOSTILE = '"><script>alert(1)</script>&amp; \\N \\l <b> \x00\x1b\ud800'


def leaf(value, name=None):
    return ag.Tensor(value, requires_grad=True, name=name)


def lecture_example():
    x, y, z = leaf(-2.0, "x"), leaf(5.0, "y"), leaf(-4.0, "z")
    q = x + y
    f = q * z
    f.backward()
    return x, y, z, q, f


class scope:
    """Record as the module of this path does."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.token = MODE.set(MODE.get().scoped(self.path))

    def __exit__(self, *exc_info):
        MODE.reset(self.token)


def small_network():
    """Two layers by hand, with the scopes and names that modules give."""
    rng = np.random.default_rng(0)
    h = ag.Tensor(rng.normal(size=(5, 3)).astype("float32"), name="images")
    with ag.record():
        for layer, (inputs, outputs) in {"0": (3, 4), "2": (4, 2)}.items():
            weight = leaf(rng.normal(size=(inputs, outputs)).astype("float32"), f"{layer}.weight")
            bias = leaf(np.zeros(outputs, dtype="float32"), f"{layer}.bias")
            with scope(layer):
                h = h @ weight + bias
            if layer == "0":
                with scope("1"):
                    h = h.relu()
        loss = (h * h).sum()
    loss.backward()
    return loss


def picture(path):
    """The pixels of a PNG, decoded by a library that did not write it."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def texts(svg):
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
