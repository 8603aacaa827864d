// Programs in memory: Program → Function → Block → Operation → Value.
// Ownership goes down this chain by unique_ptr; pointers to operations and values stay valid until they are erased.
// Uses are tracked both ways, so that passes can replace and erase; every mutation goes through these classes.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "mil/literal.h"
#include "mil/type.h"

namespace millwright::mil {

class Block;
class Function;
class Operation;
struct OperationDefinition;

// Where an operation stood in the text it was parsed from; 0 where it was built in memory.
struct Location {
  int line = 0;
  int column = 0;
};

// The result of an operation, or an input of a function or block.
class Value {
 public:
  const std::string& name() const { return name_; }
  const Type& type() const { return type_; }
  const Shape& shape() const { return type_.shape(); }
  ElementType element() const { return type_.element(); }
  // The operation that defines it, or nothing for an input.
  Operation* producer() const { return producer_; }
  int result_index() const { return result_index_; }
  // One entry per use as an operand (an operation that uses it twice stands twice). Block results do not count.
  const std::vector<Operation*>& users() const { return users_; }

 private:
  friend class Operation;
  friend class Block;
  friend class Function;
  Value(std::string name, Type type, Operation* producer, int index)
      : name_(std::move(name)), type_(std::move(type)), producer_(producer), result_index_(index) {}

  std::string name_;
  Type type_;
  Operation* producer_;
  int result_index_;
  std::vector<Operation*> users_;
};

// One operand slot: a value or typed literal; several of them for list operands such as `values = (a, b)`.
using Argument = std::variant<Value*, Literal>;
struct Operand {
  std::string name;
  std::vector<Argument> arguments;
  bool is_list = false;  // printed in parentheses even when it has one argument
};

struct Attribute {
  std::string name;
  Literal value;
};

class Operation {
 public:
  ~Operation();
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  const std::string& kind() const { return kind_; }
  // The registry's entry, or nothing for an operation it does not know.
  const OperationDefinition* definition() const { return definition_; }
  const Location& location() const { return location_; }
  Block* block() const { return block_; }
  bool is_const() const { return kind_ == "const"; }

  const std::vector<Operand>& operands() const { return operands_; }
  const Operand* find_operand(std::string_view name) const;
  // The value bound to a single operand; nothing when it is absent or a literal.
  Value* operand(std::string_view name) const;
  // The values of a list operand (or the one value of a single operand).
  std::vector<Value*> operand_values(std::string_view name) const;
  // All values used as operands, in order, repeats included.
  std::vector<Value*> all_operands() const;
  // The constant bound to a parameter: a literal operand, a const operation's value, or an attribute of that name.
  // Nothing when it is absent, only known at run time, or in a blob file. Registry defaults: parameters.h.
  const Literal* constant(std::string_view name) const;

  const std::vector<std::unique_ptr<Value>>& results() const { return results_; }
  Value* result(size_t index = 0) const { return results_.at(index).get(); }

  const std::vector<Attribute>& attributes() const { return attributes_; }
  const Literal* attribute(std::string_view name) const;
  void set_attribute(std::string_view name, Literal value);
  // The `name` attribute: a label for people and scopes ("layers.0.attention.scores"), never a reference.
  std::string label() const;

  std::vector<std::unique_ptr<Block>>& blocks() { return blocks_; }
  const std::vector<std::unique_ptr<Block>>& blocks() const { return blocks_; }

  void add_operand(Operand operand);
  void remove_operand(std::string_view name);
  void replace_operand(Value* from, Value* to);
  Value* add_result(std::string name, Type type);
  Block* add_block();

 private:
  friend class Block;
  Operation(Block* block, std::string kind, Location location);

  Block* block_;
  std::string kind_;
  const OperationDefinition* definition_;
  Location location_;
  std::vector<Operand> operands_;
  std::vector<std::unique_ptr<Value>> results_;
  std::vector<Attribute> attributes_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::list<std::unique_ptr<Operation>>::iterator self_;
};

// A straight run of operations with inputs and results.
class Block {
 public:
  explicit Block(Function* function, Operation* owner = nullptr) : function_(function), owner_(owner) {}
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  Function* function() const { return function_; }
  Operation* owner() const { return owner_; }  // the operation that carries this block, or nothing
  const std::vector<std::unique_ptr<Value>>& inputs() const { return inputs_; }
  Value* add_input(std::string name, Type type);

  std::list<std::unique_ptr<Operation>>& operations() { return operations_; }
  const std::list<std::unique_ptr<Operation>>& operations() const { return operations_; }
  // Appends, or inserts before `before`.
  Operation* add_operation(std::string kind, Operation* before = nullptr, Location location = {});
  // Removes an operation whose results have no users left.
  void erase(Operation* operation);

  const std::vector<Value*>& results() const { return results_; }
  void set_results(std::vector<Value*> results) { results_ = std::move(results); }
  void add_result(Value* value) { results_.push_back(value); }

  // Every operand and block result `from`, here and in nested blocks, becomes `to`.
  void replace_uses(Value* from, Value* to);

 private:
  Function* function_;
  Operation* owner_;
  std::vector<std::unique_ptr<Value>> inputs_;
  std::list<std::unique_ptr<Operation>> operations_;
  std::vector<Value*> results_;
};

class Function {
 public:
  Function(std::string name, std::string opset);

  const std::string& name() const { return name_; }
  const std::string& opset() const { return opset_; }
  Block& block() { return *block_; }
  const Block& block() const { return *block_; }
  const std::vector<std::unique_ptr<Value>>& inputs() const { return block_->inputs(); }
  const std::vector<Value*>& results() const { return block_->results(); }
  Value* input(std::string_view name) const;

  std::vector<Attribute>& attributes() { return attributes_; }
  const std::vector<Attribute>& attributes() const { return attributes_; }

  // Result `result` is stored into the memory of the input `input`: gradients, moments, KV caches. The two have one
  // type, and the input may be read only by operations that come before the write. Kept as the function attribute
  // `mw_aliases`, a dictionary from result name to input name.
  void alias(Value* result, Value* input);
  Value* aliased_input(const Value* result) const;

  // `base`, made an identifier, with a number behind it where it is taken; registers the name.
  std::string unique_name(std::string_view base);

 private:
  friend class Block;
  friend class Operation;
  void register_name(const std::string& name);

  std::string name_;
  std::string opset_;
  std::unordered_map<std::string, int> names_;  // name → next suffix to try
  std::vector<Attribute> attributes_;
  std::unique_ptr<Block> block_;
};

class Program {
 public:
  explicit Program(std::string version = "1.3") : version_(std::move(version)) {}

  const std::string& version() const { return version_; }
  std::vector<Attribute>& attributes() { return attributes_; }
  const std::vector<Attribute>& attributes() const { return attributes_; }
  const std::vector<std::unique_ptr<Function>>& functions() const { return functions_; }
  Function* add_function(std::string name, std::string opset);
  void add_function(std::unique_ptr<Function> function) { functions_.push_back(std::move(function)); }
  Function* function(std::string_view name) const;
  std::unique_ptr<Function> take_function(std::string_view name);

 private:
  std::string version_;
  std::vector<Attribute> attributes_;
  std::vector<std::unique_ptr<Function>> functions_;
};

// A deep copy; `values`, where given, receives the copy of every input and result.
std::unique_ptr<Function> clone(const Function& function, std::unordered_map<const Value*, Value*>* values = nullptr);

// Erases operations whose results nobody uses, except those with side effects. Returns how many went.
size_t remove_dead_operations(Function& function);

// "line 12, layers.0.attention.scores (matmul)": how messages name an operation.
std::string describe(const Operation& operation);

}  // namespace millwright::mil
