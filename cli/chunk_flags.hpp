#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/pipeline/run_options.hpp"
#include "core/text/chunk/chunk_rule.hpp"

namespace CLI {
class App;
}

namespace embedtool {

/// What becomes of long texts. As typed.
struct ChunkFlags {
  std::optional<OnLong> on_long;
  std::uint64_t tokens = 0;  ///< 0 = the model's limit
  std::string overlap;       ///< tokens, or a share of a chunk with %
  std::optional<ChunkBy> by;
  std::string prefix;
  bool text = false;
  std::optional<ChunkPooling> pooling;
  std::optional<ChunkJoin> join;
};
void declare_chunks(CLI::App& app, ChunkFlags& flags);
/// What becomes of the chunks' rows.
void declare_chunk_rows(CLI::App& app, ChunkFlags& flags);

/// Chunks that are asked for, before the model and its limit are known.
struct ChunkPlan {
  OnLong on_long = OnLong::truncate;
  std::uint64_t tokens = 0;  ///< 0 = the model's limit
  std::uint64_t overlap = 0;
  bool overlap_in_percent = false;
  ChunkBy by = ChunkBy::sentence;
  std::string prefix;  ///< a field; empty = none
  bool text = false;
  ChunkPooling pooling = ChunkPooling::own;
  ChunkJoin join = ChunkJoin::none;

  bool is_late() const { return pooling == ChunkPooling::late; }
  bool cuts() const { return on_long == OnLong::chunk; }
};
/// Pure: throws Error(usage) for options that do not fit each other.
ChunkPlan resolve_chunks(const ChunkFlags& flags);

/// What a plan comes to with a model that reads `limit` tokens (0: any number). Throws Error(usage)
/// for chunks that it cannot read; `model` is for messages.
struct ChunkSizes {
  std::size_t tokens = 0;
  std::size_t overlap = 0;
};
ChunkSizes settle_chunks(const ChunkPlan& plan, std::size_t limit, std::string_view model);

}  // namespace embedtool
