// What symbols cost: time and bytes to load the functions of modules, time of a look-up, of demangling a name.
//
//   g++ -std=c++17 -O2 -Iinclude benchmarks/symbols.cpp -o build/symbols -pthread
//   build/symbols /usr/lib/x86_64-linux-gnu/libstdc++.so.6 /usr/lib/x86_64-linux-gnu/libc.so.6 build/rideshare_server
#include "timing.hpp"

#include <pyro/sample/symbols.hpp>

#include <cstdio>
#include <cstdlib>
#include <random>

using namespace pyro::sampling;

namespace {

volatile std::uint64_t sink;

void of_file(const char* path) {
  symbol_table table;
  const char* from = "";
  const double load = fastest(9, [&] {
    const elf_file file{elf_source(std::string(path))};
    const elf_image image = elf_image::described_by(file);
    for (const std::uint32_t type : {std::uint32_t{SHT_SYMTAB}, std::uint32_t{SHT_DYNSYM}}) {
      table = symbol_table();
      from = type == SHT_SYMTAB ? ".symtab" : ".dynsym";
      if (table.load(file, image, type, path, std::size_t{256} << 20) == symbol_table::outcome::loaded) return;
    }
    from = "none";
  });
  if (table.rows().empty()) return void(std::printf("%-60s no functions\n", path));
  std::mt19937 random(1);
  std::vector<std::uint64_t> addresses(100000);
  for (std::uint64_t& a : addresses) {
    const symbol_table::row& r = table.rows()[random() % table.rows().size()];
    a = table.start_of(r) + random() % std::max<std::uint32_t>(r.size(), 1);
  }
  const double look = fastest(9, [&] {
    for (const std::uint64_t a : addresses) sink = sink + (table.find(a) != nullptr);
  });
  std::vector<std::string> names;
  const double name = fastest(1, [&] {
    for (std::size_t i = 0; i < table.rows().size(); i += table.rows().size() / 2000 + 1) names.push_back(table.name_of(table.rows()[i]));
  });
  std::size_t length = 0, longer = 0;
  const double readable = fastest(3, [&] {
    longer = length = 0;
    for (const std::string& n : names) {
      length += n.size();
      longer += demangle(n).size();
    }
  });
  const double count = static_cast<double>(names.size());
  std::printf("%-46.46s %s %7zu functions %8.2f ms %8.0f KiB | row %4.0f ns, name %6.0f ns, demangle %6.0f ns (%.0f to %.0f bytes)\n", path, from,
              table.rows().size(), load * 1e3, static_cast<double>(table.bytes()) / 1024, look / 1e5 * 1e9, name / count * 1e9, readable / count * 1e9,
              static_cast<double>(length) / count, static_cast<double>(longer) / count);
}

void of_this_process() {
  pyro::platform::module_list modules;
  symbolizer symbols;
  const double refresh = fastest(9, [&] { modules.refresh(); });
  const double update = fastest(9, [&] { symbols.update(modules.refresh()); });
  const auto begin = reinterpret_cast<std::uintptr_t>(&std::qsort);
  const double first = fastest(1, [&] { symbols.find(begin); });
  const double known = fastest(9, [&] {
    for (std::uint64_t i = 0; i < 10000; ++i) sink = symbols.find(begin + i % 256).size;
  });
  const double fresh = fastest(1, [&] {
    for (std::uint64_t i = 0; i < 10000; ++i) sink = symbols.find(begin + 4096 + i).size;
  });
  std::printf("this process: modules %.0f us, update %.0f us more, first look-up in libc %.0f us, known address %.0f ns, new address %.0f ns, %zu KiB\n",
              refresh * 1e6, (update - refresh) * 1e6, first * 1e6, known / 1e4 * 1e9, fresh / 1e4 * 1e9, symbols.bytes() / 1024);
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) of_file(argv[i]);
  of_this_process();
}
