#include "mil/shared_text.h"

#include <cstring>
#include <memory>
#include <new>
#include <ostream>

namespace millwright::mil {

const char hash_anchor = 0;

SharedText::SharedText(std::string_view text, uint32_t hash) {
  if (text.empty()) return;
  void* const memory = ::operator new(sizeof(Data) + text.size());
  data_ = ::new (memory) Data{1, hash, text.size()};
  std::memcpy(reinterpret_cast<char*>(data_ + 1), text.data(), text.size());
}

void SharedText::destroy(Data* data) {
  std::destroy_at(data);
  ::operator delete(static_cast<void*>(data));
}

void PrintTo(const SharedText& text, std::ostream* out) { *out << '"' << text.view() << '"'; }

}  // namespace millwright::mil
