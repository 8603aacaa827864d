// NumPy's .npy files: one tensor of numbers. Reads format versions 1.0 to 3.0, little-endian, in C or Fortran order,
// and believes nothing that the header claims; writes version 1.0 in C order.
#pragma once

#include <span>
#include <string>

#include "base/files.h"
#include "base/result.h"
#include "mil/literal.h"

namespace millwright::mil {

// As a literal, rows first. Element types: f2 f4 f8, i1 to i8, u1 to u8, b1.
Result<Literal> read_npy(const Path& path);
// A file already in memory; `name` stands for it in messages.
Result<Literal> decode_npy(std::span<const std::byte> bytes, const std::string& name);

// A tensor held inline. An error for element types that NumPy has no name for; those below a byte are written as one
// byte each.
Result<std::string> encode_npy(const Literal& tensor);
Status write_npy(const Path& path, const Literal& tensor);

}  // namespace millwright::mil
