#include "core/pipeline/trial.hpp"

#include <algorithm>
#include <atomic>

#include "core/base/check.hpp"
#include "core/base/profile.hpp"
#include "core/base/thread_group.hpp"

namespace embedtool {

void TokenSample::add(std::span<const TokenId> ids) {
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  offsets_.push_back(ids_.size());
}

std::vector<std::uint32_t> TokenSample::lengths(std::size_t texts) const {
  std::vector<std::uint32_t> out(texts);
  for (std::size_t i = 0; i < texts; ++i) out[i] = static_cast<std::uint32_t>(text(i).size());
  return out;
}

/// One pass over the sample.
class Trial::Job {
 public:
  Job(const TokenSample& sample, const Encoder& encoder, const TrialSetup& setup,
      std::vector<float>* vectors)
      : sample_(sample), encoder_(encoder) {
    plan_batches(sample.lengths(setup.texts), setup.batch, setup.ends_together ? setup.threads : 0,
                 plan_);
    if (vectors == nullptr) return;
    first_vector_.reserve(setup.texts + 1);
    std::size_t count = 0;
    for (std::size_t i = 0; i < setup.texts; ++i) {
      first_vector_.push_back(count);
      count += encoder.vector_count(sample.text(i));
    }
    first_vector_.push_back(count);
    vectors->resize(count * encoder.dims());
    out_ = vectors->data();
  }

  /// A worker's thread: takes batches until there are none left.
  void work(Worker& worker) {
    const std::uint64_t begin = thread_cpu_ns();
    StageClock clock;
    for (std::size_t b = next_++; b < plan_.batches.size(); b = next_++) {
      encode(plan_.batches[b], worker, clock);
    }
    worker.cpu_ns = thread_cpu_ns() - begin;
  }

 private:
  void encode(const PlannedBatch& planned, Worker& worker, StageClock& clock) {
    const std::span<const std::uint32_t> order(plan_.order.data() + planned.first, planned.count);
    const std::size_t dims = encoder_.dims();
    worker.encoder.encode(
        encoder_, order,
        [this](BatchBuilder& batch, std::uint32_t text) { batch.append(sample_.text(text)); },
        nullptr, clock,
        [this, dims](const RowBatch& rows, std::size_t i, std::uint32_t text) {
          if (out_ == nullptr) return;
          std::copy_n(rows.vectors.data() + rows.offsets[i] * dims, rows.count_of(i) * dims,
                      out_ + first_vector_[text] * dims);
        });
  }

  const TokenSample& sample_;
  const Encoder& encoder_;
  Plan plan_;
  std::vector<std::size_t> first_vector_;  ///< of each text, and the end
  float* out_ = nullptr;
  std::atomic<std::size_t> next_{0};
};

TrialTimes Trial::run(const Encoder& encoder, const TrialSetup& setup,
                      std::vector<float>* vectors) {
  EMBEDTOOL_CHECK(setup.texts <= sample_.size() && setup.threads > 0);
  if (workers_.size() < setup.threads) workers_.resize(setup.threads);
  Job job(sample_, encoder, setup, vectors);
  const std::uint64_t begin = monotonic_ns();
  ThreadGroup threads;
  for (std::size_t i = 0; i < setup.threads; ++i) {
    threads.start([&job, &worker = workers_[i]] { job.work(worker); });
  }
  threads.join();
  TrialTimes times;
  times.wall_seconds = static_cast<double>(monotonic_ns() - begin) / 1e9;
  for (std::size_t i = 0; i < setup.threads; ++i) {
    times.cpu_seconds += static_cast<double>(workers_[i].cpu_ns) / 1e9;
  }
  return times;
}

}  // namespace embedtool
