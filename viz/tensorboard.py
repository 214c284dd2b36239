"""TensorBoard's event files, under the names of ``torch.utils.tensorboard``. Needs the extra: ``pip install "autograd-core[tensorboard]"``."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .arrays import parameters, to_numpy

INSTALL = 'pip install "autograd-core[tensorboard]"'


class SummaryWriter:
    """Writes scalars, histograms, images, text and graphs into ``log_dir`` for ``tensorboard --logdir``; also a context manager.

    Parameters
    ----------
    log_dir : the folder of the event file. Default: ``runs/`` and the time.
    max_queue, flush_secs : how many events wait in memory, and for how long, in seconds.
    filename_suffix : appended to the file's name.

    Raises ``ImportError`` with the command that helps if ``tensorboard`` is not installed.
    """

    def __init__(self, log_dir: str | os.PathLike[str] | None = None, *, max_queue: int = 10, flush_secs: int = 120, filename_suffix: str = "") -> None:
        try:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise ImportError(f"SummaryWriter needs the package tensorboard. Run: {INSTALL}") from error
        self.log_dir = str(log_dir if log_dir is not None else Path("runs") / time.strftime("%b%d_%H-%M-%S"))
        self._files = EventFileWriter(self.log_dir, max_queue_size=max_queue, flush_secs=flush_secs, filename_suffix=filename_suffix)

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None) -> None:
        """One number: a Python number or a Tensor of one element."""
        number = to_numpy(scalar_value)
        if number.size != 1:
            raise ValueError(f"add_scalar: {tag!r} has the shape {number.shape}, expected one number")
        self._summary(tag, global_step, walltime, simple_value=float(number.item()))

    def add_scalars(self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: int | None = None, walltime: float | None = None) -> None:
        """Several numbers under ``main_tag/name``."""
        for name, number in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{name}", number, global_step, walltime)

    def add_histogram(self, tag: str, values: Any, global_step: int | None = None, bins: int | str = "auto", walltime: float | None = None) -> None:
        """The distribution of an array's finite elements; ``bins`` as for ``numpy.histogram``."""
        import numpy as np
        from tensorboard.compat.proto.summary_pb2 import HistogramProto

        numbers = to_numpy(values).reshape(-1).astype("float64")
        numbers = numbers[np.isfinite(numbers)]
        if not numbers.size:
            raise ValueError(f"add_histogram: {tag!r} has no finite element")
        counts, limits = np.histogram(numbers, bins=bins)
        histogram = HistogramProto(min=numbers.min(), max=numbers.max(), num=numbers.size, sum=numbers.sum(), sum_squares=(numbers**2).sum(),
                                   bucket_limit=limits[1:].tolist(), bucket=counts.tolist())
        self._summary(tag, global_step, walltime, histo=histogram)

    def add_image(self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None, dataformats: str = "CHW") -> None:
        """One image, floats from 0 to 1 or uint8: ``dataformats`` says the order of channel, height and width, ``HW`` for a grey one."""
        import numpy as np
        from PIL import Image
        from tensorboard.compat.proto.summary_pb2 import Summary

        pixels = to_numpy(img_tensor)
        if pixels.ndim != len(dataformats) or set(dataformats) not in ({"C", "H", "W"}, {"H", "W"}):
            raise ValueError(f"add_image: {tag!r} has the shape {pixels.shape}, which is not {dataformats!r}")
        if "C" in dataformats:
            pixels = pixels.transpose([dataformats.index(letter) for letter in "HWC"])
            pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
        if pixels.dtype.kind == "f":
            pixels = np.nan_to_num(np.clip(pixels, 0, 1)) * 255
        buffer = io.BytesIO()
        Image.fromarray(pixels.astype("uint8")).save(buffer, format="PNG")
        height, width = pixels.shape[:2]
        image = Summary.Image(height=height, width=width, colorspace=1 if pixels.ndim == 2 else pixels.shape[-1], encoded_image_string=buffer.getvalue())
        self._summary(tag, global_step, walltime, image=image)

    def add_figure(self, tag: str, figure: Any, global_step: int | None = None, close: bool = True, walltime: float | None = None) -> None:
        """A Matplotlib figure as an image. ``close`` is PyTorch's parameter; figures of ``viz`` need no closing."""
        import numpy as np
        from PIL import Image

        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        self.add_image(tag, np.asarray(Image.open(buffer).convert("RGB")), global_step, walltime, "HWC")

    def add_text(self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None) -> None:
        """A text in Markdown."""
        from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        tensor = TensorProto(dtype="DT_STRING", string_val=[text_string.encode()], tensor_shape=shape)
        self._summary(f"{tag}/text_summary", global_step, walltime, metadata=metadata, tensor=tensor)

    def add_graph(self, model: Any, input_to_model: Any = None) -> None:
        """The graph of a module called with ``input_to_model``, or of a tensor: values and operations, nested by module."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.graph_pb2 import GraphDef
        from tensorboard.compat.proto.node_def_pb2 import NodeDef
        from tensorboard.compat.proto.versions_pb2 import VersionDef

        from .drawing import called
        from .records import built

        function = callable(model) and not hasattr(model, "backward")
        record = built(called(model, () if input_to_model is None else input_to_model)[0] if function else model, None, parameters(model) if function else None).record
        names = _graph_names([*record.values, *record.ops])
        inputs: dict[str, list[str]] = {}
        for edge in record.edges:
            inputs.setdefault(edge.target, []).append(names[edge.source])
        nodes = [NodeDef(name=names[value.id], op=value.role, input=inputs.get(value.id, [])) for value in record.values]
        nodes += [NodeDef(name=names[op.id], op=op.op, input=inputs.get(op.id, [])) for op in record.ops]
        graph = GraphDef(node=nodes, versions=VersionDef(producer=22))
        self._files.add_event(Event(wall_time=time.time(), graph_def=graph.SerializeToString()))

    def flush(self) -> None:
        """Write what waits in memory."""
        self._files.flush()

    def close(self) -> None:
        """Write what waits in memory, and end the file."""
        self._files.close()

    def _summary(self, tag: str, step: int | None, walltime: float | None, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        event = Event(wall_time=time.time() if walltime is None else walltime, summary=Summary(value=[Summary.Value(tag=tag, **content)]))
        if step is not None:
            event.step = int(step)
        self._files.add_event(event)


def _graph_names(nodes: Sequence[Any]) -> dict[str, str]:
    """A name for each node that TensorBoard accepts: module path, own name, identifier."""
    import re

    named = {}
    for node in nodes:
        own = getattr(node, "op", None) or getattr(node, "name", None) or node.role
        parts = [*(node.scope.split(".") if node.scope else []), f"{own.rpartition('.')[2] if node.scope else own}_{node.id}"]
        named[node.id] = "/".join(re.sub(r"[^A-Za-z0-9_.\-]", "_", part) or "_" for part in parts)
    return named
