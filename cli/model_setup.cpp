#include "cli/model_setup.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"
#include "core/math/peaks.hpp"
#include "core/model/numerics.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/model/builtin_model.hpp"
#include "formats/model/model_tasks.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kAutoCompute = "auto";

/// What late-interaction models have beside prompts.
bool is_role(const std::string& name) {
  return name == "query" || name == "document";
}

/// A late-interaction model's prompt for queries or documents, if it has prompts and not markers.
std::string role_prompt(const LoadedModel& model, const std::string& role) {
  const auto found = model.prompts.find(role);
  return model.colbert->uses_prompts && found != model.prompts.end() ? found->second : "";
}

bool is_task(const LoadedModel& model, const std::string& name) {
  if (!model.tasks) return false;
  const std::vector<std::string>& names = model.tasks->names;
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Of a model with adapters for tasks: the one that is chosen by its name, as its prompt is; "" for
/// none, as in sentence-transformers.
std::string use_task(const ModelChoice& choice, LoadedModel& model, Console& console) {
  if (is_task(model, choice.prompt_name)) {
    choose_task(model, choice.prompt_name);
    return choice.prompt_name;
  }
  console.warning(fmt::format(
      "{} has an adapter for each of its tasks, and none is in use; --prompt-name chooses one: {}",
      model.name, fmt::join(model.tasks->names, ", ")));
  return "";
}

/// The prompt that the choice or the model asks for.
std::string choose_prompt(const ModelChoice& choice, const LoadedModel& model) {
  if (choice.prompt) return *choice.prompt;
  if (model.colbert && is_role(choice.prompt_name)) return role_prompt(model, choice.prompt_name);
  if (!choice.prompt_name.empty()) {
    const auto found = model.prompts.find(choice.prompt_name);
    if (found != model.prompts.end()) return found->second;
    if (is_task(model, choice.prompt_name)) return "";
    std::vector<std::string> names;
    for (const auto& [name, text] : model.prompts) names.push_back(name);
    throw Error(ExitCode::usage, "--prompt-name {}: {} has {}", choice.prompt_name, model.name,
                names.empty() ? std::string("no prompts; use --prompt STRING")
                              : fmt::format("only {}", fmt::join(names, ", ")));
  }
  for (const std::string& usual : choice.usual_prompts) {
    if (model.colbert && is_role(usual)) return role_prompt(model, usual);
    if (const auto found = model.prompts.find(usual); found != model.prompts.end()) {
      return found->second;
    }
  }
  if (model.default_prompt_name) return model.prompts.at(*model.default_prompt_name);
  return "";
}

/// How many tokens a prompt makes at a text's beginning, special ones included, as
/// sentence-transformers counts them: those of the prompt alone, without one that ends a text.
std::size_t prompt_tokens(const std::string& prompt, const Tokenizer* tokenizer) {
  if (prompt.empty() || tokenizer == nullptr) return 0;
  const auto scratch = tokenizer->make_scratch();
  std::vector<TokenId> plain;
  std::vector<TokenId> whole;
  TokenizeOptions options;
  tokenizer->encode(prompt, options, *scratch, whole);
  options.add_special_tokens = false;
  tokenizer->encode(prompt, options, *scratch, plain);
  const bool ends_alike =
      whole.size() >= plain.size() && std::equal(plain.rbegin(), plain.rend(), whole.rbegin());
  return whole.size() - (ends_alike ? 0 : 1);
}

void override_head(const ModelChoice& choice, HeadSpec& head) {
  if (!choice.pooling.empty()) {
    if (head.sparse.kind != SparseKind::none) {
      throw Error(ExitCode::usage,
                  "--pooling applies to vectors; a sparse head has its own pooling");
    }
    head.pooling = choice.pooling;
  }
  if (!choice.normalize) head.normalize = false;
  if (choice.dims > 0) head.dims = choice.dims;
}

bool is_forced(const std::string& gemm) {
  return !gemm.empty() && gemm != "auto";
}

/// Whether `compute` can be measured: a forced backend computes in it, or some backend has kernels.
bool can_compute(const std::string& gemm, Compute compute) {
  if (!is_forced(gemm)) return has_kernels(compute);
  const auto backends = gemm_backends();
  return std::any_of(backends.begin(), backends.end(), [&](const GemmBackend* backend) {
    return gemm == backend->name() && backend->unavailable(compute).empty();
  });
}

/// FLOP/s of one thread.
double measured_rate(const std::string& gemm, Compute compute) {
  constexpr std::uint64_t kNanoseconds = 250'000;
  constexpr std::size_t kWidth = 384;
  return measure_gemm(select_gemm(gemm, compute), compute, kWidth, kWidth, 1, kNanoseconds);
}

/// The faster of f32 and bf16. Some CPUs have bf16 instructions at half the rate of f32's. bf16
/// must be faster by a margin, so that it is not left to chance what the next run computes in.
/// Never int8, which loses more than a user may want.
Compute faster_compute(const std::string& gemm, Console& console) {
  constexpr double kMargin = 1.15;
  constexpr int kRounds = 8;  // in turn, so that what else runs here disturbs both alike
  if (!can_compute(gemm, Compute::bf16) || !can_compute(gemm, Compute::f32) ||
      select_gemm(gemm, Compute::bf16).saves_only_memory(Compute::bf16)) {
    console.detail("--compute auto: f32 (nothing is faster in bf16 here)");
    return Compute::f32;
  }
  double f32 = 0.0;
  double bf16 = 0.0;
  for (int i = 0; i < kRounds; ++i) {
    f32 = std::max(f32, measured_rate(gemm, Compute::f32));
    bf16 = std::max(bf16, measured_rate(gemm, Compute::bf16));
  }
  const Compute chosen = bf16 > kMargin * f32 ? Compute::bf16 : Compute::f32;
  console.detail(fmt::format("--compute auto: {} (bf16 at {:.2f} times the speed of f32)",
                             name_of(chosen), bf16 / f32));
  return chosen;
}

/// The precision that is asked for, where the CPU or a forced backend computes in it.
Compute choose_compute(const ComputeChoice& choice, Console& console) {
  if (!choice.compute) return faster_compute(choice.gemm, console);
  const Compute wanted = *choice.compute;
  if (is_forced(choice.gemm) || has_kernels(wanted)) return wanted;
  console.warning(
      fmt::format("this CPU has no instructions for {}: computing in f32", name_of(wanted)));
  return Compute::f32;
}

/// The tighter of what the user asks for and what the model can take.
std::size_t choose_limit(const ModelChoice& choice, const LoadedModel& model) {
  if (!choice.max_length) return model.max_tokens.value;
  const std::size_t positions = model.spec.max_positions;
  if (positions > 0 && *choice.max_length > positions) {
    throw Error(ExitCode::usage, "--max-length {}: {} has positions for only {} tokens",
                *choice.max_length, model.name, positions);
  }
  return *choice.max_length;
}

}  // namespace

std::vector<std::string> compute_wishes() {
  std::vector<std::string> words = all_words<Compute>();
  words.emplace_back(kAutoCompute);
  return words;
}

ComputeWish parse_compute_wish(std::string_view word) {
  if (word == kAutoCompute) return std::nullopt;
  return parse_named<Compute>(word, "--compute:");
}

ChosenModel choose_model(const ModelChoice& choice, const ComputeChoice& compute,
                         Console& console) {
  if (compute.isa != "auto") force_isa(compute.isa);
  ChosenModel chosen;
  chosen.compute = choose_compute(compute, console);
  chosen.backend = &select_gemm(compute.gemm, chosen.compute);
  chosen.loaded = open_model(choice.model);
  LoadedModel& loaded = chosen.loaded;
  ModelChoice model = choice;
  if (loaded.tasks && model.prompt_name.empty()) {
    model.prompt_name = query_task(choice.searched_role, loaded.tasks->names);
  }
  for (const std::string& note : loaded.notes) console.detail(note);
  if (model.head) choose_head(loaded, *model.head);
  chosen.prompt = choose_prompt(model, loaded);
  if (!loaded.pools_prompt) {
    loaded.head.prompt_tokens = prompt_tokens(chosen.prompt, loaded.tokenizer.get());
  }
  if (has_roles(loaded)) {
    chosen.role = is_role(model.prompt_name) ? model.prompt_name : model.usual_prompts.front();
    if (!is_role(chosen.role)) chosen.role = "document";
    choose_role(loaded, chosen.role == "query");
  }
  if (loaded.tasks) chosen.role = use_task(model, loaded, console);
  override_head(model, loaded.head);
  chosen.max_tokens = choose_limit(model, loaded);
  chosen.shape = row_shape(loaded.head, loaded.spec.hidden, loaded.spec.vocab_size);
  return chosen;
}

ReadyModel load_weights(ChosenModel&& model) {
  ReadyModel ready{std::move(model), nullptr};
  ready.encoder = std::make_unique<Encoder>(ready.loaded.spec, ready.loaded.head,
                                            *ready.loaded.weights, *ready.backend, ready.compute);
  return ready;
}

void take_fingerprint(ChosenModel& model, const RunIdentity* before) {
  if (before == nullptr) return fingerprint_model(model.loaded);
  fingerprint_model(model.loaded, before->model_files, before->model_fingerprint);
}

void describe_in(RunIdentity& identity, const ChosenModel& model, const ModelChoice& choice) {
  const LoadedModel& loaded = model.loaded;
  identity.model_fingerprint = loaded.fingerprint;
  identity.head = loaded.head_kind;
  if (model.shape.kind == RowKind::sparse) {
    identity.kept_tokens = loaded.head.dims;
  } else {
    identity.pooling = loaded.head.pooling;
    identity.normalize = loaded.head.normalize;
  }
  identity.prompt = model.prompt;
  identity.role = model.role;
  identity.max_length = model.max_tokens;
  identity.compute = model.compute;
  identity.numerics = numerics_of(model.compute);
  identity.kind = model.shape.kind;
  identity.dims = model.shape.dims;
  identity.gemm =
      fmt::format("{} ({})", model.backend->name(), model.backend->kernels(model.compute));
  identity.isa = kernel_isa();
  identity.model = loaded.name;
  identity.model_path = lasting_model_path(loaded, choice.model);
  identity.model_files = loaded.files->stamps();
}

TokenSettings token_settings(const ChosenModel& model) {
  return {model.loaded.tokenizer.get(), model.prompt, model.max_tokens, true};
}

std::shared_ptr<const std::vector<std::string>> token_names(const ChosenModel& model) {
  const Tokenizer* tokenizer = model.loaded.tokenizer.get();
  auto names = std::make_shared<std::vector<std::string>>();
  std::unordered_set<std::string> seen;
  for (std::size_t i = 0; i < model.loaded.spec.vocab_size; ++i) {
    std::string name = tokenizer == nullptr ? "" : tokenizer->token(static_cast<TokenId>(i));
    if (name.empty() || !is_utf8(name) || !seen.insert(name).second) {
      name = fmt::format("<id {}>", i);
      seen.insert(name);
    }
    names->push_back(std::move(name));
  }
  return names;
}

std::string lasting_model_path(const LoadedModel& loaded, const std::string& model) {
  if (!loaded.hub_name.empty()) return loaded.hub_name;
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::absolute(model, failed);
  return is_builtin_name(model) || failed ? model : path.lexically_normal().string();
}

}  // namespace embedtool
