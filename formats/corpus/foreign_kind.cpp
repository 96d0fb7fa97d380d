#include "formats/corpus/foreign_kind.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string>

#include "formats/io/bytes_utf8.hpp"
#include "formats/io/lfs_pointer.hpp"
#include "formats/io/shell_quote.hpp"

namespace embedtool {
namespace {

using namespace std::string_view_literals;

constexpr auto kNoText = "give a file of texts"sv;
constexpr auto kOffice = "export its texts as CSV or JSON Lines"sv;

/// A kind that certain bytes at a certain place tell.
struct Magic {
  ForeignKind kind;
  std::string_view bytes;
  std::size_t at = 0;
};

// Sources: file(1)'s magic, and each format's specification.
constexpr auto kMagics = std::to_array<Magic>({
    {{"a ZIP archive (or an Office document, or a .npz file)", "unzip -p {} | embedtool … -"},
     "PK\x03\x04"sv},
    {{"an empty ZIP archive", kNoText}, "PK\x05\x06"sv},
    {{"a 7z archive", "7z x -so {} | embedtool … -"}, "7z\xbc\xaf\x27\x1c"sv},
    {{"a RAR archive", "unrar p -inul {} | embedtool … -"}, "Rar!\x1a\x07"sv},
    {{"a tar archive", "tar -xOf {} | embedtool … -, or unpack it and name the folder"},
     "ustar"sv,
     257},
    {{"a cpio archive", "unpack it and name the folder"}, "070701"sv},
    {{"an ar archive or a Debian package", kNoText}, "!<arch>\n"sv},
    {{"gzip data inside compressed data", "gzip -dc {} | embedtool … -"}, "\x1f\x8b\x08"sv},
    {{"zstd data inside compressed data", "zstd -dc {} | embedtool … -"}, "\x28\xb5\x2f\xfd"sv},
    {{"xz data inside compressed data", "xz -dc {} | embedtool … -"}, "\xfd\x37zXZ\0"sv},
    {{"bzip2 data inside compressed data", "bzip2 -dc {} | embedtool … -"}, "BZh91AY&SY"sv},
    {{"lz4 data inside compressed data", "lz4 -dc {} | embedtool … -"}, "\x04\x22\x4d\x18"sv},
    {{"lzip data", "lzip -dc {} | embedtool … -"}, "LZIP\x01"sv},
    {{"compress(1) data", "zcat {} | embedtool … -"}, "\x1f\x9d"sv},
    {{"lzma data", "xz --format=lzma -dc {} | embedtool … -"}, "\x5d\0\0\x80\0"sv},
    {{"snappy data", "unpack it first"}, "\xff\x06\0\0sNaPpY"sv},
    {{"a Feather file of version 1", "write it as version 2, which is Arrow"}, "FEA1"sv},
    {{"an ORC file", "convert it to JSON Lines"}, "ORC\n"sv},
    {{"an Avro file", "avro-tools tojson {} | embedtool … -"}, "Obj\x01"sv},
    {{"an SQLite database",
      "sqlite3 -json {} 'SELECT id, text FROM …' | embedtool … --format json -"},
     "SQLite format 3\0"sv},
    {{"an HDF5 file", "convert it to JSON Lines"}, "\x89HDF\r\n\x1a\n"sv},
    {{"a NumPy array", kNoText}, "\x93NUMPY"sv},
    {{"a GGUF model", "name it with --model"}, "GGUF"sv},
    {{"a Python pickle", "convert it to JSON Lines"}, "\x80\x04\x95"sv},
    {{"a Python pickle", "convert it to JSON Lines"}, "\x80\x05\x95"sv},
    {{"a Python pickle", "convert it to JSON Lines"}, "\x80\x02}"sv},
    {{"a PDF document", "pdftotext {} - | embedtool … --format text -"}, "%PDF-"sv},
    {{"a PostScript document", "ps2ascii {} | embedtool … --format text -", true}, "%!PS-"sv},
    {{"an RTF document", kOffice, true}, "{\\rtf"sv},
    {{"an Office document", kOffice}, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv},
    {{"a PNG image", kNoText}, "\x89PNG\r\n\x1a\n"sv},
    {{"a JPEG image", kNoText}, "\xff\xd8\xff"sv},
    {{"a GIF image", kNoText}, "GIF87a"sv},
    {{"a GIF image", kNoText}, "GIF89a"sv},
    {{"a WebP image", kNoText}, "WEBPVP8"sv, 8},
    {{"a TIFF image", kNoText}, "II*\0"sv},
    {{"a TIFF image", kNoText}, "MM\0*"sv},
    {{"a Windows icon", kNoText}, "\0\0\x01\0"sv},
    {{"a WAVE sound", kNoText}, "WAVEfmt "sv, 8},
    {{"an MP3 sound", kNoText}, "ID3\x03"sv},
    {{"an MP3 sound", kNoText}, "ID3\x04"sv},
    {{"a FLAC sound", kNoText}, "fLaC\0"sv},
    {{"an Ogg file", kNoText}, "OggS\0"sv},
    {{"an MPEG-4 video", kNoText}, "ftyp"sv, 4},
    {{"a Matroska video", kNoText}, "\x1a\x45\xdf\xa3"sv},
    {{"an ELF program", kNoText},
     "\x7f"
     "ELF"sv},
    {{"a Windows program", kNoText}, "MZ\x90\0"sv},
    {{"a Mach-O program", kNoText}, "\xcf\xfa\xed\xfe"sv},
    {{"a WebAssembly module", kNoText}, "\0asm"sv},
    {{"a Java class", kNoText}, "\xca\xfe\xba\xbe"sv},
    {{"a Git pack", kNoText}, "PACK\0\0\0\x02"sv},
    {{"a Git bundle", kNoText}, "# v2 git bundle\n"sv},
});

constexpr ForeignKind kLfs{"a Git LFS pointer, in place of the file",
                           "fetch the file: git lfs pull --include {}"};
constexpr ForeignKind kTar{"a tar archive",
                           "tar -xOf {} | embedtool … -, or unpack it and name the folder"};
constexpr ForeignKind kSafetensors{"a safetensors file", "name a model with --model"};
constexpr ForeignKind kHtml{
    "an HTML page",
    "was it downloaded in place of the file? To read its lines as texts, add --format text", true};
constexpr ForeignKind kXml{
    "an XML document", "convert it to JSON Lines; to read its lines as texts, add --format text",
    true};
constexpr ForeignKind kBinary{
    "binary data of a kind that embedtool does not know",
    "convert it to JSON Lines, CSV or text; to read it as it is, name its "
    "--format",
    true};

/// Archives before POSIX: the header's checksum is right (octal, at 148), itself taken as spaces.
bool is_old_tar(std::string_view head) {
  constexpr std::size_t kHeader = 512;
  constexpr std::size_t kSum = 148;
  if (head.size() < kHeader || head[0] == '\0') return false;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < kHeader; ++i) {
    sum += i >= kSum && i < kSum + 8 ? std::uint32_t{' '} : static_cast<unsigned char>(head[i]);
  }
  std::uint32_t told = 0;
  std::size_t digits = 0;
  for (std::size_t i = kSum; i < kSum + 8; ++i) {
    if (head[i] < '0' || head[i] > '7') continue;
    told = told * 8 + static_cast<std::uint32_t>(head[i] - '0');
    ++digits;
  }
  return digits >= 4 && told == sum;
}

/// Eight bytes of length, then a JSON object.
bool is_safetensors(std::string_view head) {
  if (head.size() < 10 || head[8] != '{') return false;
  return head.substr(4, 4) == "\0\0\0\0"sv && head[9] == '"';
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

const ForeignKind* markup_of(std::string_view head) {
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  const std::size_t start = head.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return nullptr;
  head.remove_prefix(start);
  if (starts_with_word(head, "<!doctype html") || starts_with_word(head, "<html")) return &kHtml;
  if (!head.starts_with("<?xml")) return nullptr;
  const std::size_t page = head.substr(0, 1024).find("<html");
  return page != std::string_view::npos ? &kHtml : &kXml;
}

/// Text of any kind, 8-bit encodings among them, has hardly a control character; data are full of
/// them, and not UTF-8.
bool is_binary(std::string_view head) {
  constexpr std::size_t kSample = 8192;
  const std::string_view sample = head.substr(0, kSample);
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && (byte < 7 || byte > 13) && byte != 0x1b && byte != 0x1e;
  };
  const auto controls =
      static_cast<std::size_t>(std::count_if(sample.begin(), sample.end(), is_control));
  if (controls * 20 <= sample.size()) return false;
  return valid_utf8_prefix(sample) + 4 <= sample.size();  // not merely cut inside a character
}

}  // namespace

const ForeignKind* foreign_kind_of(std::string_view head) {
  for (const Magic& magic : kMagics) {
    if (head.size() < magic.at + magic.bytes.size()) continue;
    if (head.substr(magic.at, magic.bytes.size()) == magic.bytes) return &magic.kind;
  }
  if (is_lfs_pointer(head)) return &kLfs;
  if (is_old_tar(head)) return &kTar;
  if (is_safetensors(head)) return &kSafetensors;
  return markup_of(head);
}

const ForeignKind* binary_kind_of(std::string_view head) {
  return is_binary(head) ? &kBinary : nullptr;
}

std::string explain(const ForeignKind& kind, std::string_view file_name) {
  std::string remedy(kind.remedy);
  const std::size_t place = remedy.find("{}");
  if (place != std::string::npos) remedy.replace(place, 2, shell_word(file_name));
  return fmt::format("{}: is {}, not a corpus; {}", file_name, kind.what, remedy);
}

}  // namespace embedtool
