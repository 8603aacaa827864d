#!/usr/bin/env python3
"""Makes operations/movement.json: operations that move elements, with results from NumPy and PyTorch.

    python3 tests/golden/make_movement_golden.py
"""
import numpy
import torch

from operation_cases import Cases

RANDOM = numpy.random.default_rng(5)


def array(shape, dtype):
    """Distinct small numbers where the type has enough of them."""
    count = int(numpy.prod(shape))
    values = RANDOM.permutation(count) - count // 2
    return (values % 2 == 0 if dtype == numpy.bool_ else values % 100).astype(dtype).reshape(shape)


def add_depth_and_space(cases, dtype):
    name = numpy.dtype(dtype).name
    x = array((1, 8, 2, 3), dtype)
    wide = torch.pixel_shuffle(torch.from_numpy(x.astype(numpy.float64)), 2).numpy().astype(dtype)
    cases.add(f"pixel_shuffle {name}", "pixel_shuffle", {"x": x}, wide, {"upscale_factor": 2})
    cases.add(f"pixel_unshuffle {name}", "pixel_unshuffle", {"x": wide}, x, {"downscale_factor": 2})
    # TensorFlow's order: the block index is the outer part of the channel.
    n, c, h, w = x.shape
    y = x.reshape(n, 2, 2, c // 4, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c // 4, h * 2, w * 2)
    cases.add(f"depth_to_space {name}", "depth_to_space", {"x": x}, y, {"block_size": 2})
    cases.add(f"space_to_depth {name}", "space_to_depth", {"x": y}, x, {"block_size": 2})


def space_to_batch(x, block, paddings):
    """As TensorFlow describes it, with the channels on axis 1."""
    axes = len(block)
    padded = numpy.pad(x, [(0, 0), (0, 0)] + list(paddings) + [(0, 0)] * (x.ndim - 2 - axes))
    shape = list(padded.shape[:2])
    for i, size in enumerate(block):
        shape += [padded.shape[2 + i] // size, size]
    rest = list(padded.shape[2 + axes:])
    spread = padded.reshape(shape + rest)
    blocks = [3 + 2 * i for i in range(axes)]
    counts = [2 + 2 * i for i in range(axes)]
    tail = list(range(2 + 2 * axes, spread.ndim))
    moved = spread.transpose(blocks + [0, 1] + counts + tail)
    return moved.reshape([-1, x.shape[1]] + [shape[axis] for axis in counts] + rest), padded


def add_batch_and_space(cases, dtype):
    name = numpy.dtype(dtype).name
    for shape, block, paddings in (((2, 2, 2, 6), (2, 3), ((0, 0), (0, 0))), ((1, 1, 3, 5), (2, 2), ((1, 0), (2, 1))),
                                   ((2, 2, 5), (3,), ((0, 1),)), ((2, 1, 4, 2, 3), (2,), ((2, 0),)),
                                   ((1, 1, 2, 2, 2), (2, 1, 2), ((0, 0), (1, 1), (1, 1))))[:5 if dtype == numpy.float32 else 1]:
        x = array(shape, dtype)
        y, _ = space_to_batch(x, block, paddings)
        edges = numpy.array(paddings, dtype=numpy.int32)
        cases.add(f"space_to_batch {shape} {name}", "space_to_batch", {"x": x}, y,
                  {"block_shape": list(block), "paddings": edges})
        cases.add(f"batch_to_space {shape} {name}", "batch_to_space", {"x": y}, x,
                  {"block_shape": list(block), "crops": edges})


def add_windows(cases, dtype):
    name = numpy.dtype(dtype).name
    x = array((2, 7, 2), dtype)
    for axis, size, stride in ((1, 3, 2), (-1, 2, 1), (0, 1, 1), (1, 7, 5)):
        y = torch.from_numpy(x.astype(numpy.float64)).unfold(axis, size, stride).numpy()
        position = axis % x.ndim
        y = numpy.moveaxis(y, -1, position + 1).astype(dtype)
        cases.add(f"sliding_windows {axis} {size} {stride} {name}", "sliding_windows", {"x": x}, y,
                  {"axis": axis, "size": size, "stride": stride})


def reversed_sequences(x, lengths, seq_axis, batch_axis):
    y = x.copy()
    for b, length in enumerate(lengths):
        place = [slice(None)] * x.ndim
        place[batch_axis] = b
        row = x[tuple(place)]
        axis = seq_axis - (batch_axis < seq_axis)
        head = numpy.flip(numpy.take(row, range(length), axis), axis)
        tail = numpy.take(row, range(length, row.shape[axis]), axis)
        y[tuple(place)] = numpy.concatenate([head, tail], axis)
    return y


def add_sequences(cases, dtype):
    name = numpy.dtype(dtype).name
    x = array((3, 5, 2), dtype)
    for lengths, seq_axis, batch_axis in (((5, 0, 2), 1, 0), ((1, 3), 0, 2), ((2, 1, 2, 0, 1), 2, 1)):
        lengths = numpy.array(lengths, dtype=numpy.int32)
        cases.add(f"reverse_sequence {seq_axis} {batch_axis} {name}", "reverse_sequence", {"x": x, "lengths": lengths},
                  reversed_sequences(x, lengths, seq_axis, batch_axis), {"seq_axis": seq_axis, "batch_axis": batch_axis})


def add_gathers(cases, dtype):
    name = numpy.dtype(dtype).name
    x = array((3, 4, 2), dtype)
    for index_dtype in (numpy.int32, numpy.uint16) if dtype == numpy.float32 else (numpy.int32,):
        suffix = f"{name} {numpy.dtype(index_dtype).name}"
        indices = RANDOM.integers(0, 3, (2, 3, 2)).astype(index_dtype)
        cases.add(f"gather_nd {suffix}", "gather_nd", {"x": x, "indices": indices}, x[indices[..., 0], indices[..., 1]])
        whole = RANDOM.integers(0, 2, (4, 3)).astype(index_dtype)
        cases.add(f"gather_nd of elements {suffix}", "gather_nd", {"x": x, "indices": whole},
                  x[whole[:, 0], whole[:, 1], whole[:, 2]])
        batched = RANDOM.integers(0, 4, (3, 3, 1)).astype(index_dtype)
        y = numpy.stack([x[b][batched[b, :, 0]] for b in range(3)])
        cases.add(f"gather_nd with batch axes {suffix}", "gather_nd", {"x": x, "indices": batched}, y, {"batch_dims": 1})
        two = RANDOM.integers(0, 2, (3, 4, 1)).astype(index_dtype)
        y = numpy.stack([[x[b, c, two[b, c, 0]] for c in range(4)] for b in range(3)])
        cases.add(f"gather_nd with two batch axes {suffix}", "gather_nd", {"x": x, "indices": two}, y, {"batch_dims": 2})
        rows = RANDOM.integers(0, 2, (3, 2, 2)).astype(index_dtype)
        y = numpy.stack([x[b][rows[b]] for b in range(3)])
        cases.add(f"gather with batch axes {suffix}", "gather", {"x": x, "indices": rows}, y,
                  {"axis": 1, "batch_dims": 1, "validate_indices": True})
        cases.add(f"gather {suffix}", "gather", {"x": x, "indices": rows}, numpy.take(x, rows, axis=2), {"axis": -1})
        along = RANDOM.integers(0, 4, (3, 2, 2)).astype(index_dtype)
        cases.add(f"gather_along_axis {suffix}", "gather_along_axis", {"x": x, "indices": along},
                  numpy.take_along_axis(x, along.astype(numpy.int64), 1), {"axis": 1})
    negative = RANDOM.integers(-3, 3, (4, 1)).astype(numpy.int32)
    cases.add(f"gather_nd negative {name}", "gather_nd", {"x": x, "indices": negative}, x[negative[:, 0]])


MODES = {"update": lambda a, b: b, "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
         "div": lambda a, b: a / b, "max": max, "min": min}


def add_scatters(cases, dtype, modes=tuple(MODES)):
    """Updates one by one, in their order; repeated indices included."""
    name = numpy.dtype(dtype).name
    is_float = numpy.dtype(dtype).kind == "f"
    tolerance = {numpy.float32: 1e-6, numpy.float16: 1e-3}.get(dtype, 0.0)

    def numbers(shape):
        values = RANDOM.integers(1, 5, shape)
        return (values / 4 if is_float else values).astype(dtype)

    def applied(data, mode, pairs):
        y = data.astype(numpy.float64)
        for target, update in pairs:
            y[target] = MODES[mode](y[target], float(update))
            if not is_float:
                y[target] = numpy.trunc(y[target])
        return y.astype(dtype)

    for mode in modes:
        data = numbers((4, 3))
        indices = RANDOM.integers(-4, 4, (5, 1)).astype(numpy.int32)
        updates = numbers((5, 3))
        pairs = [((indices[i, 0], j), updates[i, j]) for i in range(5) for j in range(3)]
        cases.add(f"scatter_nd {mode} {name}", "scatter_nd", {"data": data, "indices": indices, "updates": updates},
                  applied(data, mode, pairs), {"mode": mode}, tolerance)
        cases.add(f"scatter {mode} {name}", "scatter",
                  {"data": data, "indices": indices[:, 0], "updates": updates}, applied(data, mode, pairs),
                  {"mode": mode, "axis": 0}, tolerance)
        columns = RANDOM.integers(0, 3, (4, 2)).astype(numpy.int32)
        updates = numbers((4, 2))
        pairs = [((i, columns[i, j]), updates[i, j]) for i in range(4) for j in range(2)]
        cases.add(f"scatter_along_axis {mode} {name}", "scatter_along_axis",
                  {"data": data, "indices": columns, "updates": updates}, applied(data, mode, pairs),
                  {"mode": mode, "axis": -1}, tolerance)
        points = RANDOM.integers(0, 3, (2, 3, 2)).astype(numpy.int32)
        updates = numbers((2, 3))
        pairs = [(tuple(points[i, j]), updates[i, j]) for i in range(2) for j in range(3)]
        cases.add(f"scatter_nd of elements {mode} {name}", "scatter_nd",
                  {"data": data, "indices": points, "updates": updates}, applied(data, mode, pairs), {"mode": mode},
                  tolerance)


def add_empty(cases):
    """Tensors without elements, and an axis of no element where it may stand."""
    def empty(*shape):
        return numpy.zeros(shape, dtype=numpy.float32)

    def none(*shape):
        return numpy.zeros(shape, dtype=numpy.int32)

    x = numpy.ones((2, 3), dtype=numpy.float32)
    cases.add("pixel_shuffle of nothing", "pixel_shuffle", {"x": empty(0, 4, 2, 2)}, empty(0, 1, 4, 4),
              {"upscale_factor": 2})
    cases.add("space_to_depth of nothing", "space_to_depth", {"x": empty(1, 3, 0, 2)}, empty(1, 12, 0, 1),
              {"block_size": 2})
    cases.add("space_to_batch of nothing", "space_to_batch", {"x": empty(1, 1, 0)}, empty(2, 1, 1),
              {"block_shape": [2], "paddings": numpy.array([[1, 1]], dtype=numpy.int32)})
    cases.add("batch_to_space of nothing", "batch_to_space", {"x": empty(2, 0, 3)}, empty(1, 0, 5),
              {"block_shape": [2], "crops": numpy.array([[1, 0]], dtype=numpy.int32)})
    cases.add("sliding_windows of nothing", "sliding_windows", {"x": empty(0, 3)}, empty(0, 2, 2),
              {"axis": 1, "size": 2})
    cases.add("reverse_sequence of nothing", "reverse_sequence", {"x": empty(2, 0), "lengths": none(2)}, empty(2, 0),
              {"seq_axis": 1})
    cases.add("reverse_sequence of no batch", "reverse_sequence", {"x": empty(0, 2), "lengths": none(0)}, empty(0, 2),
              {"seq_axis": 1})
    cases.add("flatten2d of nothing", "flatten2d", {"x": empty(2, 0, 3)}, empty(2, 0))
    cases.add("gather_nd of nothing", "gather_nd", {"x": empty(3, 0), "indices": none(4, 1)}, empty(4, 0))
    cases.add("gather_nd by nothing", "gather_nd", {"x": x, "indices": none(0, 2)}, empty(0))
    cases.add("gather_nd without coordinates", "gather_nd", {"x": x, "indices": none(2, 0)}, numpy.stack([x, x]))
    cases.add("scatter_nd of nothing", "scatter_nd", {"data": x, "indices": none(0, 1), "updates": empty(0, 3)}, x)
    cases.add("scatter_nd into nothing", "scatter_nd",
              {"data": empty(2, 0), "indices": none(3, 1), "updates": empty(3, 0)}, empty(2, 0))
    cases.add("scatter of nothing", "scatter", {"data": x, "indices": none(0), "updates": empty(0, 3)}, x)
    cases.add("scatter_along_axis of nothing", "scatter_along_axis",
              {"data": x, "indices": none(2, 0), "updates": empty(2, 0)}, x, {"axis": 1})
    cases.add("gather of nothing", "gather", {"x": empty(2, 0), "indices": none(3)}, empty(3, 0))
    cases.add("gather_along_axis by nothing", "gather_along_axis", {"x": x, "indices": none(0, 3)}, empty(0, 3))


def main():
    cases = Cases("movement.json")
    for dtype in (numpy.float32, numpy.float16, numpy.int8):
        add_depth_and_space(cases, dtype)
        add_windows(cases, dtype)
        add_sequences(cases, dtype)
        add_batch_and_space(cases, dtype)
    for dtype in (numpy.float32, numpy.int64, numpy.bool_):
        add_gathers(cases, dtype)
    add_scatters(cases, numpy.float32)
    add_scatters(cases, numpy.float16, ("add", "div", "max"))
    add_scatters(cases, numpy.int32, ("sub", "mul", "min"))
    add_scatters(cases, numpy.int16, ("add", "div", "update"))
    add_scatters(cases, numpy.int64, ("div", "max"))
    add_scatters(cases, numpy.bool_, ("update",))
    add_empty(cases)
    cases.write()


if __name__ == "__main__":
    main()
