// The windows of convolutions and pools from the parameters of their operations: strides, dilations and every kind of
// padding. The type rules have checked them against the shapes.
#pragma once

#include <array>
#include <cstdint>

#include "cpu/kernels/windows.h"
#include "cpu/view.h"
#include "mil/ir.h"

namespace millwright::cpu {

Windows convolution_windows(const mil::Operation& operation, const mil::Shape& x, const mil::Shape& weight,
                            const mil::Shape& result);
// Of a transposed convolution: its result is what the windows read, x their outputs.
Windows transposed_windows(const mil::Operation& operation, const mil::Shape& x, const mil::Shape& weight,
                           const mil::Shape& result);
Windows pool_windows(const mil::Operation& operation, const mil::Shape& x, const mil::Shape& result);

// The strides of the axes behind batch and channel, 0 for missing ones in front.
std::array<int64_t, 3> spatial_strides(const View& view);

}  // namespace millwright::cpu
