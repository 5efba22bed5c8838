// Stacks that are not made of plain calls: signal handlers on the thread's stack and on their own, coroutines, threads, code made at run
// time, calls that do not return, stacks without an end. x86-64 and aarch64.
#include "../sanitizers.hpp"
#include "check.hpp"

#include <cstdlib>
#include <sys/mman.h>
#include <thread>
#include <ucontext.h>

using namespace unwind_test;

namespace {

volatile long sink;

/// Of the running program: what its main function is called by is the same in all samples.
std::uintptr_t main_function;

bool complete_to_main() { return EXPECT(taken.result == walk_end::complete) && EXPECT(!taken.result.guessed) && EXPECT(taken.find(main_function) > 0); }

/// False under qemu, which has no process_vm_readv.
bool can_copy;

// --- plain ----------------------------------------------------------------------------------------------------------------------

__attribute__((noinline)) void inner() {
  take();
  sink = sink + 1;
}
__attribute__((noinline)) void outer() {
  inner();
  sink = sink + 1;
}

void plain() {
  outer();
  complete_to_main();
  const int at = taken.find(inner);
  EXPECT(at > 0 && taken.find(outer) == at + 1);
  EXPECT(!taken.is_return_address[0] && taken.is_return_address[1]);
  EXPECT(taken.pc[0] == taken.state.pc);
  for (unsigned i = 1; i + 1 < taken.depth; ++i) EXPECT(taken.cfa[i] > taken.cfa[i - 1]);
}

void limits() {
  outer();
  const unsigned all = taken.depth;
  how.max_frames = 3;
  outer();
  EXPECT(taken.result == walk_end::too_deep && taken.depth == 3);
  how.max_frames = all;
  outer();
  EXPECT(taken.result == walk_end::complete && taken.depth == all);
  how.max_frames = 0;
  outer();
  EXPECT(taken.result == walk_end::too_deep && taken.depth == 0);
  how.max_frames = sample::most;
  how.stop_after = 2;
  outer();
  EXPECT(taken.result == walk_end::too_deep && taken.depth == 2);
  how.stop_after = sample::most + 1;
  // A stack that ends before its outermost frames do.
  const platform::stack_range whole = how.bounds;
  how.bounds.high = taken.state.sp + 256;
  outer();
  EXPECT(taken.result == walk_end::out_of_bounds && taken.depth > 0 && taken.depth < all && taken.cfa[taken.depth - 1] == 0);
  how.bounds = {whole.low, taken.state.sp};
  outer();
  EXPECT(taken.result == walk_end::out_of_bounds && taken.depth == 1 && taken.cfa[0] == 0);
  how.bounds = whole;
}

// --- signals --------------------------------------------------------------------------------------------------------------------

void on_other(int, siginfo_t*, void*) {
  take();
  sink = sink + 1;
}

__attribute__((noinline)) void interrupted() {
  ::pthread_kill(::pthread_self(), SIGUSR1);
  sink = sink + 1;
}

[[maybe_unused]] void check_signal_frame() {
  complete_to_main();
  const int handler = taken.find(on_other);
  const int below = taken.find(interrupted);
  if (!EXPECT(handler > 0 && below > handler + 2)) return;
  EXPECT(taken.is_return_address[handler]);
  EXPECT(!taken.is_return_address[handler + 1]);  // the trampoline, and
  EXPECT(!taken.is_return_address[handler + 2]);  // what was interrupted
  EXPECT(taken.is_return_address[handler + 3]);
}

[[maybe_unused]] void on_own_stack() {
  handle(SIGUSR1, on_other);
  interrupted();
  check_signal_frame();
}

[[maybe_unused]] void on_alternate_stack() {
  static char memory[65536];
  stack_t alternate{};
  alternate.ss_sp = memory;
  alternate.ss_size = sizeof memory;
  ::sigaltstack(&alternate, nullptr);
  handle(SIGUSR1, on_other, SA_ONSTACK);
  interrupted();
  EXPECT(taken.result == walk_end::out_of_bounds && taken.depth == 1);
  how.off_stack = true;
  interrupted();
  if (can_copy) check_signal_frame();
  how.off_stack = false;
  // With bounds that have the alternate stack, it is the interrupted stack that lies outside.
  const platform::stack_range whole = how.bounds;
  how.bounds = {reinterpret_cast<std::uintptr_t>(memory), reinterpret_cast<std::uintptr_t>(memory + sizeof memory)};
  interrupted();
  EXPECT(taken.result == walk_end::out_of_bounds);
  const int handler = taken.find(on_other);
  EXPECT(handler > 0 && static_cast<unsigned>(handler) + 2 == taken.depth && taken.cfa[taken.depth - 1] == 0);
  how.off_stack = true;  // and from a copy, where nobody says where it ends
  interrupted();
  EXPECT(taken.result == walk_end::out_of_bounds && (taken.find(on_other) > 0 || !can_copy));
  how.off_stack = false;
  how.bounds = whole;
  alternate.ss_flags = SS_DISABLE;
  ::sigaltstack(&alternate, nullptr);
}

/// A stack within the stack: what was interrupted lies below the handler.
[[maybe_unused]] void on_stack_in_the_stack() {
  volatile char memory[65536];
  memory[0] = 1;
  stack_t alternate{};
  alternate.ss_sp = const_cast<char*>(memory);
  alternate.ss_size = sizeof memory;
  ::sigaltstack(&alternate, nullptr);
  handle(SIGUSR1, on_other, SA_ONSTACK);
  interrupted();
  EXPECT(taken.result == walk_end::out_of_bounds && taken.find(on_other) > 0);
  alternate.ss_flags = SS_DISABLE;
  ::sigaltstack(&alternate, nullptr);
}

// --- other stacks ---------------------------------------------------------------------------------------------------------------

ucontext_t back, coroutine;

__attribute__((noinline)) void deep(int n) {
  volatile char room[512];
  room[n & 511] = static_cast<char>(n);
  if (n == 0) take();
  else deep(n - 1);
  sink = sink + room[n & 511];
}
void in_coroutine() {
  deep(15);
  sink = sink + 1;
}

void coroutines() {
  const auto enter = [] {
    static char memory[262144];
    ::getcontext(&coroutine);
    coroutine.uc_stack.ss_sp = memory;
    coroutine.uc_stack.ss_size = sizeof memory;
    coroutine.uc_link = &back;
    ::makecontext(&coroutine, in_coroutine, 0);
    ::swapcontext(&back, &coroutine);
  };
  enter();
  EXPECT(taken.result == walk_end::out_of_bounds && taken.depth == 1);

  if (!can_copy) return;
  how.off_stack = true;
  enter();
  EXPECT(taken.find(in_coroutine) >= 17);
  EXPECT(taken.result == walk_end::complete || taken.result == walk_end::no_rows);

  how.copy_size = 4096;  // too little for all of it
  enter();
  EXPECT(taken.result == walk_end::out_of_bounds && (PYRO_TEST_ASAN || (taken.depth >= 2 && taken.find(in_coroutine) < 0)));  // clang++ has a stack of its own for it
  how.copy_size = 16384;
  how.off_stack = false;
}

void no_stack_at_all() {
  // A stack pointer that leads nowhere: no fault, the leaf alone.
  machine_state state = taken.state;
  alignas(8) static char copy[16384];
  for (const std::uintptr_t sp : {std::uintptr_t{0}, std::uintptr_t{64}, std::uintptr_t{4096}, ~std::uintptr_t{0}, ~std::uintptr_t{0} - 135, std::uintptr_t{1} << 47}) {
    state.sp = sp;
    taken.depth = 0;
    taken.result = walk_off_stack(*tables().current(), state, how.bounds, sample::most, copy, sizeof copy, taken.keep());
    EXPECT(taken.depth <= 2 && taken.result != walk_end::complete);  // 2: aarch64 has its first return address in a register
  }
}

void threads() {
  std::thread([] {
    how.bounds = platform::this_stack();
    outer();
    EXPECT(taken.result == walk_end::complete && !taken.result.guessed);
    EXPECT(taken.find(outer) > 0 && taken.find(main_function) < 0);
    deep(100);
    EXPECT(taken.result == walk_end::complete && taken.depth > 100);
  }).join();
}

// --- code without tables --------------------------------------------------------------------------------------------------------

/// A function with a frame pointer, made at run time: calls what it is given.
using made = void (*)(void (*)());
made make_code(bool with_frame_pointer) {
#if defined(__x86_64__)
  const unsigned char framed[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};    // push rbp; mov rbp, rsp; call rdi; pop rbp; ret
  const unsigned char bare[] = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd7, 0x48, 0x83, 0xc4, 0x08, 0xc3};  // sub rsp, 8; call rdi; add rsp, 8; ret
#else
  const std::uint32_t framed[] = {0xa9bf7bfd, 0x910003fd, 0xd63f0000, 0xa8c17bfd, 0xd65f03c0};  // stp x29, x30, [sp, -16]!; mov x29, sp; blr x0; ldp; ret
  const std::uint32_t bare[] = {0xf81f0ffe, 0xd63f0000, 0xf84107fe, 0xd65f03c0};               // str x30, [sp, -16]!; blr x0; ldr x30, [sp], 16; ret
#endif
  void* code = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (with_frame_pointer) std::memcpy(code, framed, sizeof framed);
  else std::memcpy(code, bare, sizeof bare);
  __builtin___clear_cache(static_cast<char*>(code), static_cast<char*>(code) + 64);
  return reinterpret_cast<made>(code);
}

#if !defined(__clang__)
__attribute__((optimize("no-omit-frame-pointer")))
#endif
__attribute__((noinline)) void calls_made(made code) {
  code(inner);
  sink = sink + 1;
}

void made_at_run_time() {
  const made code = make_code(true);
  calls_made(code);
  EXPECT(taken.result == walk_end::complete && taken.result.guessed);
  const int at = taken.find(inner);
  const auto begin = reinterpret_cast<std::uintptr_t>(code);
  EXPECT(at > 0 && taken.pc[at + 1] >= begin && taken.pc[at + 1] < begin + 64);
  EXPECT(taken.find(calls_made) == at + 2);
  EXPECT(taken.find(main_function) > at + 2);

  // A program counter in no module, and fp that is no frame pointer.
  machine_state state = taken.state;
  state.pc = begin;
  for (const std::uintptr_t fp : {std::uintptr_t{0}, state.sp + 4, state.sp - 4096, how.bounds.high - 8, ~std::uintptr_t{7}}) {
    state.fp = fp;
    taken.depth = 0;
    taken.result = walk(*tables().current(), state, how.bounds, sample::most, taken.keep());
    EXPECT(taken.result == walk_end::no_rows && taken.depth == 1);
  }
  // Frame records that lead in a circle, downwards, or nowhere.
  alignas(16) std::uintptr_t records[64] = {};
  const auto place = [&](int i) { return reinterpret_cast<std::uintptr_t>(&records[i]); };
  state.sp = place(0);
  state.fp = place(8);
  const auto end_of = [&](std::uintptr_t next, std::uintptr_t to) {
    records[8] = next;
    records[9] = to;
    taken.depth = 0;
    taken.result = walk(*tables().current(), state, how.bounds, sample::most, taken.keep());
    return taken.result;
  };
  EXPECT(end_of(place(8), begin) == walk_end::no_rows && taken.depth == 1);
  EXPECT(end_of(place(6), begin) == walk_end::no_rows && taken.depth == 1);
  EXPECT(end_of(place(16), 0x100) == walk_end::no_rows && taken.depth == 1);
  EXPECT(end_of(place(16), begin) == walk_end::no_rows && taken.depth == 2);
  EXPECT(end_of(0, begin) == walk_end::no_rows && taken.depth == 2);
}

// --- calls that don't return ----------------------------------------------------------------------------------------------------

__attribute__((noreturn, noinline)) void leave(void** where) {
  take();
  __builtin_longjmp(where, 1);
}
/// Its last instruction is a call; what comes behind is another function, with another frame.
__attribute__((noreturn, noinline)) void ends_with_a_call(void** where) {
  volatile char room[200];
  room[0] = 1;
  sink = sink + room[0];
  leave(where);
}

void without_return() {
  void* where[5];
  if (__builtin_setjmp(where) == 0) ends_with_a_call(where);
  complete_to_main();
  EXPECT(taken.find(leave) > 0 && taken.find(ends_with_a_call) == taken.find(leave) + 1);
}

// --- names ----------------------------------------------------------------------------------------------------------------------

void function_starts() {
  const unwind_snapshot& s = *tables().current();
  const auto start = reinterpret_cast<std::uintptr_t>(&deep);
  EXPECT(s.function_start(start) == start && s.function_start(start + 1) == start);
  EXPECT(s.function_start(start - 1) != start);
  EXPECT(s.function_start(0) == 0 && s.function_start(~std::uintptr_t{0}) == 0);
  EXPECT(s.find(0) == nullptr && s.find(~std::uintptr_t{0}) == nullptr && s.find(reinterpret_cast<std::uintptr_t>(&s)) == nullptr);
  std::uintptr_t before = 0;
  for (std::size_t i = 0; i < s.modules(); ++i) {
    const unwind_module& m = s.module(i);
    EXPECT(m.lo < m.hi && m.lo >= before);
    before = m.hi;
    // The index finds what a search from the beginning would.
    std::uint32_t row = 0;
    bool same = true;
    for (std::uintptr_t pc = m.lo; pc < m.hi && m.count != 0; pc += 7) {
      while (row + 1 < m.count && m.rows[row + 1].pc <= pc - m.lo) ++row;
      same = same && m.find(pc) == (m.rows[row].pc <= pc - m.lo ? m.rows + row : nullptr);
    }
    EXPECT(same);
  }
}

__attribute__((noinline)) std::uintptr_t here() { return reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)); }

}  // namespace

int main() {
  how.bounds = platform::this_stack();
  EXPECT(how.bounds.contains(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0))));
  handle(SIGPROF, on_sample, SA_ONSTACK);
  char byte = 1;
  can_copy = platform::copy_in_handler(reinterpret_cast<std::uintptr_t>(&byte), &byte, 1) == 1;
  if (!can_copy) std::puts("SKIPPED: walks of copied stacks, there is no process_vm_readv here");
  EXPECT(tables().current() == nullptr);
  EXPECT(tables().update());
  EXPECT(!tables().update());
  main_function = tables().current()->function_start(here());
  EXPECT(main_function != 0);
  plain();
  tables().update();  // the trampoline, if need be
  EXPECT(!tables().update());
  limits();
#if !PYRO_TEST_TSAN  // which calls handlers itself, later
  on_own_stack();
  on_alternate_stack();
  on_stack_in_the_stack();
#endif
  coroutines();
  no_stack_at_all();
  threads();
  plain();
  made_at_run_time();
  without_return();
  function_starts();
  return result();
}
