#pragma once

// Annotations for clang's thread-safety analysis (-Wthread-safety). Other compilers ignore them.
// Reference: https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
//
// A lambda is analysed as a function of its own: one that reads guarded members needs its own
// EMBEDTOOL_REQUIRES, between its parameter list and its body:
//
//   changed_.wait(mutex_, [this]() EMBEDTOOL_REQUIRES(mutex_) { return stopped_; });

#if defined(__clang__)
#define EMBEDTOOL_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define EMBEDTOOL_THREAD_ATTRIBUTE(x)
#endif

/// A class whose objects can be held: a mutex.
#define EMBEDTOOL_CAPABILITY(name) EMBEDTOOL_THREAD_ATTRIBUTE(capability(name))
/// A class whose constructor acquires and whose destructor releases.
#define EMBEDTOOL_SCOPED_CAPABILITY EMBEDTOOL_THREAD_ATTRIBUTE(scoped_lockable)
/// A member that is read and written only while the mutex is held.
#define EMBEDTOOL_GUARDED_BY(mutex) EMBEDTOOL_THREAD_ATTRIBUTE(guarded_by(mutex))
/// A function that is called only while the mutex is held; it neither acquires nor releases it.
#define EMBEDTOOL_REQUIRES(...) EMBEDTOOL_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
/// A function that acquires the mutex itself and so is never called while it is held.
#define EMBEDTOOL_EXCLUDES(...) EMBEDTOOL_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
/// A function that returns with the mutex held.
#define EMBEDTOOL_ACQUIRE(...) EMBEDTOOL_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
/// A function that returns with the mutex released.
#define EMBEDTOOL_RELEASE(...) EMBEDTOOL_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
/// A function whose body the analysis cannot follow. Its callers are still checked.
#define EMBEDTOOL_NO_THREAD_SAFETY_ANALYSIS EMBEDTOOL_THREAD_ATTRIBUTE(no_thread_safety_analysis)
