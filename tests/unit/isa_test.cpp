// The best kernels that the CPU can run are those that run, whatever the version of the libraries.
// What the CPU can run is read here from the CPU's own registers, apart from what the libraries and
// the system make of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"

#ifdef __x86_64__
#include <cpuid.h>
#endif

#if defined(__x86_64__) || defined(__aarch64__)

namespace embedtool {
namespace {

#ifdef __x86_64__

/// Bits of the Intel SDM, volume 2, CPUID leaves 1, 7.0, 7.1 and 0x80000001, and of XCR0.
class Cpu {
 public:
  Cpu() {
    std::array<unsigned, 3> vendor{};
    __get_cpuid(0, &unused_, vendor.data(), &vendor[2], &vendor[1]);
    is_intel_ = std::memcmp(vendor.data(), "GenuineIntel", sizeof vendor) == 0;
    __get_cpuid(1, &unused_, &unused_, &leaf1_c_, &unused_);
    __get_cpuid_count(7, 0, &unused_, &leaf7_b_, &leaf7_c_, &leaf7_d_);
    __get_cpuid_count(7, 1, &leaf71_a_, &unused_, &unused_, &unused_);
    __get_cpuid(0x80000001U, &unused_, &unused_, &extended_c_, &unused_);
    if (bit(leaf1_c_, 27)) {  // OSXSAVE
      unsigned high = 0;
      asm("xgetbv" : "=a"(xcr0_), "=d"(high) : "c"(0));
    }
  }
  bool ssse3() const { return bit(leaf1_c_, 9); }
  /// Highway's SSE4: SSE4.1, SSE4.2, CLMUL and AES.
  bool sse4() const {
    return ssse3() && bit(leaf1_c_, 19) && bit(leaf1_c_, 20) && bit(leaf1_c_, 1) &&
           bit(leaf1_c_, 25);
  }
  /// Highway's AVX2: AVX, AVX2, FMA, F16C, LZCNT, BMI and BMI2.
  bool avx2() const {
    return sse4() && saves(0x6) && bit(leaf1_c_, 28) && bit(leaf1_c_, 12) && bit(leaf1_c_, 29) &&
           bit(extended_c_, 5) && bit(leaf7_b_, 3) && bit(leaf7_b_, 5) && bit(leaf7_b_, 8);
  }
  /// Highway's AVX3: AVX-512 F, DQ, CD, BW and VL.
  bool avx3() const {
    return avx2() && saves(0xe6) && bit(leaf7_b_, 16) && bit(leaf7_b_, 17) && bit(leaf7_b_, 28) &&
           bit(leaf7_b_, 30) && bit(leaf7_b_, 31);
  }
  bool avx_vnni() const { return avx2() && bit(leaf71_a_, 4); }
  bool avx512_vnni() const { return avx3() && bit(leaf7_c_, 11); }
  bool avx512_bf16() const { return avx3() && bit(leaf71_a_, 5); }
  /// Sums of four int8 products, for the widest vectors that it has.
  bool quadruples() const { return avx3() ? avx512_vnni() : avx_vnni(); }
  /// At a rate that is worth it.
  bool fast_bf16() const { return avx512_bf16() && !is_intel_; }
  /// Tiles, with products of bf16 and of int8.
  bool amx() const {
    return avx512_bf16() && saves(0x60000) && bit(leaf7_d_, 22) && bit(leaf7_d_, 24) &&
           bit(leaf7_d_, 25);
  }

 private:
  static bool bit(unsigned value, unsigned n) { return (value >> n & 1U) != 0; }
  /// Whether the system saves these registers.
  bool saves(unsigned mask) const { return (xcr0_ & mask) == mask; }

  bool is_intel_ = false;
  unsigned unused_ = 0;
  unsigned leaf1_c_ = 0;
  unsigned leaf7_b_ = 0;
  unsigned leaf7_c_ = 0;
  unsigned leaf7_d_ = 0;
  unsigned leaf71_a_ = 0;
  unsigned extended_c_ = 0;
  unsigned xcr0_ = 0;
};

#else

/// Fields of the Arm ARM's ID_AA64ISAR0_EL1 and ID_AA64ISAR1_EL1, which Linux lets programs read.
class Cpu {
 public:
  Cpu() {
    asm("mrs %0, S3_0_C0_C6_0" : "=r"(isar0_));
    asm("mrs %0, S3_0_C0_C6_1" : "=r"(isar1_));
  }
  bool dotprod() const { return field(isar0_, 44); }
  bool bf16() const { return field(isar1_, 44); }
  bool i8mm() const { return field(isar1_, 52); }

 private:
  static bool field(std::uint64_t value, unsigned n) { return (value >> n & 0xfU) != 0; }

  std::uint64_t isar0_ = 0;
  std::uint64_t isar1_ = 0;
};

#endif

/// Null where the build is without it.
const GemmBackend* find_backend(std::string_view name) {
  const auto all = gemm_backends();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto* b) { return b->name() == name; });
  return found == all.end() ? nullptr : *found;
}

class BestKernels : public testing::Test {
 protected:
  void SetUp() override {
    if (isa_forced()) GTEST_SKIP() << "a lower instruction set is forced";
  }
  const Cpu cpu_;
  const GemmBackend& native_ = *find_backend("native");
};

#ifdef __x86_64__

TEST_F(BestKernels, TheInstructionSetHasOurName) {
  const char* best = cpu_.avx3()    ? "AVX3"
                     : cpu_.avx2()  ? "AVX2"
                     : cpu_.sse4()  ? "SSE4"
                     : cpu_.ssse3() ? "SSSE3"
                                    : "SCALAR";
  EXPECT_EQ(kernel_isa(), best);
  EXPECT_EQ(native_.kernels(Compute::f32), best);
}

TEST_F(BestKernels, EverySetThatTheCpuHasCanBeForced) {
  std::vector<std::string> sets;
  if (cpu_.avx3()) sets.emplace_back("avx3");
  if (cpu_.avx_vnni()) sets.emplace_back("avx2-vnni");
  if (cpu_.avx2()) sets.emplace_back("avx2");
  if (cpu_.sse4()) sets.emplace_back("sse4");
  if (cpu_.ssse3()) sets.emplace_back("ssse3");
  EXPECT_EQ(supported_isas(), sets);
}

TEST_F(BestKernels, Bf16RunsEverywhereByTheCpusInstructionsWhereTheyAreFast) {
  EXPECT_EQ(native_.kernels(Compute::bf16),
            cpu_.fast_bf16() ? "AVX512-BF16" : kernel_isa() + " (widened weights)");
  EXPECT_EQ(native_.unavailable(Compute::bf16), "");
}

TEST_F(BestKernels, Int8RunsByQuadruplesWhereTheCpuHasThem) {
  EXPECT_EQ(native_.unavailable(Compute::int8).empty(), cpu_.ssse3());
  EXPECT_EQ(native_.kernels(Compute::int8), cpu_.avx512_vnni()  ? "AVX512-VNNI"
                                            : cpu_.quadruples() ? "AVX-VNNI"
                                            : cpu_.ssse3() ? kernel_isa() + " (16-bit products)"
                                                           : "");
}

TEST_F(BestKernels, OneDnnRunsWhatTheCpuHas) {
  const GemmBackend* onednn = find_backend("onednn");
  if (onednn == nullptr) GTEST_SKIP() << "this build is without oneDNN";
  EXPECT_EQ(onednn->unavailable(Compute::bf16).empty(), cpu_.avx512_bf16());
  EXPECT_EQ(onednn->unavailable(Compute::int8).empty(), cpu_.quadruples());
  const std::string name = onednn->kernels(Compute::int8);
  EXPECT_EQ(name.starts_with("avx512_core"), cpu_.avx3()) << name;
  EXPECT_EQ(name.find("amx") != std::string::npos, cpu_.amx()) << name;
  EXPECT_EQ(native_.yields(Compute::bf16), cpu_.amx());
  EXPECT_EQ(native_.yields(Compute::int8), cpu_.amx());
  EXPECT_FALSE(native_.yields(Compute::f32));
}

#else

TEST_F(BestKernels, TheInstructionSetHasOurName) {
  EXPECT_EQ(kernel_isa(), "NEON");
  EXPECT_EQ(native_.kernels(Compute::f32), "NEON");
}

TEST_F(BestKernels, EverySetThatTheCpuHasCanBeForced) {
  std::vector<std::string> sets;
  if (cpu_.dotprod() && cpu_.i8mm() && cpu_.bf16()) sets.emplace_back("neon-bf16");
  if (cpu_.dotprod() && cpu_.i8mm()) sets.emplace_back("neon-i8mm");
  if (cpu_.dotprod()) sets.emplace_back("neon-dotprod");
  sets.emplace_back("neon");
  EXPECT_EQ(supported_isas(), sets);
}

TEST_F(BestKernels, Bf16RunsEverywhereByTheCpusInstructionsWhereItHasThem) {
  EXPECT_EQ(native_.kernels(Compute::bf16), cpu_.bf16() ? "NEON-BF16" : "NEON (widened weights)");
  EXPECT_EQ(native_.unavailable(Compute::bf16), "");
}

TEST_F(BestKernels, Int8RunsByTheWidestProductsThatTheCpuHas) {
  EXPECT_EQ(native_.unavailable(Compute::int8), "");
  EXPECT_EQ(native_.kernels(Compute::int8), cpu_.i8mm()      ? "NEON-I8MM"
                                            : cpu_.dotprod() ? "NEON-DOTPROD"
                                                             : "NEON (16-bit products)");
}

TEST_F(BestKernels, OneDnnIsRefusedSinceItsRowsDependOnTheirPlace) {
  const GemmBackend* onednn = find_backend("onednn");
  if (onednn == nullptr) GTEST_SKIP() << "this build is without oneDNN";
  for (const Compute compute : {Compute::f32, Compute::bf16, Compute::int8}) {
    EXPECT_NE(onednn->unavailable(compute), "") << name_of(compute);
  }
}

#endif

}  // namespace
}  // namespace embedtool

#endif  // x86-64 or arm64
