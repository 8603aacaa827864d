// Protobuf messages written by hand, field by field, and protoc as an independent decoder.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

#include "mil/parser.h"

namespace millwright::mil::testing {

inline Program parsed(const std::string& text) {
  auto program = parse_program(text, "test");
  EXPECT_TRUE(program) << program.error().message << "\n" << text;
  return program ? std::move(*program) : Program();
}

inline std::string wire_varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

// One field that holds a number, and one that holds bytes.
inline std::string wire_number(uint32_t field, uint64_t value) { return wire_varint(field << 3) + wire_varint(value); }
inline std::string wire_bytes(uint32_t field, const std::string& bytes) {
  return wire_varint(field << 3 | 2) + wire_varint(bytes.size()) + bytes;
}
inline std::string wire_entry(uint32_t field, const std::string& key, const std::string& value) {
  return wire_bytes(field, wire_bytes(1, key) + wire_bytes(2, value));
}

// What a command prints; nothing when it fails.
inline std::optional<std::string> output_of(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string output;
  std::array<char, 4096> piece;
  while (const size_t count = std::fread(piece.data(), 1, piece.size(), pipe)) output.append(piece.data(), count);
  const int status = pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return output;
}

inline bool has_protoc() { return output_of("protoc --version 2>/dev/null").has_value(); }

}  // namespace millwright::mil::testing
