#!/usr/bin/env python3
"""Makes operations/{products,convolution,pooling,normalization,reduction,elementwise}.json: operations that compute, with
results from PyTorch and NumPy in double precision, rounded to the type of the case.

    python3 tests/golden/make_dense_golden.py
"""
import itertools

import numpy
import torch
import torch.nn.functional as F

from operation_cases import Cases, ROUNDING

RANDOM = numpy.random.default_rng(11)
FLOATS = (numpy.float32, numpy.float16)


def array(shape, dtype=numpy.float32, low=-12, high=13, scale=8):
    """Multiples of 1/8: short as text, exact in fp16."""
    return (RANDOM.integers(low, high, size=shape) / scale).astype(dtype)


def torch64(value):
    return torch.from_numpy(numpy.asarray(value, dtype=numpy.float64))


def name_of(dtype):
    return {"float32": "fp32", "float16": "fp16"}.get(numpy.dtype(dtype).name, numpy.dtype(dtype).name)


class DenseCases(Cases):
    def add_float(self, name, operation, inputs, result, parameters=None, dtype=numpy.float32):
        """`result` in double; `tolerance` allows for one rounding of it and for the order of a short sum."""
        result = numpy.asarray(result.numpy() if torch.is_tensor(result) else result)
        self.add(f"{name} {name_of(dtype)}", operation, inputs, numpy.array(result.astype(dtype), order="C"), parameters,
                 tolerance=ROUNDING[name_of(dtype)])


# Padding of one axis.

def same_padding(pad_type, size, reach, stride):
    total = max(0, (-(-size // stride) - 1) * stride + reach - size)
    return (total // 2, total - total // 2) if pad_type == "same" else (total - total // 2, total // 2)


def paddings(pad_type, sizes, kernel, strides, dilations, custom):
    if pad_type == "valid":
        return [(0, 0)] * len(sizes)
    if pad_type == "custom":
        return [(custom[2 * i], custom[2 * i + 1]) for i in range(len(sizes))]
    return [same_padding(pad_type, size, d * (k - 1) + 1, s)
            for size, k, s, d in zip(sizes, kernel, strides, dilations)]


def padded(x, pads, value=0.0):
    flat = [edge for pad in reversed(pads) for edge in pad]
    return F.pad(torch64(x), flat, value=value)


CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def add_conv(cases, name, x_shape, weight_shape, pad_type="valid", strides=None, dilations=None, pad=None, groups=1,
             bias=True, dtype=numpy.float32):
    spatial = len(x_shape) - 2
    x, weight = array(x_shape, dtype), array(weight_shape, dtype)
    s, d = strides or [1] * spatial, dilations or [1] * spatial
    pads = paddings(pad_type, x_shape[2:], weight_shape[2:], s, d, pad)
    inputs = {"x": x, "weight": weight}
    if bias:
        inputs["bias"] = array((weight_shape[0],), dtype)
    y = CONVOLUTIONS[spatial](padded(x, pads), torch64(weight), torch64(inputs["bias"]) if bias else None, s, 0, d, groups)
    parameters = {"pad_type": pad_type, "groups": groups}
    if strides:
        parameters["strides"] = strides
    if dilations:
        parameters["dilations"] = dilations
    if pad:
        parameters["pad"] = pad
    cases.add_float(f"conv {name}", "conv", inputs, y, parameters, dtype)


def add_transposed(cases, name, x_shape, weight_shape, pad_type="valid", strides=None, dilations=None, pad=None, groups=1,
                   output_shape=None, bias=True, dtype=numpy.float32):
    spatial = len(x_shape) - 2
    x, weight = array(x_shape, dtype), array(weight_shape, dtype)
    s, d = strides or [1] * spatial, dilations or [1] * spatial
    inputs = {"x": x, "weight": weight}
    whole = TRANSPOSED[spatial](torch64(x), torch64(weight), None, s, 0, 0, groups, d).numpy()
    for i in range(spatial):
        size = x_shape[i + 2] * s[i] if pad_type.startswith("same") else whole.shape[i + 2]
        before = 0
        if pad_type == "custom":
            before, size = pad[2 * i], size - pad[2 * i] - pad[2 * i + 1]
        if output_shape:
            size = output_shape[i + 2]
        if pad_type.startswith("same"):
            total = max(0, whole.shape[i + 2] - size)
            before = total // 2 if pad_type == "same" else total - total // 2
        missing = max(0, before + size - whole.shape[i + 2])
        edges = [(0, 0)] * whole.ndim
        edges[i + 2] = (0, missing)
        whole = numpy.pad(whole, edges).take(range(before, before + size), axis=i + 2)
    if bias:
        inputs["bias"] = array((weight_shape[1] * groups,), dtype)
        whole = whole + inputs["bias"].astype(numpy.float64).reshape([-1] + [1] * spatial)
    parameters = {"pad_type": pad_type, "groups": groups}
    for key, value in (("strides", strides), ("dilations", dilations), ("pad", pad), ("output_shape", output_shape)):
        if value:
            parameters[key] = list(value)
    cases.add_float(f"conv_transpose {name}", "conv_transpose", inputs, whole, parameters, dtype)


def add_quantized(cases):
    x, stored = array((1, 2, 5, 4)), RANDOM.integers(0, 256, size=(3, 2, 3, 3)).astype(numpy.uint8)
    scale, shift = array((3,), low=1, high=5, scale=64), array((3,), scale=4)
    weight = stored * scale.astype(numpy.float64).reshape(3, 1, 1, 1) + shift.astype(numpy.float64).reshape(3, 1, 1, 1)
    y = F.conv2d(torch64(x), torch64(weight), padding=1)
    cases.add_float("conv_quantized", "conv_quantized",
                    {"x": x, "weight": stored, "quant_scale": scale, "quant_bias": shift}, y,
                    {"quantization_type": "linear", "pad_type": "same"})


def convolution():
    cases = DenseCases("convolution.json")
    for dtype in FLOATS:
        add_conv(cases, "pointwise", (2, 3, 2, 4), (5, 3, 1, 1), dtype=dtype)
        add_conv(cases, "pointwise strided", (1, 3, 3, 5), (2, 3, 1, 1), strides=[2, 2], dtype=dtype)
        add_conv(cases, "valid", (1, 3, 5, 6), (4, 3, 3, 2), dtype=dtype)
        add_conv(cases, "same dilated", (2, 2, 5, 7), (3, 2, 3, 3), "same", [1, 2], [2, 1], dtype=dtype)
        add_conv(cases, "depthwise", (1, 4, 5, 6), (4, 1, 3, 3), "same", groups=4, dtype=dtype)
        add_conv(cases, "of sequences", (2, 3, 9), (4, 3, 3), "custom", [2], pad=[1, 1], dtype=dtype)
    for pad_type in ("same", "same_lower"):
        add_conv(cases, f"{pad_type} with an odd pad", (1, 2, 5, 6), (3, 2, 2, 4), pad_type, [2, 1])
    add_conv(cases, "custom", (1, 2, 4, 5), (3, 2, 3, 3), "custom", [1, 2], [1, 2], [2, 0, 1, 3])
    add_conv(cases, "grouped", (2, 6, 4, 5), (4, 3, 2, 3), "same", groups=2, bias=False)
    add_conv(cases, "of volumes", (1, 2, 3, 4, 5), (2, 2, 2, 3, 2), "same", [1, 2, 1], [1, 1, 2])
    add_conv(cases, "of volumes in groups", (2, 4, 3, 3, 4), (4, 2, 2, 2, 3), "custom", pad=[1, 0, 0, 1, 1, 1], groups=2)
    add_conv(cases, "depthwise strided", (2, 3, 7, 9), (3, 1, 3, 3), "custom", [3, 2], [2, 3], [2, 2, 3, 1], 3)
    add_conv(cases, "depthwise with a multiplier", (1, 3, 4, 6), (6, 1, 2, 3), "same_lower", [1, 2], groups=3, bias=False)
    add_conv(cases, "depthwise of sequences", (1, 3, 40), (3, 1, 5), "same", [1], [3], groups=3)
    add_conv(cases, "depthwise of volumes", (1, 2, 3, 4, 4), (2, 1, 2, 2, 3), "same", groups=2)
    for dtype in FLOATS:
        add_transposed(cases, "valid", (2, 3, 3, 4), (3, 2, 2, 3), strides=[2, 1], dtype=dtype)
        add_transposed(cases, "same", (1, 2, 3, 4), (2, 3, 4, 3), "same", [2, 2], dtype=dtype)
    add_transposed(cases, "same_lower", (1, 2, 3, 4), (2, 3, 3, 2), "same_lower", [2, 3])
    add_transposed(cases, "custom", (1, 3, 4, 3), (3, 2, 3, 3), "custom", [2, 2], [1, 2], [1, 0, 2, 1])
    add_transposed(cases, "with an output shape", (1, 2, 3, 4), (2, 2, 3, 3), "custom", [2, 2], None, [1, 1, 1, 1],
                   output_shape=[1, 2, 6, 8])
    add_transposed(cases, "grouped", (2, 4, 3, 2), (4, 3, 2, 2), strides=[2, 2], groups=2, bias=False)
    add_transposed(cases, "depthwise", (1, 3, 3, 4), (3, 1, 4, 4), "custom", [2, 2], None, [1, 1, 1, 1], 3)
    add_transposed(cases, "of sequences", (2, 3, 5), (3, 2, 4), "same", [3])
    add_transposed(cases, "of volumes", (1, 2, 2, 3, 2), (2, 2, 2, 2, 3), strides=[2, 1, 2], dilations=[1, 2, 1])
    add_quantized(cases)
    cases.write()


def pool_windows(x, kernel, strides, pads, ceil_mode):
    """For each output position the slices of x that its window covers, and how many padded positions it covers."""
    axes = []
    for i, size in enumerate(x.shape[2:]):
        before, after = pads[i]
        room = size + before + after - kernel[i]
        count = (-(-room // strides[i]) if ceil_mode else room // strides[i]) + 1
        # PyTorch: a window must not begin behind x and the padding before it.
        if ceil_mode and before + after > 0 and (count - 1) * strides[i] >= size + before:
            count -= 1
        axis = []
        for o in range(count):
            first = o * strides[i] - before
            last = min(first + kernel[i], size + after)
            axis.append((slice(max(first, 0), max(min(last, size), 0)), last - first))
        axes.append(axis)
    return axes


def pooled(kind, x, axes, exclude):
    y = numpy.zeros(x.shape[:2] + tuple(len(axis) for axis in axes))
    for index in itertools.product(*(range(len(axis)) for axis in axes)):
        cover = [axes[i][index[i]] for i in range(len(axes))]
        window = x.astype(numpy.float64)[(slice(None), slice(None)) + tuple(c[0] for c in cover)]
        window = window.reshape(x.shape[0], x.shape[1], -1)
        if kind == "max_pool":
            value = window.max(axis=2)
        elif kind == "l2_pool":
            value = numpy.sqrt((window ** 2).sum(axis=2))
        else:
            value = window.sum(axis=2) / (window.shape[2] if exclude else numpy.prod([c[1] for c in cover]))
        y[(slice(None), slice(None)) + index] = value
    return y


def add_pool(cases, kind, x_shape, kernel, pad_type="valid", strides=None, pad=None, ceil_mode=False, exclude=None,
             dtype=numpy.float32):
    spatial = len(x_shape) - 2
    x, s = array(x_shape, dtype), strides or [1] * spatial
    pads = paddings(pad_type, x_shape[2:], kernel, s, [1] * spatial, pad)
    y = pooled(kind, x, pool_windows(x, kernel, s, pads, ceil_mode), exclude)
    symmetric = pad_type in ("valid", "custom") and all(before == after for before, after in pads)
    if symmetric and kind != "l2_pool":
        # PyTorch has the last word on rounding up and counting.
        before = [pair[0] for pair in pads]
        if kind == "max_pool":
            function = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[spatial]
            expected = function(torch64(x), kernel, s, before, 1, ceil_mode)
        else:
            function = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[spatial]
            expected = function(torch64(x), kernel, s, before, ceil_mode, not exclude)
        assert numpy.allclose(expected.numpy(), y), (kind, x_shape)
    parameters = {"kernel_sizes": kernel, "pad_type": pad_type, "ceil_mode": ceil_mode}
    if strides:
        parameters["strides"] = strides
    if pad:
        parameters["pad"] = pad
    if exclude is not None:
        parameters["exclude_padding_from_average"] = exclude
    flags = f"{pad_type}{' ceil' if ceil_mode else ''}{' exclude' if exclude else ''}"
    cases.add_float(f"{kind} {spatial}d {flags}", kind, {"x": x}, y, parameters, dtype)


def pooling():
    cases = DenseCases("pooling.json")
    for kind in ("max_pool", "avg_pool", "l2_pool"):
        for dtype in FLOATS:
            add_pool(cases, kind, (1, 2, 5, 6), [2, 3], "valid", [2, 2], dtype=dtype)
            add_pool(cases, kind, (2, 2, 5, 6), [3, 3], "same", [2, 2], dtype=dtype)
        add_pool(cases, kind, (1, 2, 5, 6), [2, 4], "same_lower", [1, 3])
        add_pool(cases, kind, (1, 2, 6, 7), [3, 3], "custom", [2, 2], [1, 1, 1, 1], ceil_mode=True)
        add_pool(cases, kind, (1, 2, 5, 5), [3, 2], "custom", [2, 3], [0, 1, 1, 0])
        add_pool(cases, kind, (2, 3, 9), [4], "custom", [3], [2, 2], ceil_mode=True)
        add_pool(cases, kind, (1, 1, 4, 5, 4), [2, 3, 2], "custom", [2, 1, 2], [1, 1, 1, 1, 0, 0])
        add_pool(cases, kind, (2, 3, 4, 5), [4, 5])
    add_pool(cases, "avg_pool", (1, 2, 6, 7), [3, 3], "custom", [2, 2], [1, 1, 1, 1], ceil_mode=True, exclude=True)
    add_pool(cases, "avg_pool", (1, 2, 5, 6), [3, 3], "same", [2, 2], exclude=True)
    add_pool(cases, "avg_pool", (1, 2, 5, 6), [3, 3], "same", [2, 2], exclude=False)
    cases.write()


def normalization():
    cases = DenseCases("normalization.json")
    for dtype in FLOATS:
        for shape in ((2, 3, 4), (1, 3, 2, 3), (1, 2, 2, 1, 2), (3, 4)):
            x, c = array(shape, dtype), shape[1]
            mean, gamma, beta = (array((c,), dtype) for _ in range(3))
            variance = array((c,), dtype, 1, 12)
            y = F.batch_norm(torch64(x), torch64(mean), torch64(variance), torch64(gamma), torch64(beta), eps=1e-3)
            cases.add_float(f"batch_norm {len(shape)}", "batch_norm",
                            {"x": x, "mean": mean, "variance": variance, "gamma": gamma, "beta": beta}, y,
                            {"epsilon": dtype(1e-3)}, dtype)
            if len(shape) < 3:
                continue
            y = F.instance_norm(torch64(x), weight=torch64(gamma), bias=torch64(beta), eps=1e-2)
            cases.add_float(f"instance_norm {len(shape)}", "instance_norm", {"x": x, "gamma": gamma, "beta": beta}, y,
                            {"epsilon": dtype(1e-2)}, dtype)
            scale = numpy.sqrt((x.astype(numpy.float64) ** 2).sum(axis=(-3, -2, -1), keepdims=True) + 0.5)
            cases.add_float(f"l2_norm {len(shape)}", "l2_norm", {"x": x}, x / scale, {"epsilon": dtype(0.5)}, dtype)
        x = array((2, 2, 2, 3), dtype)
        for axes in ([3], [-2, -1], [1, 2, 3]):
            shape = [x.shape[axis] for axis in axes]
            gamma, beta = array(shape, dtype), array(shape, dtype)
            y = F.layer_norm(torch64(x), shape, torch64(gamma), torch64(beta), 1e-2)
            cases.add_float(f"layer_norm {axes}", "layer_norm", {"x": x, "gamma": gamma, "beta": beta}, y,
                            {"axes": axes, "epsilon": dtype(1e-2)}, dtype)
        for size in (3, 4):
            x = array((2, 5, 2, 3), dtype)
            y = F.local_response_norm(torch64(x), size, alpha=0.5, beta=0.75, k=2.0)
            cases.add_float(f"local_response_norm {size}", "local_response_norm", {"x": x}, y,
                            {"size": size, "alpha": dtype(0.5), "beta": dtype(0.75), "k": dtype(2)}, dtype)
        for shape, axis in (((3, 4, 5), 0), ((3, 4, 5), 1), ((2, 3, 2, 4), -1), ((7,), 0), ((2, 2, 3, 2, 2), 2)):
            x = array(shape, dtype, -40, 41)
            cases.add_float(f"softmax {shape} axis {axis}", "softmax", {"x": x}, torch.softmax(torch64(x), axis),
                            {"axis": axis}, dtype)
    x = array((1, 3, 2, 5))
    cases.add_float("instance_norm plain", "instance_norm", {"x": x}, F.instance_norm(torch64(x)))
    cases.write()


def attention(cases, dtype):
    for shape, keys, width in (((1, 2, 3, 4), 3, 3), ((1, 3, 8), 5, 2), ((1, 2, 2, 2, 4), 3, 2)):
        query, key = array(shape, dtype), array(shape[:-2] + (keys, shape[-1]), dtype)
        value = array(shape[:-2] + (keys, width), dtype)
        scores = shape[:-1] + (keys,)
        masks = {"plain": None, "bool": RANDOM.integers(0, 2, size=(shape[-2], keys)).astype(bool),
                 "float": array((1,) * (len(shape) - 3) + scores[-3:], dtype),
                 "row": RANDOM.integers(0, 2, size=(1, keys)).astype(bool)}
        for label, mask in masks.items():
            if label != "plain" and (len(shape) == 3 or (len(shape) == 4) != (dtype == numpy.float32)):
                continue
            if mask is not None and mask.dtype == bool:
                mask[:, 0] = True
            weights = torch64(query) @ torch64(key).transpose(-1, -2) / shape[-1] ** 0.5
            if mask is not None and mask.dtype == bool:
                weights = weights.masked_fill(torch.from_numpy(~mask), float("-inf"))
            elif mask is not None:
                weights = weights + torch64(mask)
            y = torch.softmax(weights, -1) @ torch64(value)
            inputs = {"query": query, "key": key, "value": value}
            if mask is not None:
                inputs["attn_mask"] = mask
            cases.add_float(f"attention {len(shape)} {label}", "scaled_dot_product_attention", inputs, y, None, dtype)


def products():
    cases = DenseCases("products.json")
    for dtype in FLOATS + (numpy.int32,):
        make = (lambda shape: array(shape, dtype)) if dtype != numpy.int32 else (
            lambda shape: RANDOM.integers(-9, 10, size=shape).astype(dtype))
        add = cases.add_float if dtype != numpy.int32 else (
            lambda name, kind, inputs, y, parameters, dtype: cases.add(name + " int32", kind, inputs, y.astype(dtype), parameters))
        wide = numpy.int64 if dtype == numpy.int32 else numpy.float64
        for x_shape, y_shape in (((3, 4), (4, 5)), ((2, 1, 2, 4), (2, 4, 2)), ((4,), (2, 4, 3)), ((2, 3, 4), (4,)),
                                 ((4,), (4,)), ((1, 2, 1, 2, 3), (2, 1, 3, 3, 2))):
            x, y = make(x_shape), make(y_shape)
            add(f"matmul {x_shape} {y_shape}", "matmul", {"x": x, "y": y}, numpy.matmul(x.astype(wide), y.astype(wide)), None,
                dtype)
        x, y = make((2, 4, 3)), make((5, 4))
        add("matmul transposed", "matmul", {"x": x, "y": y}, x.astype(wide).transpose(0, 2, 1) @ y.astype(wide).T,
            {"transpose_x": True, "transpose_y": True}, dtype)
    for dtype in FLOATS:
        weight, bias = array((4, 6), dtype), array((4,), dtype)
        for shape in ((6,), (3, 6), (2, 1, 2, 6)):
            x = array(shape, dtype)
            cases.add_float(f"linear {shape}", "linear", {"x": x, "weight": weight, "bias": bias},
                            F.linear(torch64(x), torch64(weight), torch64(bias)), None, dtype)
        cases.add_float("linear without bias", "linear", {"x": x, "weight": weight}, F.linear(torch64(x), torch64(weight)),
                        None, dtype)
        attention(cases, dtype)
        for equation, x_shape, y_shape in (("nchw,nwhu->nchu", (2, 3, 4, 5), (2, 5, 4, 2)),
                                           ("abcd, adce -> abce", (1, 3, 1, 5), (2, 5, 4, 2)),
                                           ("chw,whu->chu", (3, 4, 5), (5, 1, 2))):
            x, y = array(x_shape, dtype), array(y_shape, dtype)
            wide = [numpy.broadcast_to(x.astype(numpy.float64), x_shape), y.astype(numpy.float64)]
            # NumPy's einsum broadcasts axes of one element only where the letters are ellipses.
            height = max(x_shape[-2], y_shape[-2])
            wide[0] = numpy.broadcast_to(wide[0], (max(x_shape[0], y_shape[0]),) * (len(x_shape) - 3) + x_shape[-3:-2] +
                                         (height, x_shape[-1]))
            wide[1] = numpy.broadcast_to(wide[1], (max(x_shape[0], y_shape[0]),) * (len(x_shape) - 3) + y_shape[-3:-2] +
                                         (height, y_shape[-1]))
            result = numpy.einsum(equation.replace(" ", ""), *wide)
            body = f'{cases_type(result, dtype)} z = einsum(equation = string("{equation}"), values = (x, y));'
            cases.add_program(f"einsum {equation} {name_of(dtype)}", {"x": x, "y": y}, body, ["z"],
                              [result.astype(dtype)], ROUNDING[name_of(dtype)])
    cases.write()


def cases_type(value, dtype):
    return f"tensor<{name_of(dtype)}, [{', '.join(map(str, value.shape))}]>"


REDUCTIONS = {
    "reduce_sum": lambda x, a, k: x.sum(axis=a, keepdims=k), "reduce_mean": lambda x, a, k: x.mean(axis=a, keepdims=k),
    "reduce_max": lambda x, a, k: x.max(axis=a, keepdims=k), "reduce_min": lambda x, a, k: x.min(axis=a, keepdims=k),
    "reduce_prod": lambda x, a, k: x.prod(axis=a, keepdims=k),
    "reduce_sum_square": lambda x, a, k: (x * x).sum(axis=a, keepdims=k),
    "reduce_l1_norm": lambda x, a, k: abs(x).sum(axis=a, keepdims=k),
    "reduce_l2_norm": lambda x, a, k: numpy.sqrt((x * x).sum(axis=a, keepdims=k)),
    "reduce_log_sum": lambda x, a, k: numpy.log(x.sum(axis=a, keepdims=k)),
    "reduce_log_sum_exp": lambda x, a, k: numpy.log(numpy.exp(x).sum(axis=a, keepdims=k)),
}


def reduction():
    cases = DenseCases("reduction.json")
    for kind, function in REDUCTIONS.items():
        for dtype in FLOATS:
            for shape, axes, keep in (((3, 4, 2), [0], False), ((3, 4, 2), [-1, 1], True), ((2, 2, 3, 1, 2), [0, -3, 4], False),
                                      ((6,), [], False), ((2, 3), None, True)):
                x = array(shape, dtype, 5, 14)
                y = function(x.astype(numpy.float64), tuple(axes) if axes else None, keep)
                parameters = {"keep_dims": keep}
                if axes is not None:
                    parameters["axes"] = axes
                cases.add_float(f"{kind} {shape} {axes}", kind, {"x": x}, numpy.asarray(y), parameters, dtype)
        if kind in ("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_sum_square", "reduce_l1_norm"):
            for dtype in (numpy.int32, numpy.int8, numpy.uint16, numpy.int64):
                x = RANDOM.integers(0 if dtype == numpy.uint16 else -5, 9, size=(3, 2, 4)).astype(dtype)
                y = function(x.astype(numpy.int64), (0, 2), False).astype(dtype)
                cases.add(f"{kind} {name_of(dtype)}", kind, {"x": x}, y, {"axes": [0, -1], "keep_dims": False})
    for dtype in FLOATS + (numpy.int32,):
        x = (RANDOM.permutation(18).reshape(2, 3, 3) - 9).astype(dtype)
        for axis in (0, 1, -1):
            for kind, function in (("reduce_argmax", numpy.argmax), ("reduce_argmin", numpy.argmin)):
                y = function(x, axis=axis, keepdims=True).astype(numpy.int32)
                cases.add(f"{kind} {axis} {name_of(dtype)}", kind, {"x": x}, y, {"axis": axis, "keep_dims": True})
            for exclusive, reverse in itertools.product((False, True), repeat=2):
                flipped = numpy.flip(x, axis) if reverse else x
                y = numpy.cumsum(flipped.astype(numpy.float64), axis=axis)
                y = y - flipped if exclusive else y
                y = (numpy.flip(y, axis) if reverse else y).astype(dtype)
                cases.add(f"cumsum {axis} {exclusive} {reverse} {name_of(dtype)}", "cumsum", {"x": x}, numpy.ascontiguousarray(y),
                          {"axis": axis, "exclusive": exclusive, "reverse": reverse})
    cases.write()


UNARY = {
    "abs": numpy.abs, "ceil": numpy.ceil, "cos": numpy.cos, "cosh": numpy.cosh, "exp": numpy.exp, "exp2": numpy.exp2,
    "floor": numpy.floor, "round": numpy.round, "sign": numpy.sign, "sin": numpy.sin, "sinh": numpy.sinh,
    "square": numpy.square, "tan": numpy.tan, "tanh": numpy.tanh, "atan": numpy.arctan,
    "erf": lambda x: torch.erf(torch64(x)).numpy(), "relu": lambda x: numpy.maximum(x, 0),
    "relu6": lambda x: numpy.clip(x, 0, 6), "sigmoid": lambda x: 1 / (1 + numpy.exp(-x)),
    "silu": lambda x: x / (1 + numpy.exp(-x)), "softplus": lambda x: F.softplus(torch64(x)).numpy(),
    "softsign": lambda x: F.softsign(torch64(x)).numpy(), "gelu": lambda x: F.gelu(torch64(x)).numpy(),
}
INSIDE_ONE = {"acos": numpy.arccos, "asin": numpy.arcsin, "atanh": numpy.arctanh}
POSITIVE = {"sqrt": numpy.sqrt, "log": numpy.log, "rsqrt": lambda x: 1 / numpy.sqrt(x)}
BINARY = {
    "add": numpy.add, "sub": numpy.subtract, "mul": numpy.multiply, "real_div": numpy.divide, "maximum": numpy.maximum,
    "minimum": numpy.minimum, "floor_div": numpy.floor_divide, "mod": numpy.mod,
}
COMPARISONS = {
    "equal": numpy.equal, "not_equal": numpy.not_equal, "less": numpy.less, "less_equal": numpy.less_equal,
    "greater": numpy.greater, "greater_equal": numpy.greater_equal,
}
LOGICAL = {"logical_and": numpy.logical_and, "logical_or": numpy.logical_or, "logical_xor": numpy.logical_xor}


def elementwise():
    cases = DenseCases("elementwise.json")
    for dtype in FLOATS:
        for table, low, high in ((UNARY, -24, 25), (INSIDE_ONE, -7, 8), (POSITIVE, 4, 30)):
            for kind, function in table.items():
                x = array((3, 5), dtype, low, high)
                cases.add_float(kind, kind, {"x": x}, function(x.astype(numpy.float64)), None, dtype)
        x = array((7,), dtype, 4, 30)
        cases.add_float("inverse", "inverse", {"x": x}, 1 / (x.astype(numpy.float64) + 1e-4), None, dtype)
        x = array((9,), dtype)
        cases.add_float("gelu by tanh", "gelu", {"x": x}, F.gelu(torch64(x), approximate="tanh"),
                        {"mode": "TANH_APPROXIMATION"}, dtype)
        for kind, function in BINARY.items():
            x, y = array((2, 3, 4), dtype), array((3, 1), dtype, 1, 13)
            cases.add_float(kind, kind, {"x": x, "y": y}, function(x.astype(numpy.float64), y.astype(numpy.float64)), None,
                            dtype)
        x, y = array((2, 5), dtype, 1, 16), array((5,), dtype)
        cases.add_float("pow", "pow", {"x": x, "y": y}, numpy.power(x.astype(numpy.float64), y.astype(numpy.float64)), None,
                        dtype)
        cases.add_float("clip", "clip", {"x": y}, numpy.clip(y, -0.5, 0.75), {"alpha": dtype(-0.5), "beta": dtype(0.75)}, dtype)
    for dtype in (numpy.int8, numpy.uint8, numpy.int16, numpy.uint16, numpy.int32, numpy.int64, numpy.uint32):
        info = numpy.iinfo(dtype)
        x = RANDOM.integers(max(info.min, -2 ** 31), min(info.max, 2 ** 31 - 1), size=(2, 6)).astype(dtype)
        y = RANDOM.integers(1, 9, size=(6,)).astype(dtype)
        for kind in ("add", "sub", "mul", "maximum", "minimum", "floor_div", "mod"):
            with numpy.errstate(over="ignore"):
                cases.add(f"{kind} {name_of(dtype)}", kind, {"x": x, "y": y}, BINARY[kind](x, y).astype(dtype))
        for kind in ("less", "greater_equal", "equal"):
            cases.add(f"{kind} {name_of(dtype)}", kind, {"x": x, "y": y}, COMPARISONS[kind](x, y))
        cases.add(f"cast {name_of(dtype)} to fp32", "cast", {"x": y}, y.astype(numpy.float32), {"dtype": "fp32"})
        x = array((6,), numpy.float16, 0, 80)
        cases.add(f"cast fp16 to {name_of(dtype)}", "cast", {"x": x}, numpy.trunc(x).astype(dtype), {"dtype": name_of(dtype)})
    for kind, function in COMPARISONS.items():
        x, y = array((4, 5), low=-2, high=3), array((5,), low=-2, high=3)
        cases.add(f"{kind} fp32", kind, {"x": x, "y": y}, function(x, y))
    for kind, function in LOGICAL.items():
        x, y = (RANDOM.integers(0, 2, size=(7,)).astype(bool) for _ in range(2))
        cases.add(kind, kind, {"x": x, "y": y}, function(x, y))
    condition = RANDOM.integers(0, 2, size=(4, 1)).astype(bool)
    for dtype in (numpy.float32, numpy.float16, numpy.int8, numpy.int64):
        a, b = (RANDOM.integers(-9, 9, size=size).astype(dtype) for size in ((4, 3), (3,)))
        cases.add(f"select {name_of(dtype)}", "select", {"cond": condition, "a": a, "b": b}, numpy.where(condition, a, b))
    cases.add("logical_not", "logical_not", {"x": condition}, ~condition)
    cases.write()


if __name__ == "__main__":
    products()
    convolution()
    pooling()
    normalization()
    reduction()
    elementwise()
