// ParameterStore: the one home of every parameter: fp32 master, gradient and AdamW moments. Programs read and write it
// through views, the update pass sweeps over it, and checkpoints are read only from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/result.h"
#include "device/surface.h"
#include "mil/type.h"

namespace millwright::runtime {

struct ParameterSpecification {
  std::string name;  // as in weight files: "model.layers.0.self_attn.q_proj.weight"
  mil::Shape shape;
  bool decay = false;  // takes weight decay
};

enum class StoreContents {
  training,      // masters, gradients, moments
  weights_only,  // masters
};

class ParameterStore {
 public:
  struct Entry {
    std::string name;
    mil::Shape shape;
    bool decay = false;
    size_t offset = 0;  // of its first element in each of the buffers; a multiple of 64 bytes
    size_t count = 0;   // elements
  };

  // Everything starts as zero.
  static Result<ParameterStore> create(std::span<const ParameterSpecification> parameters, StoreContents contents);

  std::span<const Entry> entries() const { return entries_; }
  std::optional<size_t> find(std::string_view name) const;
  StoreContents contents() const { return contents_; }

  // Elements of entry `index`.
  std::span<float> master(size_t index) { return part(masters_, index); }
  std::span<float> gradient(size_t index) { return part(gradients_, index); }
  std::span<float> first_moment(size_t index) { return part(first_moments_, index); }
  std::span<float> second_moment(size_t index) { return part(second_moments_, index); }
  std::span<const float> master(size_t index) const { return part(masters_, index); }
  std::span<const float> gradient(size_t index) const { return part(gradients_, index); }
  std::span<const float> first_moment(size_t index) const { return part(first_moments_, index); }
  std::span<const float> second_moment(size_t index) const { return part(second_moments_, index); }

  // Surfaces over this memory; the store must outlive them and must not move meanwhile.
  device::Surface master_surface(size_t index);
  device::Surface gradient_surface(size_t index);

  void clear_gradients();
  // Gradients and moments back to zero.
  void clear_training_state();

  int64_t parameter_count() const;  // elements of all parameters
  int64_t bytes() const;            // memory of all buffers

 private:
  ParameterStore() = default;
  std::span<float> part(AlignedBuffer& buffer, size_t index);
  std::span<const float> part(const AlignedBuffer& buffer, size_t index) const;

  std::vector<Entry> entries_;
  StoreContents contents_ = StoreContents::training;
  AlignedBuffer masters_;
  AlignedBuffer gradients_;
  AlignedBuffer first_moments_;
  AlignedBuffer second_moments_;
};

}  // namespace millwright::runtime
