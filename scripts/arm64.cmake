# Toolchain file of the `arm64` preset: Debian's cross compiler, and the libraries of a folder that
# scripts/try_arm64.sh makes. What is built runs under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# Also read by the small projects that CMake tries the compiler with.
if(DEFINED ENV{EMBEDTOOL_ARM64_SYSROOT})
  set(sysroot $ENV{EMBEDTOOL_ARM64_SYSROOT})
else()
  set(sysroot /var/tmp/embedtool-arm64)
endif()
set(CMAKE_SYSROOT ${sysroot})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# OpenBLAS has several builds in folders of their own, between which the alternatives system chooses.
set(triplet usr/lib/aarch64-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR}
  ${sysroot}/${triplet}/pkgconfig:${sysroot}/${triplet}/openblas-pthread/pkgconfig:${sysroot}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${sysroot})

# QEMU_CPU chooses another CPU.
set(CMAKE_CROSSCOMPILING_EMULATOR
  qemu-aarch64-static;-L;${sysroot};-E;LD_LIBRARY_PATH=${sysroot}/${triplet}/openblas-pthread)
