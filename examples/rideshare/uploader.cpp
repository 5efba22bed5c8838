// Makes pyro push to the server that PYROSCOPE_SERVER_ADDRESS names, and serve a live view where PYRO_SERVE says (127.0.0.1:6060). One file of a
// program includes these; in one of their own they cost no other file compile time.
#include <pyro/export/pyroscope.hpp>
#include <pyro/export/serve.hpp>

#ifdef RIDESHARE_WITH_TLS
#include <pyro/export/tls.hpp>
#endif
#ifdef RIDESHARE_WITH_ZLIB
#include <pyro/encode/zlib.hpp>
#endif
