// Programs in memory: Program → Function → Block → Operation → Value.
// Ownership goes down this chain by unique_ptr; pointers to operations and values stay valid until they are erased.
// Uses are tracked both ways, so that passes can replace and erase; every mutation goes through these classes.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/inline_vector.h"
#include "mil/literal.h"
#include "mil/shared_text.h"
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
  const SharedText& name() const { return name_; }
  const Type& type() const { return type_; }
  const Shape& shape() const { return type_.shape(); }
  ElementType element() const { return type_.element(); }
  // The operation that defines it, or nothing for an input.
  Operation* producer() const { return producer_; }
  int result_index() const { return result_index_; }
  // Counts the values of its function from 0 in the order in which they were made; erased ones leave a gap.
  uint32_t id() const { return id_; }
  // One entry per use as an operand (an operation that uses it twice stands twice). Block results do not count.
  std::span<Operation* const> users() const { return users_; }

 private:
  friend class Operation;
  friend class Block;
  friend class Function;
  Value(SharedText name, Type type, Operation* producer, int index, uint32_t id)
      : name_(std::move(name)), type_(std::move(type)), producer_(producer), result_index_(index), id_(id) {}
  void remove_user(const Operation* user);

  SharedText name_;
  Type type_;
  Operation* producer_;
  int result_index_;
  uint32_t id_;
  InlineVector<Operation*, 1> users_;
};

// One operand slot: a value or typed literal; several of them for list operands such as `values = (a, b)`.
using Argument = std::variant<Value*, Literal>;
struct Operand {
  SharedText name;
  InlineVector<Argument, 1> arguments;
  bool is_list = false;  // printed in parentheses even when it has one argument
};

struct Attribute {
  SharedText name;
  Literal value;
};

class Operation {
 public:
  ~Operation();
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  const SharedText& kind() const { return kind_; }
  // The registry's entry, or nothing for an operation it does not know.
  const OperationDefinition* definition() const { return definition_; }
  const Location& location() const { return location_; }
  Block* block() const { return block_; }
  bool is_const() const { return kind_ == "const"; }

  std::span<const Operand> operands() const { return operands_; }
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

  std::span<const std::unique_ptr<Value>> results() const { return results_; }
  Value* result(size_t index = 0) const { return results_.at(index).get(); }

  std::span<const Attribute> attributes() const { return attributes_; }
  const Literal* attribute(std::string_view name) const;
  void set_attribute(SharedText name, Literal value);
  // The `name` attribute: a label for people and scopes ("layers.0.attention.scores"), never a reference.
  std::string label() const;

  std::span<const std::unique_ptr<Block>> blocks() const { return blocks_; }

  void reserve_operands(size_t count) { operands_.reserve(count); }
  void add_operand(Operand operand);
  void remove_operand(std::string_view name);
  void replace_operand(Value* from, Value* to);
  Value* add_result(SharedText name, Type type);
  Block* add_block();

 private:
  friend class Block;
  friend class OperationList;
  Operation(Block* block, SharedText kind, const OperationDefinition* definition, Location location);

  Block* block_;
  SharedText kind_;
  const OperationDefinition* definition_;
  Location location_;
  InlineVector<Operand, 0> operands_;
  InlineVector<std::unique_ptr<Value>, 1> results_;
  InlineVector<Attribute, 2> attributes_;  // most have a name, constants a value as well
  InlineVector<std::unique_ptr<Block>, 0> blocks_;
  // The list that it stands in: each operation owns the next one.
  Operation* previous_ = nullptr;
  std::unique_ptr<Operation> next_;
};

// The operations of a block in their order. Iterators give the pointer that owns the operation; they stay valid until
// it is erased.
class OperationList {
 public:
  class iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = std::unique_ptr<Operation>;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    iterator() = default;
    reference operator*() const { return list_->owner(operation_); }
    pointer operator->() const { return &list_->owner(operation_); }
    iterator& operator++() {
      operation_ = operation_->next_.get();
      return *this;
    }
    iterator& operator--() {
      operation_ = operation_ == nullptr ? list_->last_ : operation_->previous_;
      return *this;
    }
    iterator operator++(int) {
      const iterator before = *this;
      ++*this;
      return before;
    }
    iterator operator--(int) {
      const iterator before = *this;
      --*this;
      return before;
    }
    bool operator==(const iterator& other) const { return operation_ == other.operation_; }

   private:
    friend class OperationList;
    iterator(const OperationList* list, Operation* operation) : list_(list), operation_(operation) {}
    const OperationList* list_ = nullptr;
    Operation* operation_ = nullptr;  // none: behind the last one
  };
  using const_iterator = iterator;

  OperationList() = default;
  OperationList(const OperationList&) = delete;
  OperationList& operator=(const OperationList&) = delete;
  ~OperationList();

  iterator begin() const { return {this, first_.get()}; }
  iterator end() const { return {this, nullptr}; }
  const std::unique_ptr<Operation>& front() const { return first_; }
  const std::unique_ptr<Operation>& back() const { return owner(last_); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  friend class Block;
  const std::unique_ptr<Operation>& owner(const Operation* operation) const {
    return operation->previous_ == nullptr ? first_ : operation->previous_->next_;
  }
  // Before `before`, at the end where there is none.
  Operation* insert(std::unique_ptr<Operation> operation, Operation* before);
  void erase(Operation* operation);

  std::unique_ptr<Operation> first_;
  Operation* last_ = nullptr;
  size_t size_ = 0;
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
  Value* add_input(SharedText name, Type type);

  const OperationList& operations() const { return operations_; }
  // Appends, or inserts before `before`.
  Operation* add_operation(SharedText kind, Operation* before = nullptr, Location location = {});
  // The same for a kind whose entry in the registry is known.
  Operation* add_operation(SharedText kind, const OperationDefinition* definition, Operation* before,
                           Location location);
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
  OperationList operations_;
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
  // The id of a new value of this name.
  uint32_t register_value(const SharedText& name);
  void collect_names(const Block& block);

  std::string name_;
  std::string opset_;
  uint32_t value_count_ = 0;
  // name → next suffix to try; built when the first unique name is asked for, and kept from then on.
  std::unique_ptr<std::unordered_map<std::string, int, TextHash>> names_;
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
