#pragma once
// What a report does not show, in sentences for people. Pure, any thread.

#include <pyro/encode/report_data.hpp>
#include <pyro/encode/units.hpp>

#include <cstdint>  // counts
#include <string>   // sentences
#include <vector>   // of them

namespace pyro::detail {

/// `shown`: the tags as the page has them, with at most `limits().tag_values` values a key. `cut`: values larger than a page can hold.
inline std::vector<std::string> report_notes(const report_data& data, const report_tags& shown, std::uint64_t cut) {
  std::vector<std::string> out;
  const auto count = [](std::uint64_t n, const char* one, const char* many) {
    return format_count(static_cast<std::int64_t>(n)) + " " + (n == 1 ? one : many);
  };
  const std::vector<value_type>& types = data.types();
  const bool cpu = !types.empty() && types[data.default_type()].type == "cpu";
  const std::string most = cpu || types.empty() ? "the most CPU time" : "the most " + types[data.default_type()].type;
  for (const report_tags::key& k : shown.keys())
    if (!k.left_out.empty()) {
      const bool has_other = k.ids.count(report_tags::other()) != 0;
      const std::uint64_t kept = k.values.size() - (has_other ? 1 : 0);
      out.push_back("Of the tag " + k.name + (kept == 1 ? " the value" : " the " + format_count(static_cast<std::int64_t>(kept)) + " values") + " with " + most +
                    (kept == 1 ? " is" : " are") + " shown; " + (k.more_left_out ? "more than " : "") + count(k.left_out.size(), "other is", "others are") + " [other].");
    }
  const report_data::shortened& gone = data.left_out();
  for (const std::string& key : gone.keys) out.push_back("The tag " + key + " is not shown: there are too many tags.");
  if (gone.nodes) out.push_back("Of the stacks the heaviest are kept whole; what is lighter is in [other] below what called it.");
  if (gone.deep != 0)
    out.push_back(count(gone.deep, "stack is", "stacks are") + " deeper than " + count(data.deepest(), "frame", "frames") + "; what lies deeper is in [other].");
  if (data.merged_width() != 0)
    out.push_back(count(data.added(), "window", "windows") + " were merged into " + count(data.windows().size(), "window", "windows") + " of about " +
                  format_duration(data.merged_width()) + ".");
  if (gone.negative != 0)
    out.push_back(count(gone.negative, "negative value is", "negative values are") + " left out: a flame graph can't show them.");
  if (gone.type_values != 0)
    out.push_back(count(gone.type_values, "value is", "values are") + " left out: there are too many types of values.");
  if (cut != 0) out.push_back(count(cut, "value is", "values are") + " cut to the largest number that a page can hold.");
  return out;
}

}  // namespace pyro::detail
