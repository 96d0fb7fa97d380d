#include "cli/chunk_flags.hpp"

#include <charconv>

#include "cli/flags.hpp"
#include "core/base/error.hpp"

namespace embedtool {
namespace {

/// Tokens, or percent of a chunk.
void parse_overlap(const std::string& word, ChunkPlan& plan) {
  std::string_view number = word;
  plan.overlap_in_percent = number.ends_with('%');
  if (plan.overlap_in_percent) number.remove_suffix(1);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), plan.overlap);
  if (error != std::errc() || end != number.data() + number.size()) {
    throw Error(ExitCode::usage,
                "--chunk-overlap {}: give a number of tokens, such as 32, or a share of a chunk, "
                "such as 10%",
                word);
  }
  if (plan.overlap_in_percent && plan.overlap > 50) {
    throw Error(ExitCode::usage,
                "--chunk-overlap {}: chunks can share half of their tokens at most", word);
  }
}

/// An option that says how texts are cut; null where there is none.
const char* chunk_option(const ChunkFlags& flags) {
  return flags.tokens > 0         ? "--chunk-tokens"
         : !flags.overlap.empty() ? "--chunk-overlap"
         : flags.by.has_value()   ? "--chunk-by"
         : !flags.prefix.empty()  ? "--chunk-prefix"
         : flags.text             ? "--chunk-text"
         : flags.pooling          ? "--chunk-pooling"
         : flags.join.has_value() ? "--chunk-join"
                                  : nullptr;
}

}  // namespace

void declare_chunks(CLI::App& app, ChunkFlags& flags) {
  FlagGroup group(app, "Long texts");
  group.choice("--on-long", flags.on_long,
               "What to do with a text longer than the limit [truncate]");
  group.count("--chunk-tokens", flags.tokens,
              "Most tokens of a chunk, special tokens, prompt and prefix included; implies "
              "--on-long chunk [the model's limit]");
  group.value("--chunk-overlap", flags.overlap, "N|P%",
              "Most tokens that a chunk shares with the one before it, at most half [0]");
  group.choice("--chunk-by", flags.by, "Where to cut, if what is between fits [sentence]");
  group.value("--chunk-prefix", flags.prefix, "NAME",
              "Field to put before every chunk, such as a title");
  group.flag("--chunk-text", flags.text, "Store the text of each chunk");
}

void declare_chunk_rows(CLI::App& app, ChunkFlags& flags) {
  FlagGroup group(app, "Long texts");
  group.choice("--chunk-pooling", flags.pooling,
               "late: let the model read the whole text, then average the tokens of each chunk "
               "[own]");
  group.choice("--chunk-join", flags.join,
               "Write one row for each text: the mean of its chunks' vectors, by tokens, or the "
               "largest values [none]");
}

ChunkPlan resolve_chunks(const ChunkFlags& flags) {
  ChunkPlan plan;
  plan.on_long = flags.on_long.value_or(flags.tokens > 0 ? OnLong::chunk : OnLong::truncate);
  const char* option = chunk_option(flags);
  if (!plan.cuts() && option != nullptr) {
    throw Error(ExitCode::usage, "{} is for --on-long chunk{}", option,
                flags.on_long ? fmt::format(", not {}", name_of(plan.on_long)) : "");
  }
  plan.tokens = flags.tokens;
  if (!flags.overlap.empty()) parse_overlap(flags.overlap, plan);
  plan.by = flags.by.value_or(ChunkBy::sentence);
  plan.prefix = flags.prefix;
  plan.text = flags.text;
  plan.pooling = flags.pooling.value_or(ChunkPooling::own);
  if (plan.is_late() && (!flags.overlap.empty() || !plan.prefix.empty())) {
    throw Error(ExitCode::usage,
                "{} and --chunk-pooling late cannot be used together: the model has read the whole "
                "text when a chunk's tokens are averaged",
                flags.overlap.empty() ? "--chunk-prefix" : "--chunk-overlap");
  }
  plan.join = flags.join.value_or(ChunkJoin::none);
  if (plan.text && plan.join != ChunkJoin::none) {
    throw Error(ExitCode::usage,
                "--chunk-text and --chunk-join {} cannot be used together: a row is a whole text",
                name_of(plan.join));
  }
  return plan;
}

ChunkSizes settle_chunks(const ChunkPlan& plan, std::size_t limit, std::string_view model) {
  if (plan.tokens == 0 && limit == 0) {
    throw Error(ExitCode::usage,
                "--on-long chunk: {} reads texts of any length; say how long chunks are with "
                "--chunk-tokens",
                model);
  }
  if (limit > 0 && plan.tokens > limit) {
    throw Error(ExitCode::usage, "--chunk-tokens {}: {} reads at most {} tokens of a text",
                plan.tokens, model, limit);
  }
  ChunkSizes sizes;
  sizes.tokens = plan.tokens > 0 ? plan.tokens : limit;
  sizes.overlap = plan.overlap_in_percent ? sizes.tokens * plan.overlap / 100 : plan.overlap;
  if (sizes.overlap > sizes.tokens / 2) {
    throw Error(ExitCode::usage,
                "--chunk-overlap {}: chunks of {} tokens can share {} tokens at most, half of them",
                sizes.overlap, sizes.tokens, sizes.tokens / 2);
  }
  return sizes;
}

}  // namespace embedtool
