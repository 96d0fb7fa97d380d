#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "formats/tokenizer/tokenizer_json_members.hpp"

namespace embedtool::tokenizer_json {
namespace {

// Files from before models had a type are told apart by what they hold.
std::string model_type(const Members& model) {
  if (model.find("type")) return std::string(model.get<std::string_view>("type"));
  if (model.find("merges")) return "BPE";
  if (model.find("unk_id")) return "Unigram";
  return model.find("continuing_subword_prefix") ? "WordPiece" : "of no type";
}

Vocabulary read_vocabulary(const Members& model) {
  Vocabulary vocabulary;
  const auto tokens = model.get<dom::object>("vocab");
  vocabulary.reserve(tokens.size());
  for (const auto field : tokens) {
    vocabulary.add(field.key, model.checked_id(field.value, field.key));
  }
  return vocabulary;
}

WordPieceSpec read_wordpiece(const Members& model) {
  WordPieceSpec spec;
  spec.unk_token = model.text("unk_token", spec.unk_token);
  spec.continuing_subword_prefix =
      model.text("continuing_subword_prefix", spec.continuing_subword_prefix);
  spec.max_input_chars_per_word = static_cast<std::size_t>(
      model.get_or<std::uint64_t>("max_input_chars_per_word", spec.max_input_chars_per_word));
  spec.vocabulary = read_vocabulary(model);
  return spec;
}

/// A merge is "left right", or a list of the two.
BpeSpec::Merge read_merge(const Members& model, dom::element element, std::size_t rank) {
  std::string_view text;
  dom::array pair;
  if (element.get(text) == simdjson::SUCCESS) {
    const std::size_t blank = text.find(' ');
    if (blank != std::string_view::npos && text.find(' ', blank + 1) == std::string_view::npos) {
      return {std::string(text.substr(0, blank)), std::string(text.substr(blank + 1))};
    }
  } else if (std::string_view right; element.get(pair) == simdjson::SUCCESS && pair.size() == 2 &&
                                     pair.at(0).get(text) == simdjson::SUCCESS &&
                                     pair.at(1).get(right) == simdjson::SUCCESS) {
    return {std::string(text), std::string(right)};
  }
  model.fail("merge {} does not name two tokens", rank);
}

BpeSpec read_bpe(const Members& model) {
  BpeSpec spec;
  if (model.get_or<double>("dropout", 0.0) != 0.0) model.fail_unknown("dropout");
  if (model.find("unk_token")) spec.unk_token = std::string(model.text("unk_token", ""));
  spec.continuing_subword_prefix = model.text("continuing_subword_prefix", "");
  spec.end_of_word_suffix = model.text("end_of_word_suffix", "");
  spec.fuse_unk = model.get_or("fuse_unk", false);
  spec.byte_fallback = model.get_or("byte_fallback", false);
  spec.ignore_merges = model.get_or("ignore_merges", false);
  spec.vocabulary = read_vocabulary(model);
  for (const dom::element element : model.get<dom::array>("merges")) {
    spec.merges.push_back(read_merge(model, element, spec.merges.size()));
  }
  return spec;
}

// The reference's JSON reader does not round decimals correctly: it divides the digits by a power
// of ten, both as doubles, and is off by one unit in the last place where there are 17 digits.
// Which of two equally likely paths wins hangs on that. The digits are those of the shortest form,
// which is what writers put into the file.
double as_reference_reads(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), std::abs(value),
                                 std::chars_format::scientific);
  std::uint64_t digits = 0;
  int exponent = 0;
  const char* at = text.data();
  bool fraction = false;
  for (; at != end.ptr && *at != 'e'; ++at) {
    if (*at == '.') {
      fraction = true;
      continue;
    }
    digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
    exponent -= fraction ? 1 : 0;
  }
  if (at == end.ptr) return value;  // not finite
  exponent += std::atoi(at + 1);
  const double power = std::pow(10.0, std::abs(exponent));
  const auto significand = static_cast<double>(digits);
  return std::copysign(exponent < 0 ? significand / power : significand * power, value);
}

/// Unigram lists its pieces as [piece, score]; the id is the place in the list.
UnigramSpec read_unigram(const Members& model) {
  UnigramSpec spec;
  for (const dom::element entry : model.get<dom::array>("vocab")) {
    dom::array pair;
    std::string_view piece;
    double score = 0.0;
    if (entry.get(pair) != simdjson::SUCCESS || pair.at(0).get(piece) != simdjson::SUCCESS ||
        pair.at(1).get(score) != simdjson::SUCCESS) {
      model.fail("entry {} of the vocabulary is not a piece and its score", spec.pieces.size());
    }
    spec.pieces.push_back({std::string(piece), as_reference_reads(score)});
  }
  if (model.find("unk_id")) spec.unk_id = static_cast<std::size_t>(model.id("unk_id"));
  spec.byte_fallback = model.get_or("byte_fallback", false);
  return spec;
}

}  // namespace

TokenModelSpec read_model(const Members& model) {
  const std::string type = model_type(model);
  if (type == "WordPiece") return read_wordpiece(model);
  if (type == "BPE") return read_bpe(model);
  if (type == "Unigram") return read_unigram(model);
  model.fail_unknown(type);
}

}  // namespace embedtool::tokenizer_json
