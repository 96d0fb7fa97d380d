#include "cli/model_setup.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/model/builtin_model.hpp"

namespace embedtool {
namespace {

/// What late-interaction models have beside prompts.
bool is_role(const std::string& name) {
  return name == "query" || name == "document";
}

/// The prompt that the choice or the model asks for.
std::string choose_prompt(const ModelChoice& choice, const LoadedModel& model) {
  if (choice.prompt) return *choice.prompt;
  if (model.colbert && is_role(choice.prompt_name)) return "";
  if (!choice.prompt_name.empty()) {
    const auto found = model.prompts.find(choice.prompt_name);
    if (found != model.prompts.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [name, text] : model.prompts) names.push_back(name);
    throw Error(ExitCode::usage, "--prompt-name {}: {} has {}", choice.prompt_name, model.name,
                names.empty() ? std::string("no prompts; use --prompt STRING")
                              : fmt::format("only {}", fmt::join(names, ", ")));
  }
  if (const auto found = model.prompts.find(choice.usual_prompt); found != model.prompts.end()) {
    return found->second;
  }
  if (model.default_prompt_name) return model.prompts.at(*model.default_prompt_name);
  return "";
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

/// The precision that is asked for, or the best that the CPU has: without bf16 instructions f32 is
/// as fast and closer. auto never means int8, which loses more than a user may want.
Compute choose_compute(const ComputeChoice& choice, Console& console) {
  const bool automatic = choice.compute == ComputeWish::automatic;
  const Compute wanted = choice.compute == ComputeWish::f32    ? Compute::f32
                         : choice.compute == ComputeWish::int8 ? Compute::int8
                                                               : Compute::bf16;
  const bool forced = !choice.gemm.empty() && choice.gemm != "auto";
  if ((forced && !automatic) || has_kernels(wanted)) return wanted;
  if (!automatic) {
    console.warning(
        fmt::format("this CPU has no instructions for {}: computing in f32", name_of(wanted)));
  }
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

ComputeWish wish_of(Compute compute) {
  switch (compute) {
    case Compute::f32:
      return ComputeWish::f32;
    case Compute::bf16:
      return ComputeWish::bf16;
    case Compute::int8:
      return ComputeWish::int8;
  }
  return ComputeWish::f32;
}

ChosenModel choose_model(const ModelChoice& model, const ComputeChoice& compute, Console& console) {
  if (compute.isa != "auto") force_isa(compute.isa);
  ChosenModel chosen;
  chosen.compute = choose_compute(compute, console);
  chosen.backend = &select_gemm(compute.gemm, chosen.compute);
  chosen.loaded = open_model(model.model);
  LoadedModel& loaded = chosen.loaded;
  for (const std::string& note : loaded.notes) console.detail(note);
  if (model.head) choose_head(loaded, *model.head);
  chosen.prompt = choose_prompt(model, loaded);
  if (!chosen.prompt.empty() && !loaded.pools_prompt) {
    throw Error(ExitCode::usage,
                "{} leaves the prompt out of its pooling, which is not supported; encode without "
                "a prompt (--prompt '')",
                loaded.name);
  }
  if (loaded.colbert) {
    chosen.role = is_role(model.prompt_name) ? model.prompt_name : model.usual_prompt;
    if (!is_role(chosen.role)) chosen.role = "document";
    choose_role(loaded, chosen.role == "query");
  }
  override_head(model, loaded.head);
  chosen.max_tokens = choose_limit(model, loaded);
  chosen.shape = row_shape(loaded.head, loaded.spec.hidden, loaded.spec.vocab_size);
  return chosen;
}

ReadyModel load_weights(ChosenModel model) {
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
  identity.kind = model.shape.kind;
  identity.dims = model.shape.dims;
  identity.gemm =
      fmt::format("{} ({})", model.backend->name(), model.backend->kernels(model.compute));
  identity.isa = kernel_isa();
  identity.model = loaded.name;
  identity.model_path = absolute_model_path(choice.model);
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

std::string absolute_model_path(const std::string& model) {
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::absolute(model, failed);
  return is_builtin_name(model) || failed ? model : path.lexically_normal().string();
}

}  // namespace embedtool
