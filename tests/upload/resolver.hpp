#pragma once
// getaddrinfo of this program, before the C library's: names of the tests, and one whose look-up hangs.
//
//     hang.test        blocks until `release_resolver`
//     slow.test        127.0.0.1, after 450 ms
//     two.test         ::1 and 127.0.0.1
//     pyroscope.test   127.0.0.1

namespace pyro_test {

/// Look-ups of hang.test that are under way.
int hanging_lookups();
void release_resolver();

}  // namespace pyro_test
