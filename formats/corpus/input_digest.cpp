#include "formats/corpus/input_digest.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "formats/io/bytes.hpp"

namespace embedtool {

InputDigest digest_input(const std::string& path, const std::atomic<bool>& stop) {
  ByteCounters unused;
  ByteStream stream(path, unused, &stop);
  stream.take_as_stored();
  std::vector<char> buffer(std::size_t{1} << 20U);
  while (!stream.read(buffer, Wait::yes).end) {
    if (stop)
      throw Error(ExitCode::failed, "{}: stopped while comparing its contents", stream.name());
  }
  return {stream.bytes_read(), stream.digest(), unused.unpacked == 0};
}

void GroupDigest::add(const std::string& path, const InputDigest& file) {
  last_ = file;
  bytes_ += file.bytes;
  hasher_.update(path);
  hasher_.update(std::string_view("\0", 1));
  hasher_.update(file.hash.hex());
}

InputDigest GroupDigest::sum(bool many) const {
  return many ? InputDigest{bytes_, hasher_.digest(), bytes_ == 0} : last_;
}

}  // namespace embedtool
