// Weight files byte by byte, for tests: what the reader must read and what the writer must write, spelled out from the
// published layout and not through the code under test.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "program_files.h"

namespace millwright::mil::testing {

inline std::string little_endian(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>((value >> (8 * i)) & 0xff);
  return text;
}

inline std::string blob_header(uint32_t count, uint32_t version = 2) {
  return little_endian(count, 4) + little_endian(version, 4) + std::string(56, '\0');
}

inline std::string blob_record(uint32_t code, uint64_t size, uint64_t data_offset, uint64_t padding_bits = 0) {
  return "\xEF\xBE\xAD\xDE" + little_endian(code, 4) + little_endian(size, 8) + little_endian(data_offset, 8) +
         little_endian(padding_bits, 8) + std::string(32, '\0');
}

inline std::string padded(std::string bytes) {
  bytes.resize((bytes.size() + 63) / 64 * 64, '\0');
  return bytes;
}

// A folder that goes with the test.
class TestFolder {
 public:
  TestFolder() {
    const ::testing::TestInfo* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(::testing::TempDir()) /
            (std::string("millwright-") + test->test_suite_name() + "-" + test->name());
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, const std::string& content) const {
    const std::filesystem::path place = path_ / name;
    std::filesystem::create_directories(place.parent_path());
    std::ofstream(place, std::ios::binary) << content;
    return place;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace millwright::mil::testing
