#pragma once
// The options of subcommands that look at one profile: files merged, a type, tags. One thread.

#include "inputs.hpp"
#include "selection.hpp"

namespace pyro::command {

struct merged_options {
  std::vector<std::string> paths;
  std::string type;
  std::vector<std::string> tags;
};

inline void add_merged_options(CLI::App& app, merged_options& options) {
  app.add_option("files", options.paths, "Profiles: files, directories, or - for standard input")->required()->type_name("FILE|DIR");
  app.add_option("-t,--type", options.type, "Sample type: cpu, samples, calls, ... (default: cpu, else the file's own default)")->type_name("TYPE");
  app.add_option("--tag", options.tags, "Only samples with this tag; repeat for more (values of one key are alternatives)")->type_name("KEY=VALUE")->allow_extra_args(false);
}

/// Tags of processes that differ stay with their samples, as the tags of those; what all have in common stays a tag of the whole.
class merged_files {
 public:
  void add(profile p) {
    if (run_.empty()) {
      common_ = p.static_tags;
    } else {
      std::vector<std::pair<std::string, std::string>> still;
      for (const auto& tag : common_)
        for (const auto& its : p.static_tags)
          if (tag == its) still.push_back(tag);
      common_ = std::move(still);
    }
    profile_builder builder(p);
    for (auto& set : p.label_sets) {
      // Builders keep a set for each content; here two may become equal, which merging takes care of.
      for (const auto& tag : p.static_tags) {
        const string_index key = builder.text(tag.first);
        bool known = false;
        for (const label& l : set) known = known || l.key == key;
        if (!known) set.push_back({key, builder.text(tag.second)});
      }
      std::sort(set.begin(), set.end(), [&p](const label& a, const label& b) { return p.strings[a.key] < p.strings[b.key]; });
    }
    p.static_tags.clear();
    run_.add(p);
  }
  std::size_t count() const noexcept { return run_.windows(); }

  /// The tags in common are on every sample as well: once there they are no tags of the process any more, to be shown with it alone.
  profile result() const {
    profile p = run_.result();
    p.static_tags = common_;
    for (auto& set : p.label_sets) {
      const auto in_common = [&](const label& l) {
        for (const auto& tag : common_)
          if (p.strings[l.key] == tag.first && p.strings[l.value] == tag.second) return true;
        return false;
      };
      set.erase(std::remove_if(set.begin(), set.end(), in_common), set.end());
    }
    return p;
  }

 private:
  profile_run run_{all_of_it()};
  std::vector<std::pair<std::string, std::string>> common_;
};

inline profile read_merged(const std::vector<std::string>& paths, const std::string& type) {
  const std::vector<std::string> files = find_files(paths);
  if (files.size() == 1) return read_profile(files[0], type);
  merged_files all;
  for_each_profile(files, [&all](profile p, const std::string&) { all.add(std::move(p)); }, type);
  return all.result();
}

inline profile read_merged(const merged_options& options) { return with_tags(read_merged(options.paths, options.type), parse_tags(options.tags)); }

}  // namespace pyro::command
