#include "mil/graph.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>

namespace millwright::mil {
namespace {

// Inside double quotes; a backslash would begin one of DOT's own escapes.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result;
}

bool is_constant(const Operation& operation) {
  return operation.is_const() || operation.kind().starts_with("constexpr_");
}

class Drawing {
 public:
  GraphText draw(const Program& program, std::string_view only) {
    text_ = "digraph program {\n  node [shape=box, fontname=\"Helvetica\"];\n";
    for (const auto& function : program.functions()) {
      if (!only.empty() && function->name() != only) continue;
      begin_cluster(fmt::format("{} ({})", function->name(), function->opset()));
      draw_block(function->block());
      for (const Value* result : function->results()) {
        const size_t node = add_node(fmt::format("result {}", escaped(result->name())), "oval");
        add_edge(*result, node);
      }
      text_ += "  }\n";
    }
    return {text_ + edges_ + "}\n", nodes_};
  }

 private:
  void begin_cluster(const std::string& label) {
    text_ += fmt::format("  subgraph cluster_{} {{\n  label=\"{}\";\n", ++clusters_, escaped(label));
  }

  // `label` is escaped already.
  size_t add_node(const std::string& label, std::string_view shape) {
    text_ += fmt::format("  n{} [label=\"{}\", shape={}];\n", ++nodes_, label, shape);
    return nodes_;
  }

  void add_edge(const Value& value, size_t target) {
    const auto source = node_of_.find(&value);
    if (source == node_of_.end()) return;  // a constant
    edges_ += fmt::format("  n{} -> n{} [label=\"{}\"];\n", source->second, target, escaped(value.name()));
  }

  void draw_block(const Block& block) {
    for (const auto& input : block.inputs()) {
      const std::string label = escaped(input->name()) + "\\n" + escaped(type_text(input->type()));
      node_of_[input.get()] = add_node(label, "oval");
    }
    for (const auto& operation : block.operations()) {
      if (!is_constant(*operation)) draw_operation(*operation);
    }
  }

  void draw_operation(const Operation& operation) {
    std::string label = escaped(operation.kind());
    if (!operation.label().empty()) label += "\\n" + escaped(operation.label());
    for (const auto& result : operation.results()) label += "\\n" + escaped(type_text(result->type()));
    const size_t node = add_node(label, "box");
    for (const Value* value : operation.all_operands()) add_edge(*value, node);
    for (const auto& result : operation.results()) node_of_[result.get()] = node;
    for (size_t i = 0; i < operation.blocks().size(); ++i) {
      begin_cluster(fmt::format("{}, block {}", operation.kind(), i));
      draw_block(*operation.blocks()[i]);
      text_ += "  }\n";
      for (const Value* result : operation.blocks()[i]->results()) add_edge(*result, node);
    }
  }

  std::string text_;
  std::string edges_;  // behind all clusters, so that no edge pulls a node into a cluster
  std::unordered_map<const Value*, size_t> node_of_;
  size_t nodes_ = 0;
  int clusters_ = 0;
};

}  // namespace

GraphText draw_graph(const Program& program, std::string_view function) { return Drawing().draw(program, function); }

}  // namespace millwright::mil
