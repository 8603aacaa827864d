// millwright-book-text: writes the character vectors of an unpacked R package as text files, one per vector. The quick
// start gets its books with it (scripts/get-books).
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "base/files.h"
#include "text/r_data.h"

namespace millwright {
namespace {

// A vector's name becomes a file name; letters, digits, - _ and . in between are all that names of R data need.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name[0] != '.' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
             std::string::npos;
}

Status write_books(const Path& data_folder, const Path& out_folder) {
  MW_ASSIGN(const auto books, text::read_r_character_vectors(data_folder));
  if (books.empty()) return fail("{}: found no character vectors", data_folder.string());
  MW_TRY(make_directories(out_folder));
  for (const text::RCharacterVector& book : books) {
    if (!is_plain_name(book.name)) return fail("{}: \"{}\" cannot be a file name", data_folder.string(), book.name);
    std::string content;
    for (const std::string& line : book.strings) content += line + "\n";
    const Path path = out_folder / (book.name + ".txt");
    MW_TRY(write_file_atomically(path, content));
    std::printf("%s: %zu lines, %zu bytes\n", path.string().c_str(), book.strings.size(), content.size());
  }
  return {};
}

}  // namespace
}  // namespace millwright

int main(int argc, char** argv) {
  CLI::App app(
      "Writes the texts in an unpacked R package's data folder as UTF-8 files, one per text.\n"
      "Example: millwright-book-text usr/lib/R/site-library/janeaustenr/data books");
  std::string data_folder;
  std::string out_folder;
  app.add_option("data", data_folder, "Folder that holds Rdata.rdx and Rdata.rdb")->required();
  app.add_option("out", out_folder, "Folder to write NAME.txt to")->required();
  CLI11_PARSE(app, argc, argv);
  const auto status = millwright::write_books(data_folder, out_folder);
  if (status) return 0;
  std::fprintf(stderr, "millwright-book-text: %s\n", status.error().message.c_str());
  return 1;
}
