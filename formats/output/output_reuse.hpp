#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/base/enum_words.hpp"
#include "core/row_reuse.hpp"
#include "formats/output/row_lookup.hpp"
#include "formats/output/run_identity.hpp"

namespace embedtool {

/// From which kernels an earlier output's rows may be.
enum class ReuseKernels : std::uint8_t { same, any };
template <>
inline constexpr auto enum_words<ReuseKernels> = std::to_array<EnumWord<ReuseKernels>>({
    {ReuseKernels::same, "same"},
    {ReuseKernels::any, "any"},
});

/// What to do with an earlier output whose rows are of another vector space.
enum class ReuseMismatch : std::uint8_t { refuse, encode };
template <>
inline constexpr auto enum_words<ReuseMismatch> = std::to_array<EnumWord<ReuseMismatch>>({
    {ReuseMismatch::refuse, "refuse"},
    {ReuseMismatch::encode, "encode"},
});

/// Earlier outputs from which rows are to be taken.
struct ReusePlan {
  std::vector<std::string> outputs;  ///< directories, or links to them
  ReuseKernels kernels = ReuseKernels::same;
  ReuseMismatch mismatch = ReuseMismatch::refuse;
  std::uint64_t verify = 0;  ///< rows of each output that are encoded again and compared
};

/// A complete Parquet output that was opened to take rows from. It is only read.
struct EarlierOutput {
  std::string name;  ///< as typed
  Directory directory;
  Manifest manifest;
};

/// Opens a complete Parquet output. Throws Error(failed) where it is none.
std::unique_ptr<EarlierOutput> open_output(const std::string& path);
/// The same for --reuse: throws Error(usage).
std::unique_ptr<EarlierOutput> open_earlier(const std::string& path);

/// Why rows of `before` cannot be rows of `now`, with the remedy; empty where they can.
std::string why_not_reused(const Manifest& before, const RunIdentity& now, ReuseKernels kernels);

struct ReuseResources {
  std::string scratch;     ///< a folder for scratch files
  std::size_t memory = 0;  ///< bytes for an index while it is sorted
  const std::atomic<bool>* stop = nullptr;
  bool cheap_texts = false;  ///< a text is encoded in less time than it takes to read a page
};

/// Takes rows from earlier outputs: from the first that has a text.
class OutputReuse final : public RowReuse {
 public:
  /// `spec` is the new output's. All outputs are of its vector space.
  OutputReuse(const std::vector<std::shared_ptr<const EarlierOutput>>& outputs,
              const OutputSpec& spec, const ReusePlan& plan, const ReuseResources& resources);

  void find(std::span<const Hash128> texts, ReusedRows& out) override;

 private:
  struct Source {
    Source(std::shared_ptr<const EarlierOutput> earlier, const ReusePlan& plan,
           const ReuseResources& resources, std::shared_ptr<const Vocabulary> vocabulary);

    std::shared_ptr<const EarlierOutput> output;
    RowLookup lookup;
    RowFetcher fetcher;
    bool check_all = false;
    std::unordered_set<std::uint64_t> checked;  ///< rows to be encoded again
  };

  void fetch(Source& source, std::span<const Hash128> texts, ReusedRows& out);

  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<std::optional<RowKey>> keys_;
  struct Wanted {
    std::uint64_t row = 0;
    std::uint32_t text = 0;
  };
  std::vector<Wanted> wanted_;
  std::vector<std::uint64_t> rows_;
};

}  // namespace embedtool
