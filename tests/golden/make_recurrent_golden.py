#!/usr/bin/env python3
"""Makes operations/recurrent.json: rnn, gru and lstm as PyTorch computes them, and, for what PyTorch does not have
(peepholes, clips, other activations, a GRU that resets before its product), from the formulas in NumPy.

    python3 tests/golden/make_recurrent_golden.py
"""
import numpy
import torch

from operation_cases import ROUNDING, Cases

RANDOM = numpy.random.default_rng(11)
STEPS, BATCH, INPUTS, HIDDEN = 3, 2, 2, 3


def numbers(*shape, dtype=numpy.float32):
    return (RANDOM.integers(-16, 17, shape) / 16).astype(dtype)


# PyTorch's gate blocks in MIL's order: lstm is input, forget, cell, output there and input, forget, output, cell here;
# gru is reset, update, new there and reset, new, update here.
ORDERS = {"lstm": (0, 1, 3, 2), "gru": (0, 2, 1), "rnn": (0,)}


def reordered(value, kind):
    blocks = numpy.split(value, len(ORDERS[kind]))
    return numpy.concatenate([blocks[i] for i in ORDERS[kind]])


def torch_case(cases, kind, dtype, whole, direction="forward", batch=BATCH, steps=STEPS):
    """One layer; a reversed one reads the sequence backwards and answers in the places it read."""
    both = direction == "bidirectional"
    gates = len(ORDERS[kind])
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[kind](
        INPUTS, HIDDEN, bidirectional=both).double()
    weights = {}
    for suffix, name in (("", ""), ("_reverse", "_back"))[: 2 if both else 1]:
        parts = {"weight_ih": numbers(gates * HIDDEN, INPUTS, dtype=dtype),
                 "weight_hh": numbers(gates * HIDDEN, HIDDEN, dtype=dtype),
                 "bias_ih": numbers(gates * HIDDEN, dtype=dtype), "bias_hh": numbers(gates * HIDDEN, dtype=dtype)}
        if kind != "gru":
            parts["bias_ih"] *= 0
        for key, value in parts.items():
            getattr(layer, f"{key}_l0{suffix}").data = torch.from_numpy(value.astype(numpy.float64))
        weights["weight_ih" + name] = reordered(parts["weight_ih"], kind)
        weights["weight_hh" + name] = reordered(parts["weight_hh"], kind)
        weights["bias" + name] = reordered(parts["bias_hh"], kind)
        if kind == "gru":
            weights["input_bias"] = reordered(parts["bias_ih"], kind)
    x = numbers(steps, batch, INPUTS, dtype=dtype)
    states = [numbers(2 if both else 1, batch, HIDDEN, dtype=dtype) for _ in range(2 if kind == "lstm" else 1)]
    given = [torch.from_numpy(state.astype(numpy.float64)) for state in states]
    sequence = numpy.flip(x, 0).copy() if direction == "reverse" else x
    with torch.no_grad():
        y, last = layer(torch.from_numpy(sequence.astype(numpy.float64)), tuple(given) if kind == "lstm" else given[0])
    y = y.numpy()
    last = [state.numpy() for state in (last if kind == "lstm" else (last,))]

    def joined(state):  # [directions, N, H] → [N, directions · H]
        return numpy.concatenate(list(state), axis=1)

    if direction == "reverse":
        y = numpy.flip(y, 0)
    results = [y if whole else joined(last[0])[None]] + [joined(state) for state in last]
    inputs = {"x": x, "initial_h": joined(states[0])}
    if kind == "lstm":
        inputs["initial_c"] = joined(states[1])
    inputs.update(weights)
    parameters = {"direction": direction, "output_sequence": whole}
    if kind == "gru":
        parameters["reset_after"] = True
    cases.add(f"{kind} {direction} {whole} {numpy.dtype(dtype).name} batch {batch}", kind, inputs,
              [result.astype(dtype) for result in results], parameters, ROUNDING["fp32" if dtype == numpy.float32 else "fp16"])


FUNCTIONS = {"sigmoid": lambda x: 1 / (1 + numpy.exp(-x)), "tanh": numpy.tanh, "relu": lambda x: numpy.maximum(x, 0),
             "linear": lambda x: x, "sigmoid_hard": lambda x: numpy.clip(0.2 * x + 0.5, 0, 1)}


def lstm_by_formula(cases, parameters, peephole):
    """The formulas of the peephole LSTM, gates in MIL's order."""
    dtype = numpy.float32
    x, h, c = numbers(STEPS, BATCH, INPUTS), numbers(BATCH, HIDDEN), numbers(BATCH, HIDDEN)
    w, u = numbers(4 * HIDDEN, INPUTS), numbers(4 * HIDDEN, HIDDEN)
    inputs = {"x": x, "initial_h": h, "initial_c": c, "weight_ih": w, "weight_hh": u}
    p = numpy.zeros((3, HIDDEN))
    if peephole:
        inputs["peephole"] = numbers(3 * HIDDEN)
        p = inputs["peephole"].astype(numpy.float64).reshape(3, HIDDEN)
    gate, cell, function = (FUNCTIONS[parameters.get(name, default)] for name, default in (
        ("recurrent_activation", "sigmoid"), ("cell_activation", "tanh"), ("activation", "tanh")))
    h, c, outputs = h.astype(numpy.float64), c.astype(numpy.float64), []
    for step in x.astype(numpy.float64):
        i, f, o, g = numpy.split(step @ w.T.astype(numpy.float64) + h @ u.T.astype(numpy.float64), 4, axis=1)
        c = gate(f + p[1] * c) * c + gate(i + p[0] * c) * cell(g)
        if "clip" in parameters:
            c = numpy.clip(c, -parameters["clip"], parameters["clip"])
        h = gate(o + p[2] * c) * function(c)
        outputs.append(h)
    results = [numpy.stack(outputs), h, c]
    cases.add(f"lstm {sorted(parameters)} peephole {peephole}", "lstm", inputs,
              [result.astype(dtype) for result in results], {**parameters, "output_sequence": True}, ROUNDING["fp32"])


def gru_by_formula(cases, parameters, bias):
    """A GRU that resets the state before its product."""
    x, h = numbers(STEPS, BATCH, INPUTS), numbers(BATCH, HIDDEN)
    w, u = numbers(3 * HIDDEN, INPUTS), numbers(3 * HIDDEN, HIDDEN)
    inputs = {"x": x, "initial_h": h, "weight_ih": w, "weight_hh": u}
    b = numpy.zeros(3 * HIDDEN)
    if bias:
        inputs["bias"] = numbers(3 * HIDDEN)
        b = inputs["bias"].astype(numpy.float64)
    gate = FUNCTIONS[parameters.get("recurrent_activation", "sigmoid")]
    function = FUNCTIONS[parameters.get("activation", "tanh")]
    h, outputs = h.astype(numpy.float64), []
    for step in x.astype(numpy.float64):
        wr, wn, wz = numpy.split(step @ w.T + b, 3, axis=1)
        ur, un, uz = numpy.split(u.astype(numpy.float64), 3)
        r, z = gate(wr + h @ ur.T), gate(wz + h @ uz.T)
        n = function(wn + (r * h) @ un.T)
        h = (1 - z) * n + z * h
        outputs.append(h)
    cases.add(f"gru {sorted(parameters)} bias {bias}", "gru", inputs,
              [numpy.stack(outputs).astype(numpy.float32), h.astype(numpy.float32)],
              {**parameters, "output_sequence": True}, ROUNDING["fp32"])


def rnn_by_formula(cases, activation):
    x, h = numbers(STEPS, BATCH, INPUTS), numbers(BATCH, HIDDEN)
    w, u = numbers(HIDDEN, INPUTS), numbers(HIDDEN, HIDDEN)
    inputs = {"x": x, "initial_h": h, "weight_ih": w, "weight_hh": u}
    h = h.astype(numpy.float64)
    for step in x.astype(numpy.float64):
        h = FUNCTIONS[activation](step @ w.T + h @ u.T)
    cases.add(f"rnn {activation}", "rnn", inputs, [h[None].astype(numpy.float32), h.astype(numpy.float32)],
              {"activation": activation}, ROUNDING["fp32"])


def main():
    cases = Cases("recurrent.json")
    for kind in ("rnn", "gru", "lstm"):
        for direction in ("forward", "reverse", "bidirectional")[: 3 if kind == "lstm" else 2]:
            torch_case(cases, kind, numpy.float32, True, direction)
            torch_case(cases, kind, numpy.float32, False, direction)
        torch_case(cases, kind, numpy.float16, True)
        torch_case(cases, kind, numpy.float32, True, batch=1, steps=5)
        torch_case(cases, kind, numpy.float32, True, batch=9, steps=1)
    lstm_by_formula(cases, {"clip": numpy.float32(0.5)}, True)
    lstm_by_formula(cases, {"recurrent_activation": "sigmoid_hard", "cell_activation": "relu", "activation": "linear"},
                    True)
    lstm_by_formula(cases, {"cell_activation": "sigmoid", "activation": "sigmoid"}, False)
    gru_by_formula(cases, {}, True)
    gru_by_formula(cases, {"recurrent_activation": "sigmoid_hard", "activation": "relu"}, False)
    for activation in FUNCTIONS:
        rnn_by_formula(cases, activation)
    cases.write()


if __name__ == "__main__":
    main()
