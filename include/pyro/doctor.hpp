#pragma once
// What keeps profiles from being as good as they could be on this machine, in this process, and what to do about it:
//
//     PYRO=doctor ./server                  a screen on stderr when profiling starts; the program runs on, and is profiled
//     std::cerr << pyro::doctor();          the same, at any time: later it also knows how many stacks are whole
//
// Included by pyro/profiler.hpp.

#include <pyro/collect/runtime.hpp>
#include <pyro/doctor/container.hpp>
#include <pyro/doctor/cpu_timers.hpp>
#include <pyro/doctor/kernel.hpp>
#include <pyro/doctor/names.hpp>
#include <pyro/doctor/settings.hpp>
#include <pyro/doctor/sigprof.hpp>

#include <cstdio>         // the screen
#include <string>
#include <sys/utsname.h>  // which kernel
#include <unistd.h>       // getpid

namespace pyro {

/// Examines the process: with or without a running profiler, from any thread at any time but within a signal handler. Never throws; without memory
/// it is empty. Takes about 10 ms, some of it CPU time of a thread of its own, more where hundreds of libraries are loaded; changes nothing.
PYRO_HIDDEN PYRO_COLD inline diagnosis diagnose() noexcept {
  PYRO_TRY {
    const stats running = collect::runtime::the().get_stats();
    const checks::last_start start = checks::start_note::get();
    const config& c = start.settings;
    const std::string& engine = running.running && running.engine != "none" ? running.engine : c.engine;
    const bool by_signal = engine != "observer" && engine != "none";
    const std::vector<checks::module_names> modules = checks::names_of_modules();
    const checks::cgroup_limits limits = checks::cgroup_limits::read({});
    std::size_t threads = 0;
    platform::each_thread_of_process([&](pid_t) noexcept { ++threads; });

    diagnosis d;
    utsname system{};
    ::uname(&system);
    d.heading = std::string("pyro " PYRO_VERSION ", process ") + std::to_string(::getpid()) + ", " + platform::program_path() + ", " + system.sysname + ' ' + system.release + ' ' + system.machine;
    d.settings = checks::settings_in_force(start, running);
    d.findings = {checks::look_at_profiler(start, running),
                  checks::look_at_settings(start),
                  checks::look_at_cpu_timers(running),
                  checks::look_at_signal_queue(threads),
                  checks::look_at_handler(running, by_signal),
                  checks::look_at_interval_timer(),
                  checks::look_at_masks(),
                  checks::look_at_perf_event(),
                  checks::look_at_program_names(modules),
                  checks::look_at_library_names(modules),
                  checks::look_at_stacks(modules, running, c.stacks != "scopes" && by_signal),
                  checks::look_at_own_memory(),
                  checks::look_at_proc(),
                  checks::look_at_clock(),
                  checks::look_at_cpus(),
                  checks::look_at_cpu_quota(limits),
                  checks::look_at_memory_limit(limits, c.max_memory + c.upload_queue_bytes),
                  checks::look_at_seccomp()};
    return d;
  }
  PYRO_CATCH_ALL {}
  return {};
}

/// The same as text.
PYRO_HIDDEN PYRO_COLD inline std::string doctor() noexcept {
  PYRO_TRY { return diagnose().text(); }
  PYRO_CATCH_ALL {}
  return {};
}

namespace checks PYRO_HIDDEN {

/// What `configure` and pyro/auto.hpp do: the profiler starts, or there is a text why not; and the screen where `outputs` has `doctor`.
inline std::string start(const config& wanted, bool from_environment) {
  last_start now;
  now.settings = wanted;
  now.from_environment = from_environment;
  detail::settings_reader(now.settings, now.wrong).read();
  const bool asked = parse_outputs(now.settings.outputs).doctor;
  collect::runtime& runtime = collect::runtime::the();
  std::string error = runtime.start(wanted, from_environment);
  now.error = error;
  if (error.empty() || !runtime.get_stats().running) start_note::set(std::move(now));  // else another's settings are in force
  if (asked) std::fputs(doctor().c_str(), stderr);
  return error;
}

}  // namespace checks
}  // namespace pyro
