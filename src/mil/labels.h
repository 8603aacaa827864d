// Classifiers without their labels: what the executors can run of them.
#pragma once

#include <string>
#include <vector>

#include "mil/ir.h"

namespace millwright::mil {

// Where results of the function are the label and the dictionary of a `classify` operation, its probabilities become
// the result in their place. Returns the names of the results that went.
std::vector<std::string> replace_labels(Function& function);

}  // namespace millwright::mil
