#pragma once
// The outputs of a forked child: the same as its parent's, with a process number in every file name that has none, so that the two
// never write one file. Pure.

#include <string>

namespace pyro {

/// "report,pprof:out/cpu.pb.gz" becomes "report,pprof:out/cpu-%p.pb.gz".
inline std::string outputs_of_child(const std::string& list) {
  std::string out;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t comma = list.find(',', begin);
    std::string entry = list.substr(begin, comma == std::string::npos ? comma : comma - begin);
    const std::size_t colon = entry.find(':');
    if (colon != std::string::npos && entry.find("%p", colon) == std::string::npos) {
      const std::size_t slash = entry.find_last_of('/');
      const std::size_t name = slash == std::string::npos || slash < colon ? colon + 1 : slash + 1;
      const std::size_t dot = entry.find('.', name + 1);
      entry.insert(dot == std::string::npos ? entry.size() : dot, "-%p");
    }
    if (!out.empty()) out += ',';
    out += entry;
    begin = comma == std::string::npos ? list.size() + 1 : comma + 1;
  }
  return out;
}

}  // namespace pyro
