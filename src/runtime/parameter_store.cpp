#include "runtime/parameter_store.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace millwright::runtime {

namespace {

constexpr size_t kFloatsPerLine = AlignedBuffer::kAlignment / sizeof(float);

mil::Type type_of(const ParameterStore::Entry& entry) { return mil::Type::tensor(mil::ElementType::fp32, entry.shape); }

void clear(AlignedBuffer& buffer) {
  if (buffer.size() != 0) std::memset(buffer.data(), 0, buffer.size());
}

}  // namespace

Result<ParameterStore> ParameterStore::create(std::span<const ParameterSpecification> parameters,
                                              StoreContents contents) {
  ParameterStore store;
  store.contents_ = contents;
  size_t elements = 0;
  for (const ParameterSpecification& parameter : parameters) {
    const auto count = static_cast<size_t>(mil::element_count(parameter.shape));
    store.entries_.push_back({parameter.name, parameter.shape, parameter.decay, elements, count});
    elements += (count + kFloatsPerLine - 1) / kFloatsPerLine * kFloatsPerLine;
  }
  const size_t bytes = elements * sizeof(float);
  MW_ASSIGN(store.masters_, AlignedBuffer::allocate(bytes));
  if (contents == StoreContents::training) {
    MW_ASSIGN(store.gradients_, AlignedBuffer::allocate(bytes));
    MW_ASSIGN(store.first_moments_, AlignedBuffer::allocate(bytes));
    MW_ASSIGN(store.second_moments_, AlignedBuffer::allocate(bytes));
  }
  return store;
}

std::optional<size_t> ParameterStore::find(std::string_view name) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.name == name; });
  if (found == entries_.end()) return std::nullopt;
  return static_cast<size_t>(found - entries_.begin());
}

std::span<float> ParameterStore::part(AlignedBuffer& buffer, size_t index) {
  const Entry& entry = entries_.at(index);
  MW_CHECK(buffer.size() != 0 || entry.count == 0, "{}: this store holds weights only", entry.name);
  return buffer.as<float>().subspan(entry.offset, entry.count);
}

std::span<const float> ParameterStore::part(const AlignedBuffer& buffer, size_t index) const {
  const Entry& entry = entries_.at(index);
  MW_CHECK(buffer.size() != 0 || entry.count == 0, "{}: this store holds weights only", entry.name);
  return buffer.as<float>().subspan(entry.offset, entry.count);
}

device::Surface ParameterStore::master_surface(size_t index) {
  return device::Surface::view(type_of(entries_.at(index)), master(index).data());
}

device::Surface ParameterStore::gradient_surface(size_t index) {
  return device::Surface::view(type_of(entries_.at(index)), gradient(index).data());
}

void ParameterStore::clear_gradients() { clear(gradients_); }

void ParameterStore::clear_training_state() {
  clear_gradients();
  clear(first_moments_);
  clear(second_moments_);
}

int64_t ParameterStore::parameter_count() const {
  int64_t count = 0;
  for (const Entry& entry : entries_) count += static_cast<int64_t>(entry.count);
  return count;
}

int64_t ParameterStore::bytes() const {
  return static_cast<int64_t>(masters_.size() + gradients_.size() + first_moments_.size() + second_moments_.size());
}

}  // namespace millwright::runtime
