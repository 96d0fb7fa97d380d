#include "core/base/thread_group.hpp"

#include <utility>

namespace embedtool {

ThreadGroup::ThreadGroup(std::function<void()> on_failure) : on_failure_(std::move(on_failure)) {}

bool ThreadGroup::start(std::function<void()> body) {
  try {
    threads_.emplace_back([this, body = std::move(body)] {
      try {
        body();
      } catch (...) {
        keep(std::current_exception());
      }
    });
    return true;
  } catch (...) {
    keep(std::current_exception());
    return false;
  }
}

bool ThreadGroup::failed() const {
  const MutexLock lock(mutex_);
  return first_error_ != nullptr;
}

void ThreadGroup::join() {
  threads_.clear();
  const MutexLock lock(mutex_);
  if (first_error_ != nullptr) std::rethrow_exception(std::exchange(first_error_, nullptr));
}

void ThreadGroup::keep(std::exception_ptr error) {
  {
    const MutexLock lock(mutex_);
    if (first_error_ == nullptr) first_error_ = std::move(error);
  }
  if (on_failure_) on_failure_();
}

}  // namespace embedtool
