#include "formats/corpus/json_scanner.hpp"

#include "formats/corpus/corpus_numbers.hpp"

namespace embedtool {
namespace {

/// Part of a number or a literal?
bool is_scalar(char c) {
  return static_cast<unsigned char>(c) > 0x20 &&
         std::string_view(",:[]{}\"").find(c) == std::string_view::npos;
}

}  // namespace

void JsonScanner::restart() {
  objects_.clear();
  position_ = 0;
  expect_ = Expect::value;
}

void JsonScanner::end_value() {
  expect_ = objects_.empty() ? Expect::done : Expect::separator;
}

bool JsonScanner::open(bool object) {
  if (objects_.size() == max_depth_) return false;
  objects_.push_back(object);
  expect_ = object ? Expect::first_key : Expect::first_element;
  return true;
}

bool JsonScanner::close(bool object) {
  if (objects_.empty() || objects_.back() != object) return false;
  objects_.pop_back();
  end_value();
  return true;
}

bool JsonScanner::begin_value(char c) {
  if (c == '{') return open(true);
  if (c == '[') return open(false);
  if (c == '"') {
    expect_ = Expect::string;
    is_key_ = false;
    return true;
  }
  expect_ = Expect::scalar;
  return is_scalar(c);
}

/// Takes a byte that is no white space, outside strings and scalars.
bool JsonScanner::structural(char c) {
  switch (expect_) {
    case Expect::first_element:
      if (c == ']') return close(false);
      [[fallthrough]];
    case Expect::value:
      return begin_value(c);
    case Expect::first_key:
      if (c == '}') return close(true);
      [[fallthrough]];
    case Expect::key:
      expect_ = Expect::string;
      is_key_ = true;
      return c == '"';
    case Expect::colon:
      expect_ = Expect::value;
      return c == ':';
    default:
      if (c == '}') return close(true);
      if (c == ']') return close(false);
      expect_ = objects_.back() ? Expect::key : Expect::value;
      return c == ',';
  }
}

/// Moves behind the string's next byte that matters. A line end inside it is damage: most likely
/// its closing quote is missing.
bool JsonScanner::skip_string(std::string_view view) {
  const std::size_t at = view.find_first_of("\"\\\n", position_);
  position_ = at == std::string_view::npos ? view.size() : at;
  if (at == std::string_view::npos) return true;
  if (view[at] == '\n') return false;
  ++position_;
  if (view[at] == '\\') {
    expect_ = Expect::escaped;
  } else if (is_key_) {
    expect_ = Expect::colon;
  } else {
    end_value();
  }
  return true;
}

/// Takes one step from position_, which is inside the view. False when the value is damaged there.
bool JsonScanner::step(std::string_view view) {
  const char c = view[position_];
  switch (expect_) {
    case Expect::string:
      return skip_string(view);
    case Expect::escaped:
      expect_ = Expect::string;
      if (c != '\n') ++position_;
      return c != '\n';
    case Expect::scalar:
      if (is_scalar(c)) {
        ++position_;
      } else {
        end_value();
      }
      return true;
    default:
      if (!is_json_space(c) && !structural(c)) return false;
      ++position_;
      return true;
  }
}

JsonScanner::Status JsonScanner::scan(std::string_view view, bool final) {
  while (position_ < view.size() && expect_ != Expect::done) {
    if (!step(view)) return Status::bad;
  }
  if (expect_ == Expect::scalar && final && objects_.empty()) end_value();
  if (expect_ == Expect::done) return Status::value;
  return final ? Status::bad : Status::need_more;
}

}  // namespace embedtool
