#pragma once

// Which files of a repository this program reads. A hub's repositories hold a model many times
// over: as safetensors, torch, ONNX, OpenVINO, TensorFlow, Flax, GGUF.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace embedtool {

/// A file of a repository at one commit.
struct HubFile {
  std::string path;  ///< relative, '/' between the parts, without ".."
  std::uint64_t bytes = 0;
  /// What it is called among the blobs: the SHA-256 of its bytes where the repository keeps it in
  /// LFS (64 hexadecimal digits), else git's SHA-1 of it as a blob (40).
  std::string hash;
};

/// Further wishes: patterns as of fnmatch(3) over whole paths, where '*' matches '/' as well.
struct FileWishes {
  std::vector<std::string> include;  ///< taken as well
  std::vector<std::string> exclude;  ///< never taken
};

/// Files that are left, with what they have in common: "onnx/", "*.bin".
struct LeftFiles {
  std::string what;
  std::size_t files = 0;
  std::uint64_t bytes = 0;
};

struct FileChoice {
  std::vector<HubFile> taken;      ///< in the order of their paths
  std::vector<LeftFiles> left;     ///< the largest first
  bool has_weights = false;        ///< among those taken
  std::vector<std::string> ggufs;  ///< GGUF files that are left because one has to be named
};

/// Chooses among a repository's files: settings, tokenizer and card; in each folder that may hold
/// weights, the safetensors or else the torch files. A GGUF file is taken where it is the only form
/// of weights and the only one. The loader's file names are known here; a test holds them together.
FileChoice choose_files(const std::vector<HubFile>& files, const FileWishes& wishes = {});

}  // namespace embedtool
