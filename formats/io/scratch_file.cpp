#include "formats/io/scratch_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/base/error.hpp"
#include "formats/io/durable_file.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kBuffer = std::size_t{256} << 10U;

/// The file has a name for a moment only; one that a kill leaves behind is known by its prefix.
UniqueFd open_nameless(const std::string& folder, const std::string& name) {
  std::string path = folder + "/" + std::string(kTempPrefix) + "scratch-XXXXXX";
  UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd) {
    throw Error(ExitCode::failed, "{}: cannot create it: {}", name, std::strerror(errno));
  }
  ::unlink(path.c_str());
  return fd;
}

}  // namespace

ScratchFile::ScratchFile(const std::string& folder)
    : name_("a scratch file in " + folder), fd_(open_nameless(folder, name_)) {}

void ScratchFile::write(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() > kBuffer) flush();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  size_ += bytes.size();
}

void ScratchFile::flush() {
  const int error = write_fully(system_file_ops(), fd_.get(), buffer_);
  if (error != 0) {
    throw Error(ExitCode::failed, "{}: cannot write: {}", name_, std::strerror(error));
  }
  buffer_.clear();
}

void ScratchFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  const ssize_t got = read_fully(system_file_ops(), fd_.get(), offset, out);
  if (got == static_cast<ssize_t>(out.size())) return;
  throw Error(ExitCode::failed, "{}: cannot read: {}", name_,
              got < 0 ? std::strerror(errno) : "it ends early");
}

}  // namespace embedtool
