# Read by CMake after project() where scripts/package.sh builds: third-party libraries become part of
# the program, so that it starts wherever the C library is new enough. EMBEDTOOL_STATIC_PREFIX holds
# those that Debian has no static form of.
list(PREPEND CMAKE_PREFIX_PATH ${EMBEDTOOL_STATIC_PREFIX})
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)

# oneDNN has no static form, and its source takes longer to build than all of the rest.
set(DNNL_LIBRARY OFF)

# Not found by pkg-config, which names what shared libraries need. GCC's libgcc is left: its
# static form asks for glibc 2.35.
find_library(BROTLI_COMMON brotlicommon REQUIRED)
set(CMAKE_CXX_STANDARD_LIBRARIES "${BROTLI_COMMON} ${CMAKE_CXX_STANDARD_LIBRARIES}")
string(APPEND CMAKE_EXE_LINKER_FLAGS " -static-libstdc++")
