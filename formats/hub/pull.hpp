#pragma once

// Fetches a model from a hub into the cache, or into a folder.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "formats/hub/file_choice.hpp"
#include "formats/hub/http.hpp"
#include "formats/hub/hub_client.hpp"
#include "formats/hub/hub_name.hpp"
#include "formats/hub/hub_settings.hpp"

namespace embedtool {

struct PullOptions {
  HubName name;
  HubSettings settings;
  std::string token;
  FileWishes wishes;
  std::string folder;         ///< plain files here instead of the cache; "" = the cache
  bool verify = false;        ///< also reads and checks the files that are here already
  bool dry_run = false;       ///< only says what would be fetched
  double longest_wait = 300;  ///< seconds that the hub may ask to wait, in total
};

struct PullResult {
  std::string commit;
  std::string folder;          ///< where the model is now
  FileChoice choice;           ///< empty where nothing had to be asked
  bool was_whole = false;      ///< everything was here already
  std::uint64_t bytes = 0;     ///< of the files chosen
  std::uint64_t fetched = 0;   ///< of these, from the network in this run
  std::uint64_t to_fetch = 0;  ///< dry run: what is not here
};

/// Makes a client; called before the first request and not where none is needed.
using MakeHttpClient = std::function<std::unique_ptr<HttpClient>()>;

/// Fetches what this program reads of a model and checks every byte against the hub's hashes. In
/// the cache, blobs come first, links to them next and the ref last, so that at every instant a
/// snapshot is absent or whole. What an ended process left is gone on with. A commit that is whole
/// in the cache costs no request, a branch one.
///
/// Throws Error(model) for a model that is not there, is gated, or has no weights that this program
/// reads; Error(failed) for everything that another attempt may mend.
PullResult pull_model(const PullOptions& options, const MakeHttpClient& make_http,
                      const PullHooks& hooks);

}  // namespace embedtool
