// Operations on states: tensors that live from one call of the function to the next.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

Types infer_read(const Operation& operation) {
  return std::vector<Type>{operand_type(operation, "input").arguments()[0]};
}

Status check_stored(const Operation& operation, std::string_view state, std::string_view stored) {
  const Type& wrapped = operand_type(operation, state).arguments()[0];
  const Type& type = operand_type(operation, stored);
  if (types_agree(wrapped, type)) return {};
  return fail("{} is {}, the state holds {}", stored, type_text(type), type_text(wrapped));
}

Types infer_write(const Operation& operation) {
  MW_TRY(check_stored(operation, "input", "data"));
  return std::vector<Type>{};
}

Types infer_update(const Operation& operation) {
  MW_TRY(check_stored(operation, "state", "value"));
  return std::vector<Type>{operand_type(operation, "state").arguments()[0]};
}

}  // namespace

std::vector<OperationDefinition> states() {
  constexpr std::string_view kCategory = "state";
  std::vector<OperationDefinition> table = {
      {"read_state", "ios18", kCategory, {value("input", Expect::state)}, infer_read},
      {"write_state", "ios18", kCategory, {value("input", Expect::state), value("data")}, infer_write},
      {"coreml_update_state", "ios18", kCategory, {value("state", Expect::state), value("value")}, infer_update},
  };
  table[1].has_side_effects = true;
  table[2].has_side_effects = true;
  return table;
}

}  // namespace millwright::mil::operations
