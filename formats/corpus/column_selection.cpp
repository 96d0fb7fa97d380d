#include "formats/corpus/column_selection.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

bool is_list_of_numbers(const ColumnNode& node) {
  return node.type.kind == ColumnKind::list && node.children.front().is_leaf() &&
         node.children.front().is_number();
}

bool is_text(const ColumnNode& node) {
  if (node.is_leaf()) return node.type.kind == ColumnKind::null || !is_bare(node.type.kind);
  return node.type.kind == ColumnKind::list && node.children.front().is_leaf() &&
         is_text(node.children.front());
}

/// Nodes are numbered depth first.
std::size_t last_id(const ColumnNode& node) {
  return node.children.empty() ? node.id : last_id(node.children.back());
}

class Selector {
 public:
  Selector(const FieldPlan& plan, const ColumnNode& root, const std::string& file_name)
      : plan_(plan), root_(root), file_name_(file_name), found_(plan.names().size()) {
    for (const ColumnNode& column : root_.children) {
      if (out_.names.size() <= kNamesListed) out_.names.emplace_back(column.name);
    }
    out_.wanted.resize(last_id(root_) + 1);
    nested_.resize(out_.wanted.size());
  }

  ColumnSelection select() {
    want(root_);
    find_exact_names();
    for (const std::uint32_t index : plan_.root().children) {
      const FieldPlan::Node& field = plan_.node(index);
      if (const ColumnNode* column = child_named(root_, field.key)) visit(field, *column, false);
    }
    for (const ColumnNode& column : root_.children) {
      if (nested_[column.id]) out_.nested.push_back(&column);
    }
    require_columns();
    check_types();
    return std::move(out_);
  }

 private:
  void want(const ColumnNode& node) { out_.wanted[node.id] = true; }
  void want_all(const ColumnNode& node) {
    want(node);
    for (const ColumnNode& child : node.children) want_all(child);
  }

  const ColumnNode* child_named(const ColumnNode& node, std::string_view name) const {
    const ColumnNode* found = nullptr;
    for (const ColumnNode& child : node.children) {
      if (child.name != name) continue;
      if (found != nullptr) {
        throw Error(ExitCode::usage, "{}: it has two columns '{}'; rename one", file_name_, name);
      }
      found = &child;
    }
    return found;
  }

  /// A column whose own name has dots in it is found by that name, before any path.
  void find_exact_names() {
    for (FieldPlan::Slot slot = 0; slot < found_.size(); ++slot) {
      const std::string& name = plan_.names()[slot];
      if (name.find_first_of("./") == std::string::npos) continue;
      const ColumnNode* column = child_named(root_, name);
      if (column == nullptr || !(column->is_leaf() || wants_numbers(slot, *column))) continue;
      found_[slot] = column;
      want_all(*column);
      (column->is_leaf() ? out_.scalars : out_.numbers).push_back({slot, column});
    }
  }

  bool wants_numbers(FieldPlan::Slot slot, const ColumnNode& node) const {
    return (slot == plan_.vector || slot == plan_.ids) && is_list_of_numbers(node);
  }

  /// `json`: a node above this one is shown as JSON. True if this node, or one below it, has to be.
  bool visit(const FieldPlan::Node& field, const ColumnNode& node, bool json) {
    const bool wanted = field.slot != FieldPlan::kNone && found_[field.slot] == nullptr;
    if (wanted) {
      found_[field.slot] = &node;
      const bool simple = !json && field.children.empty();
      if (simple && node.is_leaf()) return take(out_.scalars, field.slot, node);
      if (simple && wants_numbers(field.slot, node)) return take(out_.numbers, field.slot, node);
      want_all(node);
      json = true;
    }
    const bool shown = visit_children(field, node, json);
    const bool is_json = wanted || shown;
    if (shown) want(node);
    if (is_json) nested_[node.id] = true;
    return is_json;
  }

  bool take(std::vector<ColumnSelection::Column>& to, FieldPlan::Slot slot,
            const ColumnNode& node) {
    want_all(node);
    to.push_back({slot, &node});
    return false;
  }

  bool visit_children(const FieldPlan::Node& field, const ColumnNode& node, bool json) {
    bool shown = false;
    for (const std::uint32_t index : field.children) {
      const FieldPlan::Node& below = plan_.node(index);
      if (node.type.kind == ColumnKind::structure) {
        const ColumnNode* child = child_named(node, below.key);
        if (child == nullptr) continue;
        const bool child_shown = visit(below, *child, json);
        if (out_.wanted[child->id]) want(node);
        shown = shown || child_shown;
      } else if (node.type.kind == ColumnKind::list && below.index != FieldPlan::kNoIndex) {
        visit(below, node.children.front(), true);
        want_all(node.children.front());
        want(node);
        shown = true;
      } else if (node.type.kind == ColumnKind::map) {
        // Which keys there are, the rows say.
        found_below(below, node);
        want_all(node);
        shown = true;
      }
    }
    return shown;
  }

  void found_below(const FieldPlan::Node& field, const ColumnNode& map) {
    if (field.slot != FieldPlan::kNone) found_[field.slot] = &map;
    for (const std::uint32_t child : field.children) found_below(plan_.node(child), map);
  }

  bool has(FieldPlan::Slot slot) const {
    return slot != FieldPlan::kNone && found_[slot] != nullptr;
  }

  void require_column(FieldPlan::Slot slot, std::string_view flag) const {
    if (has(slot)) return;
    throw Error(ExitCode::usage, "{}: no column '{}' among its columns ({}); name one with {}",
                file_name_, plan_.names()[slot], list_names(out_.names), flag);
  }

  /// The same for all rows: what is missing ends the run, for no row could be used as was asked.
  void require_columns() const {
    if (plan_.vector != FieldPlan::kNone) require_column(plan_.vector, "--vector-field");
    if (!has(plan_.ids) && !has(plan_.vector)) {
      for (const FieldPlan::Slot slot : plan_.text) require_column(slot, "--text-field");
    }
    if (plan_.id_required) require_column(plan_.id.front(), "--id-field");
    for (const FieldPlan::Slot slot : plan_.keep) require_column(slot, "--keep or --chunk-prefix");
  }

  [[noreturn]] void fail_type(FieldPlan::Slot slot, std::string_view wanted,
                              std::string_view flag) const {
    throw Error(ExitCode::usage, "{}: column '{}' is of type {}; {} ({})", file_name_,
                plan_.names()[slot], found_[slot]->type.shown, wanted, flag);
  }

  bool by_schema(FieldPlan::Slot slot) const {
    return has(slot) && found_[slot]->type.kind != ColumnKind::map;
  }

  void check_types() const {
    for (FieldPlan::Slot slot = 0; slot < found_.size(); ++slot) {
      if (has(slot) && holds_other(*found_[slot])) {
        fail_type(slot, "values of that type cannot be read", "name another one");
      }
    }
    if (by_schema(plan_.vector) && !is_list_of_numbers(*found_[plan_.vector])) {
      fail_type(plan_.vector, "a vector is a list of numbers", "--vector-field");
    }
    if (has(plan_.vector) || has(plan_.ids)) return;
    for (const FieldPlan::Slot slot : plan_.text) {
      if (by_schema(slot) && !is_text(*found_[slot])) {
        fail_type(slot, "a text is a string or a list of strings", "--text-field");
      }
    }
  }

  static bool holds_other(const ColumnNode& node) {
    return node.type.kind == ColumnKind::other ||
           std::any_of(node.children.begin(), node.children.end(), holds_other);
  }

  const FieldPlan& plan_;
  const ColumnNode& root_;
  const std::string& file_name_;
  std::vector<const ColumnNode*> found_;  ///< by slot
  std::vector<bool> nested_;              ///< by node: shown as JSON
  ColumnSelection out_;
};

}  // namespace

ColumnSelection select_columns(const FieldPlan& plan, const ColumnNode& root,
                               const std::string& file_name) {
  return Selector(plan, root, file_name).select();
}

}  // namespace embedtool
