// Makes pyro push to the server that PYROSCOPE_SERVER_ADDRESS names. One file of a program includes these; in one of their own they cost
// no other file compile time.
#include <pyro/export/pyroscope.hpp>

#ifdef RIDESHARE_WITH_TLS
#include <pyro/export/tls.hpp>
#endif
#ifdef RIDESHARE_WITH_ZLIB
#include <pyro/encode/zlib.hpp>
#endif
