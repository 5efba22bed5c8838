// Each sample is walked twice in the same handler, by pyro and by the unwinder of libgcc, and the stacks compared: program counter by
// program counter. (libgcc's is safe here because nothing throws and nothing is loaded meanwhile.)
//
// usage: differential [SAMPLES [alone]]     default: 50,000
//   alone: without libgcc; walks have to be complete. (Of aarch64's lazy binding, glibc's tables are wrong: libgcc may crash there.)
#include "name_of.hpp"

#include <pyro/sample/unwind_table.hpp>
#include <pyro/sample/walk.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 of its own <regex>, with sanitizers
#endif
#include <regex>
#include <sstream>
#include <string>
#include <unwind.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

using namespace pyro::sampling;
namespace platform = pyro::platform;

namespace {

constexpr unsigned most = 256;

struct stack {
  std::uintptr_t pc[most];
  unsigned depth = 0;
};

unwind_tables& tables() {
  static unwind_tables t;
  return t;
}
row_cache cache;
hazard_cell cell;
platform::stack_range bounds;
long samples, wanted = 50000, identical, shorter, longer, differ, deepest, guessed, ends[6];
struct {
  std::uintptr_t leaf, at;
  unsigned ours, theirs;
  walk_end end;
} examples[16];
unsigned kept_examples;
bool alone;

_Unwind_Reason_Code on_frame(_Unwind_Context* context, void* argument) {
  stack& s = *static_cast<stack*>(argument);
  if (s.depth == most) return _URC_END_OF_STACK;
  s.pc[s.depth++] = _Unwind_GetIP(context);
  return _URC_NO_REASON;
}

void on_signal(int, siginfo_t*, void* context) {
  if (samples >= wanted) return;
  static stack ours, theirs;
  ours.depth = theirs.depth = 0;
  const machine_state state = state_of(context);
  walk_result result{walk_end::no_rows, false};
  {
    const unwind_guard guard(tables(), cell);
    result = walk(*guard, state, bounds, most, [](std::uintptr_t pc, std::uintptr_t, bool) {
      ours.pc[ours.depth++] = pc;
      return true;
    }, &cache);
  }
  if (alone) {
    ++samples;
    ++ends[static_cast<int>(result.end)];
    guessed += result.guessed;
    ++(result.end == walk_end::complete ? identical : differ);
    if (result.end != walk_end::complete && kept_examples < 16) examples[kept_examples++] = {state.pc, ours.pc[ours.depth - 1], ours.depth, 0, result.end};
    return;
  }
  _Unwind_Backtrace(on_frame, &theirs);
  unsigned skip = 0;  // this handler and the trampoline
  while (skip < theirs.depth && theirs.pc[skip] != state.pc) ++skip;
  unsigned depth = theirs.depth - skip;
  if (depth != 0 && theirs.pc[theirs.depth - 1] == 0) --depth;
  const bool capped = theirs.depth == most;  // theirs has the handler's frames too, and comes to the cap before

  unsigned same = 0;
  while (same < ours.depth && same < depth && ours.pc[same] == theirs.pc[skip + same]) ++same;
  ++samples;
  ++ends[static_cast<int>(result.end)];
  guessed += result.guessed;
  if (static_cast<long>(depth) > deepest) deepest = depth;
  if (same == depth && (ours.depth == depth || capped)) {
    ++identical;
    return;
  }
  if (depth <= 1 && same == depth && result.end == walk_end::complete) return void(++longer);  // in stubs, which have no tables
  if (same == ours.depth) ++shorter;
  else ++differ;
  if (kept_examples < 16) examples[kept_examples++] = {state.pc, ours.pc[same < ours.depth ? same : ours.depth - 1], ours.depth, depth, result.end};
}

volatile long sink;

int by_value(const void* a, const void* b) { return *static_cast<const int*>(a) - *static_cast<const int*>(b); }

struct shape {
  virtual ~shape() = default;
  virtual double area(int depth) const = 0;
};
struct square final : shape {
  double area(int depth) const override { return depth <= 0 ? 1.5 : area(depth - 1) * 1.0001 + static_cast<double>(sink & 1); }
};

void work(int round) {
  std::map<std::string, int> texts;
  for (int i = 0; i < 100; ++i) {
    std::ostringstream text;
    text << i * round << ':' << 3.14 * i;
    texts[text.str()] = i;
  }
  int values[500];
  for (int i = 0; i < 500; ++i) values[i] = (i * 7919 + round) % 1000;
  std::qsort(values, 500, sizeof values[0], by_value);
  char buffer[100];
  for (int i = 0; i < 50; ++i) std::snprintf(buffer, sizeof buffer, "%f %s", i * 1.1, "abc");
  const std::regex expression("(a|b)*c+d?");
  sink = sink + std::regex_search(std::string(9, 'a') + "c", expression);
  const shape* s = new square;
  sink = sink + static_cast<long>(s->area(20)) + values[3] + static_cast<long>(texts.size());
  delete s;
  timespec now;
  for (int i = 0; i < 200; ++i) ::clock_gettime(CLOCK_MONOTONIC, &now);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) wanted = std::atol(argv[1]);
  alone = argc > 2;
  bounds = platform::this_stack();
  stack first;
  _Unwind_Backtrace(on_frame, &first);  // loads libgcc, so that it is in the tables
  tables().update();

  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  ::sigaction(SIGPROF, &action, nullptr);
  sigevent notify{};
  notify.sigev_notify = SIGEV_THREAD_ID;
  notify.sigev_signo = SIGPROF;
  notify.sigev_notify_thread_id = platform::thread_id();
  timer_t timer;
  if (::timer_create(CLOCK_MONOTONIC, &notify, &timer) != 0) return std::perror("timer_create"), 1;
  itimerspec times{};
  times.it_interval.tv_nsec = times.it_value.tv_nsec = 50000;
  ::timer_settime(timer, 0, &times, nullptr);
  for (int round = 0; samples < wanted; ++round) work(round);
  ::timer_delete(timer);

  std::printf("%ld samples, up to %ld frames: %ld identical, %ld shorter, %ld differ; %ld in stubs, where libgcc stops; %ld with guesses\n", samples, deepest, identical,
              shorter, differ, longer, guessed);
  std::printf("ends: complete %ld, no rows %ld, out of bounds %ld, not growing %ld, too deep %ld, bad pc %ld\n", ends[0], ends[1], ends[2],
              ends[3], ends[4], ends[5]);
  std::printf("tables: %zu modules, %zu rows, %zu bytes, built in %.2f ms\n", tables().modules(), tables().rows(), tables().bytes(),
              static_cast<double>(tables().build_ns()) / 1e6);
  for (unsigned i = 0; i < kept_examples; ++i)
    std::printf("  leaf %s; at %s; %u frames, theirs %u; end %d\n", name_of(examples[i].leaf).c_str(), name_of(examples[i].at).c_str(),
                examples[i].ours, examples[i].theirs, static_cast<int>(examples[i].end));
  return differ == 0 && guessed == 0 && static_cast<double>(identical + longer) >= 0.999 * static_cast<double>(samples) ? 0 : 1;
}
