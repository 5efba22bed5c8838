#pragma once
// Which modules of the process have names for their functions, and tables to walk their stacks by. Any thread but a handler; reads the files of all
// modules, tens of milliseconds where there are hundreds.

#include <pyro/doctor/finding.hpp>
#include <pyro/encode/units.hpp>
#include <pyro/sample/debug_file.hpp>
#include <pyro/sample/module_rows.hpp>
#include <pyro/stats.hpp>

#include <string>
#include <vector>

namespace pyro {
namespace checks PYRO_HIDDEN {

struct module_names {
  std::string file;        ///< without its folder
  std::string debug_file;  ///< where one would be looked for
  bool all = false;        ///< .symtab, its own or a debug file's
  bool exported = false;   ///< .dynsym
  bool replaced = false;   ///< the file is not the one that was loaded
  bool unreadable = false; ///< no file, or no image
  bool tables = false;     ///< to unwind by
};

PYRO_COLD inline module_names names_of(const platform::loaded_module& m, bool is_program) {
  module_names names;
  names.file = m.path.substr(m.path.rfind('/') + 1);
  const sampling::elf_image image = sampling::elf_image::of(m);
  sampling::elf_file file{sampling::elf_source(is_program ? std::string("/proc/self/exe") : m.path)};
  names.unreadable = !image.good() || !file.good();
  names.replaced = !names.unreadable && !image.is_from(file);
  if (names.replaced) file = sampling::elf_file();
  const sampling::address_range header = image.frame_header();
  names.tables = header.begin != header.end || (file.good() && file.find(std::string_view(".eh_frame")) != nullptr);
  names.all = file.good() && file.find(std::uint32_t{SHT_SYMTAB}) != nullptr;
  names.exported = file.good() && file.find(std::uint32_t{SHT_DYNSYM}) != nullptr;
  const std::string id = image.good() && !image.build_id().empty() ? image.build_id() : m.build_id;
  if (id.size() > 2) names.debug_file = "/usr/lib/debug/.build-id/" + id.substr(0, 2) + '/' + id.substr(2) + ".debug";
  if (!names.all) names.all = sampling::find_debug_file(m.path, file, id, "/usr/lib/debug").file.good();
  return names;
}

/// The program first.
inline std::vector<module_names> names_of_modules() {
  std::vector<module_names> all;
  platform::module_list modules;
  const std::string program = platform::program_path();
  for (const platform::loaded_module& m : modules.refresh()) all.push_back(names_of(m, m.path == program));
  return all;
}

PYRO_COLD inline finding look_at_program_names(const std::vector<module_names>& modules) {
  finding f{"program's names", finding_state::ok, {}, {}};
  if (modules.empty()) {
    f.state = finding_state::missing;
    f.meaning = "no module is known: /proc/self/maps cannot be read";
    f.advice = "mount proc where the program runs";
    return f;
  }
  const module_names& own = modules.front();
  if (own.all) {
    f.meaning = own.file + " has a symbol table";
    return f;
  }
  f.state = own.exported && !own.replaced ? finding_state::degraded : finding_state::missing;
  f.meaning = own.file + (own.unreadable ? " cannot be read" : own.replaced ? " is not the file any more that was started" : " is stripped") +
              ": its functions show as " + own.file + "+0x1234" + (own.exported ? ", but for those that it exports" : "") + "; scopes keep their names";
  f.advice = own.replaced ? "keep a program's file while it runs: write the new one aside and rename it" : "do not strip it (no -s, no strip)";
  if (!own.replaced && !own.debug_file.empty()) f.advice += ", or keep its symbols in " + own.debug_file + " (objcopy --only-keep-debug)";
  return f;
}

PYRO_COLD inline finding look_at_library_names(const std::vector<module_names>& modules) {
  finding f{"libraries' names", finding_state::ok, {}, {}};
  std::vector<std::string> nameless;
  for (std::size_t i = 1; i < modules.size(); ++i)
    if (!modules[i].all) nameless.push_back(modules[i].file + (modules[i].replaced ? " (replaced since it was loaded)" : ""));
  if (modules.size() < 2) f.meaning = "there are no libraries";
  else if (nameless.empty()) f.meaning = "all " + std::to_string(modules.size() - 1) + " have symbol tables";
  if (nameless.empty()) return f;
  f.state = finding_state::degraded;
  f.meaning = list_of(nameless, 6) + ": stripped, what they do not export shows as " + nameless.front().substr(0, nameless.front().find(' ')) + "+0x1234";
  f.advice = "only where you want their inner functions: install their debug packages (libc6-dbg, …-dbgsym on Debian)";
  return f;
}

PYRO_COLD inline finding look_at_stacks(const std::vector<module_names>& modules, const stats& running, bool wanted) {
  finding f{"native stacks", finding_state::ok, {}, {}};
  if (!wanted) {
    f.meaning = "not asked for (stacks, engine)";
    return f;
  }
  std::vector<std::string> without;
  for (const module_names& m : modules)
    if (!m.tables) without.push_back(m.file);
  const native_stacks& n = running.native;
  const std::uint64_t cut = n.no_rows + n.out_of_bounds + n.too_deep, all = n.complete + cut;
  if (all == 0) f.meaning = std::string(running.samples_produced == 0 ? "no sample has been taken yet" : "the first window is still open") + ": how many are whole is known later, to pyro::doctor() and stats().native";
  else f.meaning = detail::format_percent(static_cast<std::int64_t>(n.complete), static_cast<std::int64_t>(all)) + " % of " + std::to_string(all) + " are whole";
  if (!without.empty()) {
    f.state = finding_state::degraded;
    f.meaning += "; without unwind tables: " + list_of(without, 6);
    f.advice = "compile them with -fasynchronous-unwind-tables and keep .eh_frame";
  } else if (running.modules_without_tables > 0) {
    f.state = finding_state::degraded;
    f.meaning += "; the tables of " + std::to_string(running.modules_without_tables) + " modules are missing: they have none, or there is no room for more than 32 MiB (128 MiB of one module)";
    f.advice = "PYRO_STACKS=scopes walks no stacks; scopes show where the time goes all the same";
  }
  if (cut * 100 > all) {
    f.state = finding_state::degraded;
    const bool tables = n.no_rows >= n.out_of_bounds && n.no_rows >= n.too_deep, bounds = !tables && n.out_of_bounds >= n.too_deep;
    f.meaning += tables   ? "; most others end in code without unwind tables (made at run time, or loaded less than 100 ms ago)"
                 : bounds ? "; most others end outside of their thread's stack (coroutines, signal stacks)"
                          : "; most others have more than 512 frames";
    if (f.advice.empty())
      f.advice = tables   ? "let a JIT keep frame pointers; open a scope around code that has none"
                 : bounds ? "see process_vm_readv under \"own memory\"; open a scope inside each coroutine"
                          : "open scopes inside deep recursions: they stand under [truncated]";
  }
  return f;
}

}  // namespace checks
}  // namespace pyro
