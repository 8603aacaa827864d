"""Cases of single MIL operations for the golden files of tests/golden/operations: a program as text, its inputs, and the
results that NumPy or PyTorch gives. The scripts make_…_golden.py fill them; tests/cpu/golden_operations_test.cpp runs
them.

A file is JSON: a list of {"name", "function", "inputs", "results", "tolerance"}. The function is the text behind
`func main<ios18>`; inputs and results are flat lists of numbers in its order, with "nan", "inf" and "-inf" as text. The
tolerance is relative to max(1, |expected|), and 0 means equal.
"""
import json
import math
import pathlib

import numpy

FOLDER = pathlib.Path(__file__).parent / "operations"

# NumPy's type for each MIL element type; bf16 and sub-byte integers are computed in a wider one.
ELEMENTS = {
    "fp16": numpy.float16, "fp32": numpy.float32, "fp64": numpy.float64, "bool": numpy.bool_, "int8": numpy.int8,
    "int16": numpy.int16, "int32": numpy.int32, "int64": numpy.int64, "uint8": numpy.uint8, "uint16": numpy.uint16,
    "uint32": numpy.uint32, "uint64": numpy.uint64,
}
NAMES = {numpy.dtype(value): key for key, value in ELEMENTS.items()}
# Units of rounding of one operation whose result is stored in that type.
ROUNDING = {"fp16": 1e-3, "fp32": 1e-5, "fp64": 1e-12}


class Typed:
    """An array of a MIL type that NumPy does not have: int4, uint1, bf16, …"""

    def __init__(self, element, array):
        self.element = element
        self.array = numpy.asarray(array)


def _element(value):
    return value.element if isinstance(value, Typed) else NAMES[numpy.asarray(value).dtype]


def _array(value):
    return value.array if isinstance(value, Typed) else numpy.asarray(value)


def type_text(value):
    shape = _array(value).shape
    return f"tensor<{_element(value)}, [{', '.join(map(str, shape))}]>" if shape else _element(value)


def _number_text(number, element):
    if element == "bool":
        return "true" if number else "false"
    return repr(float(number)) if element.startswith(("fp", "bf")) else str(int(number))


def literal(value):
    """A Python or NumPy value as an MIL literal."""
    if isinstance(value, str):
        return f'string("{value}")'
    if isinstance(value, bool):
        return f"bool({'true' if value else 'false'})"
    if isinstance(value, int):
        return f"int32({value})"
    if isinstance(value, (list, tuple)):
        is_bool = bool(value) and all(isinstance(one, bool) for one in value)
        value = numpy.array(value, dtype=numpy.bool_ if is_bool else numpy.int32)
    texts = [_number_text(number, _element(value)) for number in _array(value).ravel()]
    if not _array(value).shape:
        return f"{_element(value)}({texts[0]})"

    def nested(shape, begin, count):
        if not shape:
            return texts[begin]
        step = count // shape[0] if shape[0] else 0
        return "[" + ", ".join(nested(shape[1:], begin + i * step, step) for i in range(shape[0])) + "]"

    return f"{type_text(value)}({nested(_array(value).shape, 0, _array(value).size)})"


def _numbers(value):
    def number(one):
        if not math.isfinite(one):
            return str(float(one))
        # The shortest text that gives the number back in its own type; of fp16 the number itself, as short as that.
        return int(one) if one == int(one) else float(one) if _array(value).dtype == numpy.float16 else float(str(one))

    return [int(one) if _array(value).dtype.kind in "biu" else number(one) for one in _array(value).ravel()]


class Cases:
    def __init__(self, file_name):
        self.path = FOLDER / file_name
        self.cases = []

    def add(self, name, operation, inputs, results, parameters=None, tolerance=0.0, attributes=None):
        """`inputs`: name → array, the function's inputs and operands of that name; `parameters`: name → literal."""
        results = results if isinstance(results, (list, tuple)) else [results]
        operands = {key: key for key in inputs}
        operands.update({key: literal(value) for key, value in (parameters or {}).items()})
        left = ", ".join(f"{type_text(result)} y{i}" for i, result in enumerate(results))
        right = ", ".join(f"{key} = {value}" for key, value in operands.items())
        bracket = ", ".join(f"{key} = {literal(value)}" for key, value in (attributes or {}).items())
        statement = f"{left} = {operation}({right}){'[' + bracket + ']' if bracket else ''};"
        self.add_program(name, inputs, statement, [f"y{i}" for i in range(len(results))], results, tolerance)

    def add_program(self, name, inputs, body, result_names, results, tolerance=0.0):
        signature = ", ".join(f"{type_text(value)} {key}" for key, value in inputs.items())
        function = f"({signature}) {{ {body} }} -> ({', '.join(result_names)});"
        self.cases.append({
            "name": name, "function": function, "inputs": [_numbers(value) for value in inputs.values()],
            "results": [_numbers(value) for value in results], "tolerance": tolerance})

    def write(self):
        self.path.parent.mkdir(exist_ok=True)
        lines = ",\n".join(json.dumps(case) for case in self.cases)
        self.path.write_text("[\n" + lines + "\n]\n")
        print(f"{self.path}: {len(self.cases)} cases, {self.path.stat().st_size} bytes")
