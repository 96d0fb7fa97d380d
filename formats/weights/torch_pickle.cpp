// A pickle is a program for a stack machine (Python's pickletools.py describes it). A state dict
// needs a third of the instructions: those are here, over values that cannot do anything.
#include "formats/weights/torch_pickle.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

#include "formats/io/damaged.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kMaxPickle = std::size_t{16} << 20;
// GET copies what it finds: these bound what a small file can make of itself.
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxStack = 16384;
constexpr std::size_t kMaxRank = 16;
constexpr std::size_t kMaxDepth = 16;

constexpr const char* kStrange = "its pickle holds more than a plain state dict";

using Dict = std::map<std::string, PickledTensor>;

enum class Kind : std::uint8_t { other, mark, number, text, global, storage, tensor, dict, tuple };

struct Tuple;

/// One value of the machine; which members count, its kind says.
struct Value {
  Kind kind = Kind::other;
  std::int64_t number = 0;
  std::string text;  ///< a text, a global's "module name", a storage's type
  std::string key;   ///< a storage's
  std::shared_ptr<const PickledTensor> tensor;
  std::shared_ptr<Dict> dict;
  std::shared_ptr<const Tuple> tuple;

  /// This, if it is of that kind; Damaged if not.
  const Value& as(Kind wanted) const {
    require(kind == wanted, kStrange);
    return *this;
  }
  const std::vector<Value>& items() const;
};

/// Immutable, so that no value can hold itself.
struct Tuple {
  std::vector<Value> items;
  std::size_t depth = 0;  ///< of tuples below
};

const std::vector<Value>& Value::items() const {
  return as(Kind::tuple).tuple->items;
}

Value text_value(Kind kind, std::string text, std::string key = "") {
  Value value;
  value.kind = kind;
  value.text = std::move(text);
  value.key = std::move(key);
  return value;
}

Value number_value(std::int64_t number) {
  Value value;
  value.kind = Kind::number;
  value.number = number;
  return value;
}

Value dict_value() {
  Value value;
  value.kind = Kind::dict;
  value.dict = std::make_shared<Dict>();
  return value;
}

Value plain_value(Kind kind) {
  Value value;
  value.kind = kind;
  return value;
}

std::vector<std::int64_t> numbers_of(const Value& tuple) {
  require(tuple.items().size() <= kMaxRank, "a tensor's shape is damaged");
  std::vector<std::int64_t> out;
  for (const Value& item : tuple.items()) out.push_back(item.as(Kind::number).number);
  return out;
}

class Machine {
 public:
  explicit Machine(std::span<const std::byte> code) : code_(code) {}

  Dict run() {
    while (!done_) step();
    require(stack_.size() == 1, kStrange);
    return *pop().as(Kind::dict).dict;
  }

 private:
  std::uint8_t byte() {
    require(at_ < code_.size(), "its pickle ends early");
    return std::to_integer<std::uint8_t>(code_[at_++]);
  }
  std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }
  std::string text(std::size_t size) {
    require(size <= code_.size() - at_, "its pickle ends early");
    require(size <= kMaxText, kStrange);
    std::string out(reinterpret_cast<const char*>(code_.data() + at_), size);
    at_ += size;
    return out;
  }
  std::string line() {
    std::string out;
    for (char c = static_cast<char>(byte()); c != '\n'; c = static_cast<char>(byte())) {
      require(out.size() < kMaxText, kStrange);
      out += c;
    }
    return out;
  }

  void push(Value value) {
    require(stack_.size() < kMaxStack, kStrange);
    stack_.push_back(std::move(value));
  }
  Value pop() {
    require(!stack_.empty(), kStrange);
    Value value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }
  Value& top() {
    require(!stack_.empty(), kStrange);
    return stack_.back();
  }
  /// What stands above the last mark, which goes.
  std::vector<Value> pop_to_mark() {
    std::size_t mark = stack_.size();
    while (mark > 0 && stack_[mark - 1].kind != Kind::mark) --mark;
    require(mark > 0, kStrange);
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(mark);
    std::vector<Value> out(std::make_move_iterator(first), std::make_move_iterator(stack_.end()));
    stack_.erase(std::prev(first), stack_.end());
    return out;
  }
  void push_tuple(std::vector<Value> items) {
    auto tuple = std::make_shared<Tuple>();
    for (const Value& item : items) {
      if (item.kind == Kind::tuple) tuple->depth = std::max(tuple->depth, item.tuple->depth + 1);
    }
    require(tuple->depth < kMaxDepth, kStrange);
    tuple->items = std::move(items);
    Value value = plain_value(Kind::tuple);
    value.tuple = std::move(tuple);
    push(std::move(value));
  }
  void push_tuple_of(std::size_t count) {
    std::vector<Value> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push_tuple(std::move(items));
  }

  void step();
  bool step_value(std::uint8_t op);
  bool step_container(std::uint8_t op);
  void reduce();
  Value tensor_of(const std::vector<Value>& arguments) const;
  void load_storage();
  void set_items(std::vector<Value> items);
  void put(std::uint64_t slot);
  void get(std::uint64_t slot);

  std::span<const std::byte> code_;
  std::size_t at_ = 0;
  bool done_ = false;
  std::vector<Value> stack_;
  std::map<std::uint64_t, Value> memo_;
};

void Machine::step() {
  const std::uint8_t op = byte();
  if (step_value(op) || step_container(op)) return;
  switch (op) {
    case 0x80:  // PROTO
      require(byte() == 2, "its pickle protocol is not 2");
      return;
    case 'c': {  // GLOBAL
      std::string module = line();
      return push(text_value(Kind::global, module + " " + line()));
    }
    case 'Q':  // BINPERSID
      return load_storage();
    case 'R':  // REDUCE
      return reduce();
    case 'b':  // BUILD: attributes of the dict (_metadata), which hold no weights
      pop();
      return;
    case '.':  // STOP
      done_ = true;
      return;
    default:
      throw Damaged(kStrange);
  }
}

bool Machine::step_value(std::uint8_t op) {
  switch (op) {
    case 'N':
      push({});
      return true;
    case 0x88:  // NEWTRUE
    case 0x89:
      push({});  // whether a tensor wants gradients
      return true;
    case 'K':  // BININT1
      push(number_value(static_cast<std::int64_t>(number(1))));
      return true;
    case 'M':  // BININT2
      push(number_value(static_cast<std::int64_t>(number(2))));
      return true;
    case 'J':  // BININT
      push(number_value(static_cast<std::int64_t>(static_cast<std::int32_t>(number(4)))));
      return true;
    case 0x8a: {  // LONG1: sizes beyond 32 bits
      const std::size_t width = byte();
      require(width < 8, kStrange);
      push(number_value(static_cast<std::int64_t>(number(width))));
      return true;
    }
    case 'X':  // BINUNICODE
      push(text_value(Kind::text, text(number(4))));
      return true;
    case 'q':  // BINPUT
      put(number(1));
      return true;
    case 'r':
      put(number(4));
      return true;
    case 'h':  // BINGET
      get(number(1));
      return true;
    case 'j':
      get(number(4));
      return true;
    default:
      return false;
  }
}

bool Machine::step_container(std::uint8_t op) {
  switch (op) {
    case '(':
      push(plain_value(Kind::mark));
      return true;
    case ')':
      push_tuple({});
      return true;
    case 't':
      push_tuple(pop_to_mark());
      return true;
    case 0x85:  // TUPLE1, TUPLE2, TUPLE3
    case 0x86:
    case 0x87:
      push_tuple_of(op - std::size_t{0x84});
      return true;
    case '}':
      push(dict_value());
      return true;
    case 's': {  // SETITEM
      std::vector<Value> item(2);
      item[1] = pop();
      item[0] = pop();
      set_items(std::move(item));
      return true;
    }
    case 'u':  // SETITEMS
      set_items(pop_to_mark());
      return true;
    default:
      return false;
  }
}

void Machine::put(std::uint64_t slot) {
  memo_.insert_or_assign(slot, top());
}

void Machine::get(std::uint64_t slot) {
  const auto found = memo_.find(slot);
  require(found != memo_.end(), kStrange);
  push(found->second);
}

/// Only tensors are kept: whatever else a dict holds is no weight.
void Machine::set_items(std::vector<Value> items) {
  require(items.size() % 2 == 0, kStrange);
  const std::shared_ptr<Dict> dict = top().as(Kind::dict).dict;
  for (std::size_t i = 0; i < items.size(); i += 2) {
    const std::string& name = items[i].as(Kind::text).text;
    if (items[i + 1].kind == Kind::tensor) dict->insert_or_assign(name, *items[i + 1].tensor);
  }
}

/// ('storage', torch.FloatStorage, key, device, number of elements)
void Machine::load_storage() {
  const Value id = pop();
  const std::vector<Value>& parts = id.items();
  require(parts.size() == 5 && parts[0].as(Kind::text).text == "storage", kStrange);
  const std::string& type = parts[1].as(Kind::global).text;
  constexpr std::string_view kModule = "torch ";
  require(type.starts_with(kModule), kStrange);
  push(text_value(Kind::storage, type.substr(kModule.size()), parts[2].as(Kind::text).text));
}

void Machine::reduce() {
  const Value arguments = pop();
  const Value callable = pop();
  const std::string& name = callable.as(Kind::global).text;
  if (name == "collections OrderedDict") {
    require(arguments.items().empty(), kStrange);
    return push(dict_value());
  }
  if (name == "torch._utils _rebuild_tensor_v2") {
    return push(tensor_of(arguments.items()));
  }
  require(name == "torch._utils _rebuild_parameter" && !arguments.items().empty(), kStrange);
  push(arguments.items().front());
}

/// (storage, offset, shape, strides, requires_grad, hooks, …)
Value Machine::tensor_of(const std::vector<Value>& arguments) const {
  require(arguments.size() >= 4, kStrange);
  const Value& storage = arguments[0].as(Kind::storage);
  PickledTensor tensor{storage.text, storage.key, arguments[1].as(Kind::number).number,
                       numbers_of(arguments[2]), numbers_of(arguments[3])};
  Value value = plain_value(Kind::tensor);
  value.tensor = std::make_shared<const PickledTensor>(std::move(tensor));
  return value;
}

}  // namespace

std::map<std::string, PickledTensor> read_state_dict(std::span<const std::byte> pickle) {
  require(pickle.size() <= kMaxPickle, "its pickle is far larger than a state dict's");
  return Machine(pickle).run();
}

}  // namespace embedtool
