#include "cli/model_setup.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/threads.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"
#include "formats/io/bytes_utf8.hpp"

namespace embedtool {
namespace {

/// What late-interaction models have beside prompts.
bool is_role(const std::string& name) {
  return name == "query" || name == "document";
}

/// The prompt that the flags or the model ask for.
std::string choose_prompt(const ModelFlags& flags, const LoadedModel& model,
                          const std::string& default_prompt) {
  if (flags.prompt) return *flags.prompt;
  if (model.colbert && is_role(flags.prompt_name)) return "";
  if (!flags.prompt_name.empty()) {
    const auto found = model.prompts.find(flags.prompt_name);
    if (found != model.prompts.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [name, text] : model.prompts) names.push_back(name);
    throw Error(ExitCode::usage, "--prompt-name {}: {} has {}", flags.prompt_name, model.name,
                names.empty() ? std::string("no prompts; use --prompt STRING")
                              : fmt::format("only {}", fmt::join(names, ", ")));
  }
  if (const auto found = model.prompts.find(default_prompt); found != model.prompts.end()) {
    return found->second;
  }
  if (model.default_prompt_name) return model.prompts.at(*model.default_prompt_name);
  return "";
}

void override_head(const ModelFlags& flags, HeadSpec& head) {
  if (!flags.pooling.empty() && head.sparse.kind != SparseKind::none) {
    throw Error(ExitCode::usage, "--pooling is for vectors; a sparse head pools in its own way");
  }
  if (!flags.pooling.empty()) {
    head.pooling.clear();
    for (const std::string& mode : CLI::detail::split(flags.pooling, ',')) {
      head.pooling.push_back(parse_named<Pooling>(mode, "--pooling"));
    }
  }
  if (flags.no_normalize) head.normalize = false;
  if (flags.dims > 0) head.dims = flags.dims;
}

/// The precision that is asked for, or the best that the CPU has: without bf16 instructions f32 is
/// as fast and closer. auto never means int8, which loses more than a user may want.
Compute resolve_compute(const ComputeFlags& flags, Console& console) {
  Compute wanted = Compute::f32;
  if (flags.compute == "int8") wanted = Compute::int8;
  if (flags.compute == "bf16" || flags.compute == "auto") wanted = Compute::bf16;
  const bool forced = !flags.gemm.empty() && flags.gemm != "auto";
  if (forced && flags.compute != "auto") return wanted;
  if (has_kernels(wanted)) return wanted;
  if (flags.compute != "auto") {
    console.warning(
        fmt::format("this CPU has no instructions for {}: computing in f32", name_of(wanted)));
  }
  return Compute::f32;
}

/// The tighter of what the user asks for and what the model can take.
std::size_t choose_limit(const ModelFlags& flags, const LoadedModel& model) {
  if (!flags.max_length) return model.max_tokens.value;
  const std::size_t positions = model.spec.max_positions;
  if (positions > 0 && *flags.max_length > positions) {
    throw Error(ExitCode::usage, "--max-length {}: {} has positions for {} tokens only",
                *flags.max_length, model.name, positions);
  }
  return *flags.max_length;
}

}  // namespace

ReadyModel prepare_model(const ModelFlags& model, const ComputeFlags& compute,
                         const std::string& default_prompt, Console& console) {
  if (compute.isa != "auto") force_isa(compute.isa);
  ReadyModel ready;
  ready.compute = resolve_compute(compute, console);
  ready.backend = &select_gemm(compute.gemm, ready.compute);
  ready.loaded = load_model(model.model);
  for (const std::string& note : ready.loaded.notes) console.detail(note);
  if (!model.head.empty()) choose_head(ready.loaded, model.head);
  ready.prompt = choose_prompt(model, ready.loaded, default_prompt);
  if (!ready.prompt.empty() && !ready.loaded.pools_prompt) {
    throw Error(ExitCode::usage,
                "{} leaves the prompt out of its pooling, which is not supported; encode without "
                "a prompt (--prompt '')",
                ready.loaded.name);
  }
  if (ready.loaded.colbert) {
    ready.role = is_role(model.prompt_name) ? model.prompt_name : default_prompt;
    if (!is_role(ready.role)) ready.role = "document";
    choose_role(ready.loaded, ready.role == "query");
  }
  override_head(model, ready.loaded.head);
  ready.max_tokens = choose_limit(model, ready.loaded);
  ready.encoder = std::make_unique<Encoder>(ready.loaded.spec, ready.loaded.head,
                                            *ready.loaded.weights, *ready.backend, ready.compute);
  return ready;
}

TokenSettings token_settings(const ReadyModel& model) {
  return {model.loaded.tokenizer.get(), model.prompt, model.max_tokens, true};
}

std::shared_ptr<const std::vector<std::string>> token_names(const ReadyModel& model) {
  const Tokenizer* tokenizer = model.loaded.tokenizer.get();
  auto names = std::make_shared<std::vector<std::string>>();
  std::unordered_set<std::string> seen;
  for (std::size_t i = 0; i < model.encoder->vocab_size(); ++i) {
    std::string name = tokenizer == nullptr ? "" : tokenizer->token(static_cast<TokenId>(i));
    if (name.empty() || !is_utf8(name) || !seen.insert(name).second) {
      name = fmt::format("<id {}>", i);
      seen.insert(name);
    }
    names->push_back(std::move(name));
  }
  return names;
}

std::size_t resolve_threads(const ComputeFlags& flags) {
  return flags.threads > 0 ? flags.threads : available_cpus();
}

}  // namespace embedtool
