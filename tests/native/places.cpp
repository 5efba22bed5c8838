// See places.hpp. Compiled by each compiler at each level of optimisation, with frame pointers and without, at link time, statically.
#include "places.hpp"

#include <pyro/pyro.hpp>

#include <alloca.h>
#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <ucontext.h>
#include <vector>

#define NOINLINE __attribute__((noinline))
#define INLINE __attribute__((always_inline)) inline
// What has to stay a call, and not become a jump.
#define NOT_THE_LAST_CALL() __asm__ volatile("" ::: "memory")

namespace at {

volatile int zero = 0;
void* volatile sink;

// --- plain -----------------------------------------------------------------------------------------------------------------------

NOINLINE void by_function() {
  PYRO_SCOPE();
  burning::here();
}
NOINLINE void named() {
  PYRO_SCOPE("a name");
  burning::here();
}
NOINLINE void no_scope() { burning::here(); }

NOINLINE void name_around_function() {
  PYRO_SCOPE("around");
  PYRO_SCOPE();
  burning::here();
}

INLINE void inlined_inner() {
  PYRO_SCOPE("inner");
  burning::here();
}
INLINE void inlined_outer() {
  PYRO_SCOPE("outer");
  inlined_inner();
}
NOINLINE void two_inlined() { inlined_outer(); }

INLINE void inlined_by_function() {
  PYRO_SCOPE();
  burning::here();
}
NOINLINE void around_inlined() {
  PYRO_SCOPE("holder");
  inlined_by_function();
}

NOINLINE void one_after_another() {
  {
    PYRO_SCOPE("first");
    zero = 0;
  }
  PYRO_SCOPE("second");
  burning::here();
}

NOINLINE void leaf() {
  PYRO_SCOPE();
  burning::here_as_leaf();
}
NOINLINE void leaf_inner() {
  PYRO_SCOPE("leaf outer");
  PYRO_SCOPE("leaf inner");
  burning::here_as_leaf();
}
NOINLINE void leaf_without_scope() { burning::here_as_leaf(); }
NOINLINE void calls_leaf() {
  PYRO_SCOPE("caller");
  leaf_without_scope();
  NOT_THE_LAST_CALL();
}

NOINLINE void lambda() {
  const auto work = [](int n) NOINLINE {
    PYRO_SCOPE("in lambda");
    burning::here();
    return n;
  };
  sink = reinterpret_cast<void*>(static_cast<long>(work(zero)));
}

NOINLINE void lambda_by_function() {
  const auto work = [](int n) NOINLINE {
    PYRO_SCOPE();
    burning::here();
    return n;
  };
  sink = reinterpret_cast<void*>(static_cast<long>(work(zero)));
}

NOINLINE void tag_between() {
  PYRO_SCOPE("outer");
  PYRO_TAG("vehicle", "car");
  PYRO_SCOPE("inner");
  burning::here();
}
NOINLINE void tag_innermost() {
  PYRO_SCOPE("outer");
  const std::string value = "bike" + std::to_string(zero);
  PYRO_TAG("vehicle", value);
  burning::here();
}

NOINLINE void dynamic_scope() {
  const std::string name = "dynamic " + std::to_string(zero);
  PYRO_SCOPE_DYNAMIC(name);
  burning::here();
}

// --- several functions -----------------------------------------------------------------------------------------------------------

NOINLINE void inner_function() {
  PYRO_SCOPE("inner");
  burning::here();
  NOT_THE_LAST_CALL();
}
NOINLINE void function_between() {
  inner_function();
  NOT_THE_LAST_CALL();
}
NOINLINE void without_between() {
  PYRO_SCOPE("outer");
  function_between();
}

NOINLINE void tail_target() {
  PYRO_SCOPE("at the end");
  burning::here();
}
NOINLINE void tail_jump() { tail_target(); }
NOINLINE void tail_call() {
  PYRO_SCOPE("jumped from");
  tail_jump();
}

NOINLINE void recursion(int levels) {
  PYRO_SCOPE();
  if (levels > 1) recursion(levels - 1);
  else burning::here();
}
NOINLINE void recurses() { recursion(4); }

void recursion_as_it_likes(int levels) {
  PYRO_SCOPE();
  if (levels > 1) recursion_as_it_likes(levels - 1);
  else burning::here();
}
NOINLINE void recurses_inlined() { recursion_as_it_likes(4); }

NOINLINE void recursion_between(int levels) {
  PYRO_SCOPE("level");
  if (levels > 1) recursion_between(levels - 1);
  else burning::here();
}
NOINLINE void recurses_named() { recursion_between(3); }

NOINLINE void odd(int n);
NOINLINE void even(int n) {
  PYRO_SCOPE("even");
  if (n > 0) odd(n - 1);
  else burning::here();
}
NOINLINE void odd(int n) {
  if (n > 0) even(n - 1);
  NOT_THE_LAST_CALL();
}
NOINLINE void recurses_mutually() { even(4); }

NOINLINE void deep(int levels) {
  if (levels > 1) deep(levels - 1);
  else burning::here();
  NOT_THE_LAST_CALL();
}
NOINLINE void deep_unscoped() {
  PYRO_SCOPE("deep");
  deep(20);
}

struct shape {
  virtual ~shape() = default;
  virtual int area() const = 0;
};
struct square final : shape {
  NOINLINE int area() const override {
    PYRO_SCOPE();
    burning::here();
    return 1;
  }
};
const square a_square;
const shape* volatile a_shape = &a_square;
NOINLINE void virtual_call() {
  PYRO_SCOPE("caller");
  zero = a_shape->area() - 1;
}

NOINLINE int from_function(int n) {
  PYRO_SCOPE("in std::function");
  burning::here();
  return n;
}
NOINLINE void std_function() {
  PYRO_SCOPE("caller");
  std::function<int(int)> f = &from_function;
  zero = f(0);
}

template <class T>
NOINLINE T templated(T n) {
  PYRO_SCOPE();
  burning::here();
  return n;
}
NOINLINE void calls_template() {
  PYRO_SCOPE("caller");
  zero = static_cast<int>(templated<long>(0));
}

struct counted {
  NOINLINE counted() {
    PYRO_SCOPE();
    burning::here();
  }
  int n = 0;
};
NOINLINE void constructor() {
  PYRO_SCOPE("maker");
  const counted c;
  zero = c.n;
}

// --- callbacks through libraries ---------------------------------------------------------------------------------------------------

NOINLINE int compare(const void* a, const void* b) {
  PYRO_SCOPE("compare");
  burning::here();
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}
NOINLINE void c_sort() {
  PYRO_SCOPE("sort request");
  int numbers[] = {3, 1, 2, 5, 4};
  std::qsort(numbers, 5, sizeof(int), &compare);
}
NOINLINE void c_search() {
  PYRO_SCOPE("search request");
  const int numbers[] = {1, 2, 3, 4, 5};
  const int key = 4;
  sink = std::bsearch(&key, numbers, 5, sizeof(int), &compare);
}
NOINLINE bool less(int a, int b) {
  PYRO_SCOPE("less");
  burning::here();
  return a < b;
}
NOINLINE void std_sort() {
  PYRO_SCOPE("sort request");
  std::vector<int> numbers = {3, 1, 2, 5, 4};
  std::sort(numbers.begin(), numbers.end(), &less);
}
NOINLINE void once_routine() {
  PYRO_SCOPE("once");
  burning::here();
}
NOINLINE void once() {
  PYRO_SCOPE("caller");
  pthread_once_t flag = PTHREAD_ONCE_INIT;
  ::pthread_once(&flag, &once_routine);
}
NOINLINE void* nested_sort(void*) {
  PYRO_SCOPE("nested");
  c_sort();
  NOT_THE_LAST_CALL();
  return nullptr;
}
NOINLINE void sort_in_once() {
  PYRO_SCOPE("caller");
  pthread_once_t flag = PTHREAD_ONCE_INIT;
  ::pthread_once(&flag, [] { nested_sort(nullptr); NOT_THE_LAST_CALL(); });
}

// --- stacks that are unusual -------------------------------------------------------------------------------------------------------

NOINLINE void after_alloca() {
  sink = alloca(static_cast<std::size_t>(zero + 5000));
  PYRO_SCOPE("after alloca");
  burning::here();
}
NOINLINE void callee_of_alloca() {
  PYRO_SCOPE("callee");
  burning::here();
}
NOINLINE void around_alloca() {
  PYRO_SCOPE("before alloca");
  sink = alloca(static_cast<std::size_t>(zero + 3000));
  PYRO_SCOPE("after alloca");
  sink = alloca(static_cast<std::size_t>(zero + 700));
  callee_of_alloca();
}
NOINLINE void freed_before() {
  PYRO_SCOPE("outer");
  for (int i = 1; i < 3; ++i) {
    std::vector<char> heap(static_cast<std::size_t>(i));
    char* array = static_cast<char*>(__builtin_alloca_with_align(static_cast<std::size_t>(zero + i * 1000), 256));  // freed with its block
    sink = array;
    PYRO_SCOPE("with array");
    if (i == 2) burning::here();
  }
}
NOINLINE void burns_after_array() {
  PYRO_SCOPE("outer");
  {
    char* array = static_cast<char*>(__builtin_alloca_with_align(static_cast<std::size_t>(zero + 3000), 256));
    sink = array;
    PYRO_SCOPE("with array");
  }
  PYRO_SCOPE("without array");
  burning::here();
}

NOINLINE long nine(long a, long b, long c, long d, long e, long f, long g, long h, long i) {
  PYRO_SCOPE("nine");
  burning::here();
  return a + b + c + d + e + f + g + h + i;
}
INLINE long argument(const char*, long n) {
  PYRO_SCOPE("argument");
  burning::here();
  return n;
}
NOINLINE long ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j) {
  NOT_THE_LAST_CALL();
  return a + b + c + d + e + f + g + h + i + j;
}
NOINLINE void arguments_on_stack() {
  PYRO_SCOPE("caller");
  zero = static_cast<int>(nine(zero, zero, zero, zero, zero, zero, zero, zero, zero)) * 0;
}
NOINLINE void scope_in_argument() {
  PYRO_SCOPE("caller");
  zero = static_cast<int>(ten(zero, zero, zero, zero, zero, zero, zero, zero, argument("9", zero), zero)) * 0;
}
/// A scope that lives as long as the full expression that makes it.
struct held {
  INLINE explicit held(long n) : value(n), scope_(where()) {}
  long value;

 private:
  static const pyro::core::site* where() {
    static constexpr pyro::core::site site{"temporary", "", __FILE__, __LINE__, pyro::core::site_kind::scope};
    return &site;
  }
  pyro::core::scope scope_;
};
NOINLINE void temporary_in_argument() {
  PYRO_SCOPE("caller");
  zero = static_cast<int>((ten(zero, zero, zero, zero, zero, zero, zero, zero, held(zero).value, zero), argument("after the call", zero))) * 0;
}
NOINLINE void scope_behind_arguments() {
  zero = static_cast<int>(ten(zero, zero, zero, zero, zero, zero, zero, zero, zero, zero)) * 0;
  PYRO_SCOPE("behind");
  zero = static_cast<int>(ten(zero, zero, zero, zero, zero, zero, zero, zero, zero, zero)) * 0;
  burning::here();
}

NOINLINE void realigned() {
  alignas(64) char line[128];
  sink = line;
  PYRO_SCOPE();
  burning::here();
}
NOINLINE void realigned_between() {
  PYRO_SCOPE("outer");
  alignas(128) char line[256];
  sink = line;
  realigned();
  NOT_THE_LAST_CALL();
}
NOINLINE void realigned_with_alloca() {
  alignas(64) char line[64];
  sink = line;
  PYRO_SCOPE("before");
  sink = alloca(static_cast<std::size_t>(zero + 900));
  PYRO_SCOPE("after");
  burning::here();
}
NOINLINE void large_frame() {
  char page[20000];
  sink = page;
  PYRO_SCOPE("large");
  inner_function();
}

// --- leaving in unusual ways ------------------------------------------------------------------------------------------------------

NOINLINE void throws(int levels) {
  PYRO_SCOPE("thrown through");
  if (levels > 0) throws(levels - 1);
  else throw std::runtime_error("for the test");
  NOT_THE_LAST_CALL();
}
NOINLINE void after_throw() {
  PYRO_SCOPE("catcher");
  try {
    throws(3);
  } catch (const std::runtime_error&) {
  }
  burning::here();
}
NOINLINE void while_caught() {
  PYRO_SCOPE("catcher");
  try {
    throws(2);
  } catch (const std::runtime_error&) {
    PYRO_SCOPE("handler");
    inner_function();
  }
}
struct burns_at_end {
  NOINLINE ~burns_at_end() {
    PYRO_SCOPE("destructor");
    burning::here();
  }
};
NOINLINE void unwound() {
  PYRO_SCOPE("unwound");
  const burns_at_end at_end;
  throws(2);
  NOT_THE_LAST_CALL();
}
NOINLINE void while_thrown() {
  PYRO_SCOPE("catcher");
  try {
    unwound();
  } catch (const std::runtime_error&) {
  }
}

std::jmp_buf target;
NOINLINE void jumps(int levels) {
  PYRO_SCOPE("jumped over");
  if (levels > zero) jumps(levels - 1);
  if (levels == zero) std::longjmp(target, 1);
  NOT_THE_LAST_CALL();
}
NOINLINE void after_longjmp() {
  PYRO_SCOPE("real");
  if (setjmp(target) == 0) jumps(3);
  burning::here_as_leaf();
}
/// What was jumped over lay where inner_function lies now: until "real" ends nothing tells one from the other.
NOINLINE void scope_after_longjmp() {
  PYRO_SCOPE("real");
  if (setjmp(target) == 0) jumps(3);
  inner_function();
}

// --- stacks elsewhere ------------------------------------------------------------------------------------------------------------

ucontext_t outside_context, inside_context, second_context;
alignas(64) char* stacks_for_contexts;

NOINLINE char* stack_number(int i) {
  constexpr std::size_t size = 64 * 1024;
  if (stacks_for_contexts == nullptr)
    stacks_for_contexts = static_cast<char*>(::mmap(nullptr, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  return stacks_for_contexts + static_cast<std::size_t>(i) * size;
}
void make(ucontext_t& context, int stack, void (*function)()) {
  ::getcontext(&context);
  context.uc_stack.ss_sp = stack_number(stack);
  context.uc_stack.ss_size = 64 * 1024;
  context.uc_link = &outside_context;
  ::makecontext(&context, function, 0);
}
NOINLINE void on_context() {
  PYRO_SCOPE("in context");
  inner_function();
}
NOINLINE void context() {
  PYRO_SCOPE("outside");
  make(inside_context, 0, &on_context);
  ::swapcontext(&outside_context, &inside_context);
}
NOINLINE void on_second() {
  PYRO_SCOPE("in second");
  inner_function();
}
template <int Lower>
NOINLINE void on_first() {
  PYRO_SCOPE("in first");
  make(second_context, Lower, &on_second);
  ::swapcontext(&inside_context, &second_context);
}
NOINLINE void two_contexts() {  // the second below the first
  PYRO_SCOPE("outside");
  make(inside_context, 1, &on_first<0>);
  ::swapcontext(&outside_context, &inside_context);
}
NOINLINE void two_contexts_upwards() {
  PYRO_SCOPE("outside");
  make(inside_context, 0, &on_first<1>);
  ::swapcontext(&outside_context, &inside_context);
}
NOINLINE void leaves_open() {
  PYRO_SCOPE("left open");
  ::swapcontext(&inside_context, &outside_context);
}
NOINLINE void context_left_open() {  // back on the thread's own stack while a scope of the coroutine's is open
  PYRO_SCOPE("outside");
  make(inside_context, 0, &leaves_open);
  ::swapcontext(&outside_context, &inside_context);
  inner_function();
  ::swapcontext(&outside_context, &inside_context);  // to its end
}

NOINLINE void on_signal(int) {
  PYRO_SCOPE("in handler");
  burning::here();
}
void with_handler(int flags) {
  struct sigaction ours {}, before {};
  ours.sa_handler = &on_signal;
  ours.sa_flags = flags;
  ::sigaction(SIGUSR1, &ours, &before);
  ::raise(SIGUSR1);
  ::sigaction(SIGUSR1, &before, nullptr);
}
NOINLINE void signal_handler() {
  PYRO_SCOPE("raiser");
  with_handler(0);
}
NOINLINE void signal_stack() {
  PYRO_SCOPE("raiser");
  stack_t alternate{}, before{};
  alternate.ss_sp = stack_number(0);
  alternate.ss_size = 64 * 1024;
  ::sigaltstack(&alternate, &before);
  with_handler(SA_ONSTACK);
  ::sigaltstack(&before, nullptr);
}

}  // namespace at

#define PLACE(name) #name, &at::name
const place places[] = {
    {PLACE(by_function), "=at::by_function"},
    {PLACE(named), "at::named / [a name]"},
    {PLACE(no_scope), "at::no_scope"},
    {PLACE(name_around_function), "at::name_around_function / [around] / [at::name_around_function]"},
    {PLACE(two_inlined), "at::two_inlined / [outer] / [inner]"},
    {PLACE(around_inlined), "at::around_inlined / [holder] / =at::inlined_by_function"},
    {PLACE(one_after_another), "at::one_after_another / [second]"},
    {PLACE(leaf), "=at::leaf"},
    {PLACE(leaf_inner), "at::leaf_inner / [leaf outer] / [leaf inner]"},
    {PLACE(calls_leaf), "at::calls_leaf / [caller] / at::leaf_without_scope"},
    {PLACE(lambda), "at::lambda / ~operator() / [in lambda]"},
    {PLACE(lambda_by_function), "at::lambda_by_function / ~operator()"},
    {PLACE(tag_between), "at::tag_between / [outer] / [inner]"},
    {PLACE(tag_innermost), "at::tag_innermost / [outer]"},
    {PLACE(dynamic_scope), "at::dynamic_scope / [dynamic 0]"},
    {PLACE(without_between), "at::without_between / [outer] / at::function_between / at::inner_function / [inner]"},
    {PLACE(tail_call), "at::tail_call / [jumped from] / ?at::tail_jump / at::tail_target / [at the end]"},
    {PLACE(recurses), "?at::recurses / =at::recursion / =at::recursion / =at::recursion / =at::recursion"},
    {PLACE(recurses_inlined), "?at::recurses_inlined / =at::recursion_as_it_likes / =at::recursion_as_it_likes / =at::recursion_as_it_likes / "
                              "=at::recursion_as_it_likes"},
    {PLACE(recurses_named), "?at::recurses_named / at::recursion_between / [level] / at::recursion_between / [level] / at::recursion_between / [level]"},
    {PLACE(recurses_mutually), "?at::recurses_mutually / at::even / [even] / at::odd / at::even / [even] / at::odd / at::even / [even]"},
    {PLACE(deep_unscoped), "at::deep_unscoped / [deep] / at::deep / at::deep / at::deep / at::deep / at::deep / at::deep / at::deep / at::deep / "
                           "at::deep / at::deep / at::deep / at::deep / at::deep / at::deep / at::deep / at::deep / at::deep / at::deep / at::deep / "
                           "at::deep"},
    {PLACE(virtual_call), "at::virtual_call / [caller] / =at::square::area"},
    {PLACE(std_function), "at::std_function / [caller] / * / at::from_function / [in std::function]"},
    {PLACE(calls_template), "at::calls_template / [caller] / =at::templated"},
    {PLACE(constructor), "at::constructor / [maker] / =at::counted::counted"},
    {PLACE(c_sort), "at::c_sort / [sort request] / * / at::compare / [compare]"},
    {PLACE(c_search), "at::c_search / [search request] / * / at::compare / [compare]"},
    {PLACE(std_sort), "at::std_sort / [sort request] / * / at::less / [less]"},
    {PLACE(once), "at::once / [caller] / * / at::once_routine / [once]"},
    {PLACE(sort_in_once), "at::sort_in_once / [caller] / * / ?~operator() / ?~_FUN / ?~__invoke / ?~operator() / at::nested_sort / "
                          "[nested] / at::c_sort / [sort request] / * / at::compare / [compare]"},
    {PLACE(after_alloca), "at::after_alloca / [after alloca]"},
    {PLACE(around_alloca), "at::around_alloca / [before alloca] / [after alloca] / at::callee_of_alloca / [callee]"},
    {PLACE(freed_before), "at::freed_before / [outer] / [with array]"},
    {PLACE(burns_after_array), "at::burns_after_array / [outer] / [without array]"},
    {PLACE(arguments_on_stack), "at::arguments_on_stack / [caller] / at::nine / [nine]"},
    {PLACE(scope_in_argument), "at::scope_in_argument / [caller] / [argument]"},
    {PLACE(temporary_in_argument), "at::temporary_in_argument / [caller] / [temporary] / [argument]"},
    {PLACE(scope_behind_arguments), "at::scope_behind_arguments / [behind]"},
    {PLACE(realigned), "=at::realigned"},
    {PLACE(realigned_between), "at::realigned_between / [outer] / =at::realigned"},
    {PLACE(realigned_with_alloca), "at::realigned_with_alloca / [before] / [after]"},
    {PLACE(large_frame), "at::large_frame / [large] / at::inner_function / [inner]"},
    {PLACE(after_throw), "at::after_throw / [catcher]", false, false, "at::throws"},
    {PLACE(while_caught), "at::while_caught / [catcher] / [handler] / at::inner_function / [inner]", false, false, "at::throws"},
    {PLACE(while_thrown), "at::while_thrown / [catcher] / at::unwound / [unwound] / at::burns_at_end::~burns_at_end / [destructor]", false, false, "at::throws"},
    {PLACE(after_longjmp), "at::after_longjmp / [real]", false, false, "at::jumps"},
    {PLACE(scope_after_longjmp), "at::scope_after_longjmp / [real] / at::inner_function / ?[jumped over] / [inner]", false, false, "at::jumps"},
    {PLACE(context), "[outside] / * / at::on_context / [in context] / at::inner_function / [inner]", true, true},
    {PLACE(two_contexts), "[outside] / [in first] / * / at::on_second / [in second] / at::inner_function / [inner]", true, true},
    {PLACE(two_contexts_upwards), "[outside] / [in first] / * / at::on_second / [in second] / at::inner_function / [inner]", true, true},
    {PLACE(context_left_open), "at::context_left_open / [outside] / at::inner_function / [left open] / [inner]", true, false, "at::stack_number"},
    {PLACE(signal_handler), "at::signal_handler / [raiser] / ?at::with_handler / * / at::on_signal / [in handler]"},
    {PLACE(signal_stack), "at::signal_stack / [raiser] / ?at::with_handler / * / at::on_signal / [in handler]", true, false, "at::stack_number"},
};
const unsigned place_count = sizeof places / sizeof places[0];
