#!/usr/bin/env python3
"""Makes operations/elementary.json: activations, sorting, quantization, compressed weights, and slices, ranges and
coordinates with run-time numbers, with results from NumPy and PyTorch.

    python3 tests/golden/make_elementary_golden.py
"""
import numpy
import torch

from operation_cases import ROUNDING, Cases, Typed

RANDOM = numpy.random.default_rng(3)
FLOATS = (numpy.float32, numpy.float16)


def name_of(dtype):
    return numpy.dtype(dtype).name


def rounding(dtype):
    return ROUNDING["fp32" if dtype == numpy.float32 else "fp16"]


def eighths(*shape, dtype=numpy.float32, low=-24, high=25):
    return (RANDOM.integers(low, high, shape) / 8).astype(dtype)


def add_activations(cases, dtype):
    f = torch.nn.functional
    x = eighths(2, 3, 2, dtype=dtype)
    x.ravel()[:2] = 0, -0.0
    t = torch.from_numpy(x.astype(numpy.float64))
    alpha, beta = eighths(3, dtype=dtype, low=1), eighths(3, dtype=dtype, low=1)
    per_channel = torch.from_numpy(alpha.astype(numpy.float64)), torch.from_numpy(beta.astype(numpy.float64))[None, :, None]
    for kind, parameters, y in (
            ("clamped_relu", {"alpha": 0.25, "beta": 1.5}, f.leaky_relu(t, 0.25).clamp(max=1.5)),
            ("linear_activation", {"alpha": 0.5, "beta": -1.25}, 0.5 * t - 1.25),
            ("scaled_tanh", {"alpha": 1.5, "beta": 0.5}, 1.5 * torch.tanh(0.5 * t)),
            ("sigmoid_hard", {"alpha": 0.25, "beta": 0.5}, (0.25 * t + 0.5).clamp(0, 1)),
            ("threshold", {"alpha": 0.5}, t.clamp(min=0.5)),
            ("thresholded_relu", {"alpha": 0.5}, torch.where(t >= 0.5, t, torch.zeros_like(t))),
            ("leaky_relu", {"alpha": 0.25}, f.leaky_relu(t, 0.25)),
            ("elu", {"alpha": 1.5}, f.elu(t, 1.5))):
        constants = {key: dtype(value) for key, value in parameters.items()}
        cases.add(f"{kind} {name_of(dtype)}", kind, {"x": x}, y.numpy().astype(dtype), constants, rounding(dtype))
    cases.add(f"prelu {name_of(dtype)}", "prelu", {"x": x, "alpha": alpha},
              f.prelu(t, per_channel[0]).numpy().astype(dtype), {}, rounding(dtype))
    y = per_channel[0][None, :, None] * f.softplus(per_channel[1] * t)
    cases.add(f"softplus_parametric {name_of(dtype)}", "softplus_parametric", {"x": x, "alpha": alpha, "beta": beta},
              y.numpy().astype(dtype), {}, rounding(dtype))


def add_sorting(cases, dtype):
    x = RANDOM.integers(-4, 5, (3, 5, 2)).astype(dtype) if dtype != numpy.uint8 else RANDOM.integers(0, 9, (3, 5, 2)).astype(dtype)
    keys = x.astype(numpy.float64)
    for axis in (0, 1, -1):
        for ascending in (True, False):
            order = numpy.argsort(keys if ascending else -keys, axis=axis, kind="stable")
            if axis != 0:
                cases.add(f"argsort {axis} {ascending} {name_of(dtype)}", "argsort", {"x": x},
                          order.astype(numpy.int32), {"axis": axis, "ascending": ascending})
            best = numpy.take(order, range(2), axis=axis)
            element = "uint16" if axis == 1 else "int32"
            cases.add(f"topk {axis} {ascending} {name_of(dtype)}", "topk", {"x": x},
                      [numpy.take_along_axis(x, best, axis), best.astype(element)],
                      {"axis": axis, "ascending": ascending, "k": 2, "output_indices_dtype": element})


def add_special_sorting(cases):
    x = numpy.array([0.0, numpy.nan, -numpy.inf, -0.0, 3, numpy.inf, numpy.nan, -2], dtype=numpy.float32)
    # NumPy puts NaN last; MIL's descending order is the other way round, equal elements still in their order.
    cases.add("argsort with nan", "argsort", {"x": x}, numpy.argsort(x, kind="stable").astype(numpy.int32),
              {"ascending": True})
    cases.add("argsort with nan, descending", "argsort", {"x": x},
              numpy.array([1, 6, 5, 4, 0, 3, 7, 2], dtype=numpy.int32))
    values = numpy.array([5, 1, 4, 1], dtype=numpy.int64)
    cases.add("topk of all, unsorted, without indices", "topk", {"x": values}, numpy.sort(values)[::-1],
              {"k": -1, "sort": False, "return_indices": False})
    cases.add("topk of a run-time k", "topk", {"x": values, "k": numpy.int32(3)},
              [numpy.array([5, 4, 1], dtype=numpy.int64), numpy.array([0, 2, 1], dtype=numpy.int32)])
    cases.add("topk of none", "topk", {"x": values}, [values[:0], numpy.zeros(0, dtype=numpy.int32)], {"k": 0})
    cases.add("argsort of nothing", "argsort", {"x": numpy.zeros((2, 0), numpy.float32)}, numpy.zeros((2, 0), numpy.int32))
    cases.add("argsort of no rows", "argsort", {"x": numpy.zeros((0, 2), numpy.float32)}, numpy.zeros((0, 2), numpy.int32))
    mask = numpy.array([[0, 2, 0], [0.5, 0, numpy.nan]], dtype=numpy.float32)
    for dtype in (numpy.float32, numpy.float16, numpy.bool_, numpy.int8):
        found = mask.astype(dtype) if dtype in FLOATS else numpy.array([[0, 1, 0], [1, 0, 1]], dtype=dtype)
        cases.add(f"non_zero {name_of(dtype)}", "non_zero", {"x": found}, numpy.argwhere(found).astype(numpy.int32))


def iou(a, b):
    low = numpy.maximum(a[:2] - a[2:] / 2, b[:2] - b[2:] / 2)
    high = numpy.minimum(a[:2] + a[2:] / 2, b[:2] + b[2:] / 2)
    common = numpy.prod(numpy.maximum(high - low, 0))
    return common / (numpy.prod(a[2:]) + numpy.prod(b[2:]) - common)


def add_suppression(cases, dtype, per_class):
    boxes = numpy.concatenate([eighths(1, 6, 2, dtype=dtype, low=0, high=9), eighths(1, 6, 2, dtype=dtype, low=4, high=9)], 2)
    scores = (RANDOM.permutation(12).reshape(1, 6, 2) / 16).astype(dtype)
    best, kind = scores[0].max(1), scores[0].argmax(1)
    kept = []
    for i in sorted(range(6), key=lambda i: -best[i]):
        rivals = [j for j in kept if not per_class or kind[i] == kind[j]]
        if best[i] > 0.125 and all(iou(boxes[0, i].astype(float), boxes[0, j].astype(float)) <= 0.3 for j in rivals):
            kept.append(i)
    kept = kept[:4]
    pad = 4 - len(kept)
    results = [numpy.pad(boxes[:, kept], ((0, 0), (0, pad), (0, 0))), numpy.pad(scores[:, kept], ((0, 0), (0, pad), (0, 0))),
               numpy.pad(numpy.array([kept], numpy.int32), ((0, 0), (0, pad)), constant_values=-1),
               numpy.array([len(kept)], numpy.int32)]
    cases.add(f"non_maximum_suppression {per_class} {name_of(dtype)}", "non_maximum_suppression",
              {"boxes": boxes, "scores": scores}, results,
              {"iou_threshold": dtype(0.3), "score_threshold": dtype(0.125), "max_boxes": 4,
               "per_class_suppression": per_class})


def add_quantization(cases, dtype):
    x = eighths(2, 3, 2, dtype=dtype, low=-400, high=1200)
    for element in (numpy.int8, numpy.uint8):
        lowest, highest = numpy.iinfo(element).min, numpy.iinfo(element).max
        for axis, scale, zero in ((None, dtype(0.5), None), (1, numpy.array([0.5, 0.25, 2], dtype), numpy.array([3, 0, 7], element))):
            shape = (1, 3, 1) if axis else ()
            s = numpy.asarray(scale, numpy.float64).reshape(shape)
            z = 0.0 if zero is None else zero.astype(numpy.float64).reshape(shape)
            q = numpy.clip(numpy.round(x.astype(numpy.float64) / s) + z, lowest, highest).astype(element)
            parameters = {"scale": scale, **({} if zero is None else {"zero_point": zero, "axis": axis})}
            suffix = f"{name_of(dtype)} {name_of(element)} {axis}"
            cases.add(f"quantize {suffix}", "quantize", {"input": x}, q, {**parameters, "output_dtype": name_of(element)})
            y = (s * (q.astype(numpy.float64) - z)).astype(dtype)
            cases.add(f"dequantize {suffix}", "dequantize", {"input": q}, y, parameters, rounding(dtype))
            whole = {"quantized_data": q, "scale": scale, "zero_point": element(0) if zero is None else zero, "axis": axis or 0}
            cases.add(f"constexpr_affine_dequantize {suffix}", "constexpr_affine_dequantize", {}, y, {}, rounding(dtype), whole)


def packed(numbers, bits):
    places = [number >> bit & 1 for number in numbers for bit in range(bits)]
    return numpy.packbits(numpy.array(places, numpy.uint8), bitorder="little")


def add_compression(cases, dtype):
    name = name_of(dtype)
    data, scale = RANDOM.integers(-8, 8, (4, 6)), eighths(2, 3, dtype=dtype, low=1)
    offset = RANDOM.integers(-3, 3, (2, 3))
    spread = numpy.repeat(numpy.repeat(scale.astype(numpy.float64), 2, 0), 2, 1)
    moved = numpy.repeat(numpy.repeat(offset, 2, 0), 2, 1)
    cases.add(f"constexpr_blockwise_shift_scale {name}", "constexpr_blockwise_shift_scale", {}, (spread * data).astype(dtype),
              {"data": Typed("int4", data), "scale": scale}, rounding(dtype))
    cases.add(f"constexpr_blockwise_shift_scale with offset {name}", "constexpr_blockwise_shift_scale", {},
              (spread * (data - moved)).astype(dtype),
              {"data": Typed("int4", data), "scale": scale, "offset": Typed("int4", offset)}, rounding(dtype))
    mask = RANDOM.integers(0, 2, (4, 6))
    stored = data[mask != 0].astype(numpy.int8)
    cases.add(f"constexpr_sparse_blockwise_shift_scale {name}", "constexpr_sparse_blockwise_shift_scale", {},
              [Typed("uint1", mask), (spread * (data - moved))[mask != 0].astype(dtype)],
              {"data_mask": Typed("uint1", mask), "nonzero_data": stored, "scale": scale, "offset": offset.astype(numpy.int8)},
              rounding(dtype))
    values = eighths(int(mask.sum()), dtype=dtype, low=1)
    dense = numpy.zeros((4, 6), dtype)
    dense[mask != 0] = values
    cases.add(f"constexpr_sparse_to_dense {name}", "constexpr_sparse_to_dense", {}, dense,
              {"mask": Typed("uint1", mask), "nonzero_data": values})
    cases.add(f"constexpr_sparse_to_dense of packed bits {name}", "constexpr_sparse_to_dense", {}, dense, {}, 0.0,
              {"mask": packed(mask.ravel(), 1), "nonzero_data": values, "shape": numpy.array([4, 6], numpy.uint32)})
    for bits in (1, 2, 4, 6):
        lut, indices = eighths(2**bits, dtype=dtype), RANDOM.integers(0, 2**bits, 15)
        cases.add(f"constexpr_lut_to_dense of {bits} bits {name}", "constexpr_lut_to_dense", {}, lut[indices].reshape(3, 5), {},
                  0.0, {"indices": packed(indices, bits), "lut": lut, "shape": numpy.array([3, 5], numpy.uint32)})
    # Two groups of rows with 4 vectors of 2 elements each, the vectors along axis 0 of the result.
    lut, indices = eighths(2, 1, 4, 2, dtype=dtype), RANDOM.integers(0, 4, (2, 3))
    vectors = numpy.stack([lut[i, 0][indices[i]] for i in range(2)])  # [2, 3, vector]
    dense = vectors.transpose(0, 2, 1).reshape(4, 3)
    cases.add(f"constexpr_lut_to_dense of vectors {name}", "constexpr_lut_to_dense", {}, dense,
              {"indices": Typed("uint2", indices), "lut": lut, "vector_axis": 0})
    marks = numpy.array([[1, 0, 1], [0, 1, 1]])
    grown = numpy.repeat(marks, 2, 0)
    cases.add(f"constexpr_lut_to_sparse {name}", "constexpr_lut_to_sparse", {}, [Typed("uint1", grown), dense[grown != 0]],
              {"indices_mask": Typed("uint1", marks), "indices_nonzero_data": Typed("uint2", indices[marks != 0]),
               "lut": lut, "vector_axis": 0})
    other = "fp16" if dtype == numpy.float32 else "fp32"
    x = eighths(2, 3, dtype=dtype)
    cases.add(f"constexpr_cast {name}", "constexpr_cast", {}, x.astype(numpy.float16 if other == "fp16" else numpy.float32), {},
              0.0, {"source_val": x, "output_dtype": other})


def add_slices(cases, dtype):
    name = name_of(dtype)
    x = RANDOM.integers(-9, 9, (5, 6, 3)).astype(dtype)
    begin, end = numpy.array([-4, 5, 1], numpy.int32), numpy.array([9, -9, 0], numpy.int32)
    masks = {"stride": [2, -2, 1], "begin_mask": [False, True, False], "end_mask": [True, False, False],
             "squeeze_mask": [False, False, True]}
    cases.add(f"slice_by_index at run time {name}", "slice_by_index", {"x": x, "begin": begin, "end": end}, x[-4::2, ::-2, 1], masks)
    update = RANDOM.integers(-9, 9, (2, 3)).astype(dtype)
    y = x.copy()
    y[-4::2, ::-2, 1] = update
    cases.add(f"slice_update at run time {name}", "slice_update", {"x": x, "update": update, "begin": begin, "end": end}, y, masks)
    cases.add(f"slice_by_size at run time {name}", "slice_by_size", {"x": x, "begin": numpy.array([1, -3, 2], numpy.int32)},
              x[1:3, 3:6, 2:], {"size": [2, -1, 1]})


def add_run_time_numbers(cases):
    for dtype in (numpy.int32, numpy.float32, numpy.float16):
        start, end, step = dtype(-2), dtype(7), dtype(2)
        cases.add(f"range_1d {name_of(dtype)}", "range_1d", {"start": start, "end": end, "step": step},
                  numpy.arange(start, end, step, dtype=dtype))
        cases.add(f"fill {name_of(dtype)}", "fill", {"shape": numpy.array([2, 3], numpy.int32)}, numpy.full((2, 3), dtype(3)),
                  {"value": dtype(3)})
    x = numpy.arange(6, dtype=numpy.int8)
    cases.add("reshape by a computed shape", "reshape", {"x": x, "shape": numpy.array([2, -1], numpy.int32)}, x.reshape(2, 3))
    indices = numpy.array([0, -1, 3, 2], numpy.int32)
    for dtype in (numpy.float16, numpy.int32):
        on, off = dtype(1), dtype(0)
        y = (indices[:, None] == numpy.arange(3)).astype(dtype)
        cases.add(f"one_hot {name_of(dtype)}", "one_hot", {"indices": indices}, y,
                  {"one_hot_vector_size": 3, "on_value": on, "off_value": off})


def main():
    cases = Cases("elementary.json")
    for dtype in FLOATS:
        add_activations(cases, dtype)
        add_sorting(cases, dtype)
        add_suppression(cases, dtype, False)
        add_suppression(cases, dtype, True)
        add_quantization(cases, dtype)
        add_compression(cases, dtype)
        add_slices(cases, dtype)
    add_sorting(cases, numpy.uint8)
    add_slices(cases, numpy.int8)
    add_special_sorting(cases)
    add_run_time_numbers(cases)
    cases.write()


if __name__ == "__main__":
    main()
