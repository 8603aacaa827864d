// Moves the constants of a program between the program and weight files: inline after import where something needs the
// numbers, into one file for export.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/result.h"
#include "mil/blob/blob_file.h"
#include "mil/blob/weight_files.h"
#include "mil/ir.h"

namespace millwright::mil {

// Every BLOBFILE literal becomes an inline one. References to one record share their memory. The error names the
// operation or attribute.
Status load_blobs(Program& program, WeightFiles& files);
// The same with elements of any origin: `load` is asked once for each record and type.
using LoadBlob = FunctionRef<Result<Literal>(const BlobReference& reference, const Type& type)>;
Status load_blobs(Program& program, LoadBlob load);

// Constants of at least this many elements go into the weight file: what Apple's converter does.
inline constexpr int64_t kBlobElements = 10;

// The values and operands of operations with at least `minimum_elements` elements, and all elements narrower than a
// byte, are appended to `writer` and replaced by BLOBFILE(path = path, …). Equal tensors share a record. Types that the
// function's opset cannot keep in a file stay inline (up to ios17 only fp16, fp32, int8 and uint8 may).
// Literals that already stand in files of `files` are copied over, whatever their size, without being unpacked.
Status store_blobs(Program& program, int64_t minimum_elements, BlobWriter& writer, const std::string& path,
                   WeightFiles& files);

// Constants longer than this are weights and not axes, paddings or bounds: no tensor has more axes than 5, and a
// padding two numbers for each.
inline constexpr int64_t kStrippedElements = 16;
// Stands in BLOBFILE references whose numbers were left out.
inline constexpr std::string_view kStrippedPath = "@model_path/stripped";

// Every longer inline constant of an operation becomes BLOBFILE(path = kStrippedPath, offset = 0): for showing and
// passing on a program without its weights. Returns how many went.
size_t strip_weights(Program& program);

}  // namespace millwright::mil
