#include "formats/output/run_identity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string>
#include <utility>

#include "core/model/numerics.hpp"
#include "formats/io/damaged.hpp"
#include "formats/output/manifest.hpp"

namespace embedtool {
namespace {

using ::testing::HasSubstr;

/// Stands for a value of any type, to count the members of an aggregate.
struct Anything {
  template <typename T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};

template <typename T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires {
    T{(static_cast<void>(I), Anything{})...};
  };
}

/// Members of an aggregate: the most values that it can be made of.
template <typename T, std::size_t N = 64>
constexpr std::size_t members_of() {
  if constexpr (takes<T>(std::make_index_sequence<N>{})) {
    return N;
  } else {
    return members_of<T, N - 1>();
  }
}

RunIdentity sample() {
  RunIdentity run;
  run.model_fingerprint = "f00d";
  run.pooling = {Pooling::cls, Pooling::mean};
  run.normalize = true;
  run.prompt = "passage: ";
  run.max_length = 512;
  run.dims = 768;
  run.gemm = "native (AVX3)";
  run.isa = "AVX3";
  run.inputs = {{"a.jsonl", 120, 5, "aa", 0, ""}, {"-", {}, {}, "", 0, ""}};
  run.text_fields = {"title", "text"};
  run.max_line = 1 << 20;
  run.keep = {"lang"};
  run.program = "0.1.0";
  run.model = "bert";
  run.model_path = "/models/bert";
  run.shard_rows = 65536;
  run.row_group = 1 << 24;
  run.model_files = {{"config.json", FileStamp{7, 1, 2}}, {"modules.json", {}}};
  return run;
}

/// Changes one field to another value that it can have.
void change(const IdentityField& field, RunIdentity& run) {
  const std::string before = field.get(run);
  for (const char* text : {"[[\"b.jsonl\",120,5,\"aa\"]]", "[[\"config.json\",8,1,2]]", "false",
                           "true", "skip", "reject", "offset", "multi", "int8", "bf16", "npy",
                           "sparse", "split", "list", "max", "token", "late", "77", "other"}) {
    try {
      field.set(run, text);
    } catch (const std::exception&) {
      continue;
    }
    if (field.get(run) != before) return;
  }
  ADD_FAILURE() << field.name << ": no other value found";
}

TEST(RunIdentity, EveryMemberIsInTheTable) {
  EXPECT_EQ(identity_fields().size(), members_of<RunIdentity>());
  std::set<std::string_view> names;
  for (const IdentityField& field : identity_fields()) names.insert(field.name);
  EXPECT_EQ(names.size(), identity_fields().size());
}

TEST(RunIdentity, EveryFieldIsAMemberOfItsOwn) {
  for (const IdentityField& field : identity_fields()) {
    RunIdentity run = sample();
    change(field, run);
    for (const IdentityField& other : identity_fields()) {
      EXPECT_EQ(other.same(run, sample()), other.name != field.name)
          << field.name << " changes " << other.name;
    }
  }
}

TEST(RunIdentity, EveryFieldIsRecorded) {
  for (const IdentityField& field : identity_fields()) {
    Manifest manifest;
    manifest.identity = sample();
    change(field, manifest.identity);
    const Settings wanted = identity_record(manifest.identity);
    EXPECT_EQ(identity_record(parse_manifest(to_json(manifest), "m").identity), wanted)
        << field.name;
    EXPECT_EQ(identity_record(*parse_journal(journal_header(manifest.identity))->identity), wanted)
        << field.name;
  }
}

TEST(RunIdentity, ComparesByClass) {
  for (const IdentityField& field : identity_fields()) {
    RunIdentity before = sample();
    RunIdentity now = sample();
    change(field, now);
    if (field.known_late) {
      EXPECT_EQ(first_difference(before, now, Comparison::resume), "") << field.name;
      before = std::exchange(now, before);  // known only of the run before
      EXPECT_EQ(first_difference(before, now, Comparison::up_to_date), "") << field.name;
      field.set(now, field.name == "int8_scale" ? "0.5" : "5");
    }
    const bool place = field.kind == IdentityClass::place;
    const std::string complete = first_difference(before, now, Comparison::up_to_date);
    const std::string unfinished = first_difference(before, now, Comparison::resume);
    EXPECT_EQ(complete.empty(), place) << field.name;
    EXPECT_EQ(unfinished.empty(), place && !field.cuts_bytes) << field.name;
    EXPECT_EQ(other_cut(before, now).empty(), !field.cuts_bytes) << field.name;
    if (unfinished.empty() || field.name == "inputs") continue;
    EXPECT_THAT(unfinished, HasSubstr(std::string(field.name)));
    const auto shown = [&field](const RunIdentity& identity) {
      const std::string value = field.get(identity);
      const bool unset = (value.empty() || value == "0") && value == field.get(RunIdentity());
      return unset ? "not set" : "'" + value + "'";
    };
    EXPECT_THAT(unfinished, HasSubstr(" was " + shown(before) + " and is now " + shown(now)));
    EXPECT_THAT(unfinished, HasSubstr(field.remedy));
    EXPECT_STRNE(field.remedy, "") << field.name;
  }
}

TEST(RunIdentity, InputsAreNamesAndSizes) {
  const RunIdentity before = sample();
  RunIdentity now = sample();
  now.inputs[0].modified_ns = 6;
  now.inputs[0].hash = "bb";
  now.inputs[1].bytes = 7;  // of a pipe: known once it has been read
  EXPECT_EQ(first_difference(before, now, Comparison::resume), "");
  now.inputs[0].bytes = 121;
  EXPECT_EQ(first_difference(before, now, Comparison::resume),
            "input a.jsonl was '120 bytes' and is now '121 bytes'");
  now.inputs.pop_back();
  now.inputs[0].bytes = 120;
  EXPECT_EQ(first_difference(before, now, Comparison::resume), "input - is gone");
}

TEST(RunIdentity, FoldersAreNamesFilesAndSizes) {
  RunIdentity before = sample();
  before.inputs = {{"docs", 120, 5, "aa", 3, "bb"}};
  RunIdentity now = before;
  now.inputs[0].listing = "cc";
  EXPECT_EQ(first_difference(before, now, Comparison::resume), "");
  now.inputs[0].files = 4;
  EXPECT_EQ(first_difference(before, now, Comparison::resume),
            "input docs was '3 files, 120 bytes' and is now '4 files, 120 bytes'");
  Manifest manifest;
  manifest.identity = now;
  const InputEntry back = parse_manifest(to_json(manifest), "m").identity.inputs.at(0);
  EXPECT_EQ(back.files, 4U);
  EXPECT_EQ(back.listing, "cc");
  EXPECT_EQ(parse_journal(journal_header(now))->identity->inputs.at(0).listing, "cc");
}

TEST(RunIdentity, AJournalWithoutNewerSettingsHasTheirDefaults) {
  Settings record = identity_record(sample());
  std::erase_if(record, [](const auto& entry) { return entry.first == "id_from"; });
  EXPECT_EQ(identity_from(record).id_from, IdFrom::position);
  std::erase_if(record, [](const auto& entry) { return entry.first == "quotes"; });
  EXPECT_THROW(identity_from(record), Damaged);
}

TEST(RunIdentity, NamesThatAreNotUtf8StayTheSameRun) {
  Manifest manifest;
  manifest.identity = sample();
  manifest.identity.inputs[0].name = "caf\xe9.jsonl";
  manifest.identity.keep = {"\xff"};
  manifest.identity.join = "\xfe";
  const RunIdentity back = *parse_journal(journal_header(manifest.identity))->identity;
  EXPECT_EQ(first_difference(back, manifest.identity, Comparison::resume), "");
  const RunIdentity complete = parse_manifest(to_json(manifest), "m").identity;
  EXPECT_EQ(first_difference(complete, manifest.identity, Comparison::up_to_date), "");
}

TEST(RunIdentity, ListsComeBackWhateverTheirNames) {
  const IdentityField& field = *find_identity_field("text_field");
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{}, {"text"}, {"a", "b.c"}, {"a,b", "c"}, {""}, {"[x]"}}) {
    RunIdentity run;
    run.text_fields = names;
    RunIdentity back;
    field.set(back, field.get(run));
    EXPECT_EQ(back.text_fields, names);
  }
}

TEST(RunIdentity, RefusesTextThatIsNoValue) {
  RunIdentity run;
  for (const auto& [name, text] : {std::pair{"dims", "-1"},
                                   {"dims", "7x"},
                                   {"dtype", "f64"},
                                   {"quotes", "yes"},
                                   {"pooling", "mean,"},
                                   {"numerics", ""}}) {
    EXPECT_THROW(find_identity_field(name)->set(run, text), Damaged) << name << " " << text;
  }
}

TEST(RunIdentity, ShardsSayWhatTheirVectorsMean) {
  const Settings metadata = shard_metadata(sample());
  const Settings wanted{{"embedtool", "0.1.0"},
                        {"model", "bert"},
                        {"model_fingerprint", "f00d"},
                        {"pooling", "cls,mean"},
                        {"normalize", "true"},
                        {"prompt", "passage: "},
                        {"max_length", "512"},
                        {"on_long", "truncate"},
                        {"compute", "f32"},
                        {"numerics", std::to_string(numerics_of(Compute::f32))}};
  EXPECT_EQ(metadata, wanted);
}

}  // namespace
}  // namespace embedtool
