#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace embedtool {

/// A link that leads readers to the newest complete output.

/// Its absolute path, which an output records as its lineage.
std::string absolute_link(const std::string& link);

/// Throws Error(usage) where the link cannot be made: something else has its name, its folder is
/// missing, or it is the output itself.
void check_link(const std::string& link, const std::string& output);

/// Makes the link lead to `output`, in one step: at no instant is there none, or one that leads
/// nowhere. Durable on return. Throws Error(failed), and Error(bad_record) where the link would
/// lead to an output without rows instead of one with some.
void swap_link(const std::string& link, const std::string& output);

/// What became of an older output.
struct OlderOutput {
  std::string path;
  std::string kept_because;  ///< empty: it was removed
};

/// Removes outputs beside `output` that the same link once led to, all but the newest `keep` ones
/// (`output` is one of them). One that a symbolic link in either folder leads to, that a run holds
/// or that contains somebody else's files stays. Nothing else is touched. What a killed removal
/// left is removed too. Throws Error(failed).
std::vector<OlderOutput> remove_older(const std::string& output, const std::string& link,
                                      std::size_t keep);

}  // namespace embedtool
