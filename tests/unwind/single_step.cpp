// Steps through a piece of program one machine instruction at a time (the trap flag; each instruction ends in a SIGTRAP) and walks the
// stack at every one: prologues, epilogues, the PLT with its lazy binding, the vDSO, leaf functions. Each walk must be complete, have the
// functions that are known to be active, and be what libgcc finds, with the same canonical frame addresses.
//
// x86-64. usage: single_step
#include "name_of.hpp"

#include <pyro/sample/unwind_table.hpp>
#include <pyro/sample/walk.hpp>

#include <alloca.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sstream>
#include <string>
#include <unwind.h>

using namespace pyro::sampling;
namespace platform = pyro::platform;

// clang++ has no such attribute: there the whole file is compiled both ways (CMakeLists.txt).
#if defined(__clang__)
#define OPTIMIZE(how)
#else
#define OPTIMIZE(how) __attribute__((optimize(how)))
#endif

namespace {

constexpr unsigned most = 128;

unwind_tables& tables() {
  static unwind_tables t;
  return t;
}
row_cache cache;
hazard_cell cell;
platform::stack_range bounds;
std::uintptr_t known_functions[2];                   // `stepped` and `main`
std::uintptr_t known_callers[16];                    // of main: up to _start
unsigned known_caller_count;
long steps, wrong, in_plt, in_vdso, deepest, compared, better;
bool stop;
std::uintptr_t vdso_begin, vdso_end;

struct failure {
  std::uintptr_t pc, last;
  const char* what;
  unsigned depth;
  walk_end end;
} failures[8];

struct stack {
  std::uintptr_t pc[most], cfa[most];
  unsigned depth = 0;
} ours, theirs;

_Unwind_Reason_Code on_frame(_Unwind_Context* context, void*) {
  if (theirs.depth == most) return _URC_END_OF_STACK;
  theirs.cfa[theirs.depth] = _Unwind_GetCFA(context);  // of its callee: this frame's stack pointer
  theirs.pc[theirs.depth++] = _Unwind_GetIP(context);
  return _URC_NO_REASON;
}

const char* check(const unwind_snapshot& snapshot, const machine_state& state, walk_result result) {
  if (result.end != walk_end::complete) return "not complete";
  if (result.guessed) return "guessed";
  unsigned i = 0;
  for (const std::uintptr_t function : known_functions) {
    while (i < ours.depth && snapshot.function_start(ours.pc[i] - (i != 0)) != function) ++i;
    if (i == ours.depth) return "a frame is missing";
  }
  if (ours.depth - i - 1 != known_caller_count) return "main has other callers";
  if (std::memcmp(ours.pc + i + 1, known_callers, known_caller_count * sizeof known_callers[0]) != 0) return "main has other callers";
  // Behind `pop %rbp` in realigned frames g++'s tables are wrong, and libgcc, which believes them, may even crash.
  const unwind_row* row = snapshot.find(state.pc);
  if (row->fp.is_from_fp() && (state.fp < state.sp || state.fp >= ours.cfa[0])) return ++better, nullptr;
  theirs.depth = 0;
  _Unwind_Backtrace(on_frame, nullptr);
  unsigned skip = 0;
  while (skip < theirs.depth && theirs.pc[skip] != state.pc) ++skip;
  if (theirs.depth != 0 && theirs.pc[theirs.depth - 1] == 0) --theirs.depth;
  if (theirs.depth - skip == 1 && row->rule == static_cast<unsigned>(cfa_rule::sp)) return ++better, nullptr;  // stubs without tables
  if (theirs.depth - skip != ours.depth) return "libgcc has another depth";
  if (std::memcmp(ours.pc, theirs.pc + skip, ours.depth * sizeof ours.pc[0]) != 0) return "libgcc has other frames";
  for (unsigned k = 0; k + 1 < ours.depth; ++k)
    if (ours.cfa[k] != theirs.cfa[skip + k + 1]) return "libgcc has another CFA";
  ++compared;
  return nullptr;
}

void on_trap(int, siginfo_t*, void* context) {
  if (stop) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~0x100;
    return;
  }
  ++steps;
  const machine_state state = state_of(context);
  ours.depth = 0;
  walk_result result{walk_end::no_rows, false};
  {
    const unwind_guard guard(tables(), cell);
    const unwind_row* row = guard.get()->find(state.pc);
    in_plt += row != nullptr && row->how() == cfa_rule::plt;
    in_vdso += state.pc >= vdso_begin && state.pc < vdso_end;
    result = walk(*guard, state, bounds, most, [](std::uintptr_t pc, std::uintptr_t cfa, bool) {
      ours.pc[ours.depth] = pc;
      ours.cfa[ours.depth++] = cfa;
      return true;
    }, &cache);
  }
  if (static_cast<long>(ours.depth) > deepest) deepest = ours.depth;
  const char* what = check(*tables().current(), state, result);
  if (what == nullptr) return;
  if (wrong < 8) failures[wrong] = {state.pc, ours.pc[ours.depth - 1], what, ours.depth, result.end};
  ++wrong;
}

// --- what is stepped through ----------------------------------------------------------------------------------------------------

volatile long sink;

struct shape {
  virtual ~shape() = default;
  virtual double area(int depth) const = 0;
};
struct square final : shape {
  __attribute__((noinline)) double area(int depth) const override { return depth <= 0 ? 1.5 : area(depth - 1) * 1.0001 + static_cast<double>(sink & 1); }
};

__attribute__((noinline)) int by_value(const void* a, const void* b) { return *static_cast<const int*>(a) - *static_cast<const int*>(b); }

/// The stack is realigned: on -O0 by rbp, with a variable array by r10.
__attribute__((noinline)) double realigned(int n) {
  alignas(64) double values[16];
  for (int i = 0; i < 16; ++i) values[i] = n + i;
  sink = sink + static_cast<long>(reinterpret_cast<std::uintptr_t>(values) % 64);
  char text[64];
  std::snprintf(text, sizeof text, "%.3f", values[n & 15]);
  return std::strtod(text, nullptr);
}
__attribute__((noinline)) double realigned_variable(unsigned n) {
  alignas(64) double values[16];
  auto* more = static_cast<volatile char*>(alloca(n));
  more[0] = 1;
  for (unsigned i = 0; i < 16; ++i) values[i] = n + i + static_cast<double>(more[0]);
  char text[64];
  std::snprintf(text, sizeof text, "%.3f %p", values[n & 15], static_cast<void*>(values));
  return std::strtod(text, nullptr);
}
__attribute__((noinline)) long variable(unsigned n) {
  auto* more = static_cast<char*>(alloca(n));
  std::memset(more, 'a', n);
  more[n - 1] = '\0';
  return static_cast<long>(std::strlen(more));
}
OPTIMIZE("omit-frame-pointer") __attribute__((noinline)) long without_frame_pointer(int n) {
  return n == 0 ? sink : without_frame_pointer(n - 1) * 3 + n;
}
OPTIMIZE("no-omit-frame-pointer") __attribute__((noinline)) long with_frame_pointer(int n) {
  return n == 0 ? sink : with_frame_pointer(n - 1) * 5 + n;
}
__attribute__((noinline)) long many_arguments(long a, long b, long c, long d, long e, long f, long g, long h, long i) {
  return a + b * c - d + e * f - g + h * i + without_frame_pointer(2);
}
__attribute__((noreturn, noinline)) void leave(void** where) {
  sink = sink + without_frame_pointer(2);
  stop = true;  // what follows loads registers behind the tables' back
  __builtin_longjmp(where, 1);
}
/// Ends with a call: the return address lies behind the function.
__attribute__((noreturn, noinline)) void ends_with_a_call(void** where) { leave(where); }

__attribute__((noinline)) void stepped() {
  __asm__ volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
  int values[24];
  for (int i = 0; i < 24; ++i) values[i] = (i * 7919) % 100;
  std::qsort(values, 24, sizeof values[0], by_value);
  const shape* s = new square;
  sink = sink + static_cast<long>(s->area(5)) + values[3];
  delete s;
  sink = sink + static_cast<long>(realigned(3) + realigned_variable(100)) + variable(333);
  sink = sink + with_frame_pointer(5) + without_frame_pointer(5) + many_arguments(1, 2, 3, 4, 5, 6, 7, 8, 9);
  std::ostringstream text;
  text << 3.14159 << ' ' << 42 << std::string(100, 'x');
  sink = sink + static_cast<long>(text.str().size());
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  sink = sink + (std::getenv("NO_SUCH_VARIABLE") != nullptr) + std::atoi("42");
  void* where[5];
  if (__builtin_setjmp(where) == 0) ends_with_a_call(where);
}

__attribute__((noinline)) void* program_counter() { return __builtin_return_address(0); }

}  // namespace

int main() {
  tables().update();
  known_functions[0] = reinterpret_cast<std::uintptr_t>(&stepped);
  known_functions[1] = tables().current()->function_start(reinterpret_cast<std::uintptr_t>(__builtin_extract_return_addr(program_counter())));
  bounds = platform::this_stack();
  _Unwind_Backtrace(on_frame, nullptr);  // this function, then its callers
  const unsigned depth = theirs.depth - (theirs.pc[theirs.depth - 1] == 0 ? 1 : 0);
  for (unsigned i = 1; i < depth; ++i) known_callers[known_caller_count++] = theirs.pc[i];
  const platform::loaded_module vdso = vdso_module();
  vdso_begin = vdso.lowest;
  vdso_end = vdso.highest;

  struct sigaction action {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGTRAP, &action, nullptr);
  stepped();

  std::printf("%ld instructions, up to %ld frames, %ld compared with libgcc, %ld in the PLT, %ld in the vDSO: %ld wrong; %ld where "
              "libgcc would be\n", steps, deepest, compared, in_plt, in_vdso, wrong, better);
  for (long i = 0; i < wrong && i < 8; ++i)
    std::printf("  %s: at %s, last %s, %u frames, end %d\n", failures[i].what, name_of(failures[i].pc).c_str(), name_of(failures[i].last).c_str(),
                failures[i].depth, static_cast<int>(failures[i].end));
  if (steps < 10000 || in_vdso == 0) return std::puts("too little was stepped through"), 1;
  return wrong == 0 ? 0 : 1;
}
