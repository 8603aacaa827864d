// Where a tokenizer is when a user names a folder: in that folder, or in the newest checkpoint of that run.
#pragma once

#include "base/files.h"
#include "base/result.h"
#include "text/tokenizer.h"

namespace millwright::app {

Result<text::Tokenizer> load_tokenizer(const Path& path);

}  // namespace millwright::app
