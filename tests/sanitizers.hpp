#pragma once
// Which sanitizer this test is built with: g++ says so by macros, clang++ by features.

#if defined(__has_feature)
#define PYRO_TEST_FEATURE(x) __has_feature(x)
#else
#define PYRO_TEST_FEATURE(x) 0
#endif

#if defined(__SANITIZE_THREAD__) || PYRO_TEST_FEATURE(thread_sanitizer)
#define PYRO_TEST_TSAN 1
#else
#define PYRO_TEST_TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || PYRO_TEST_FEATURE(address_sanitizer)
#define PYRO_TEST_ASAN 1
#else
#define PYRO_TEST_ASAN 0
#endif
