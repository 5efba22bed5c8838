#pragma once
// Compiled with or without exceptions, nothing that user code or the allocator throws leaves pyro's threads.

#if defined(__cpp_exceptions)
#define PYRO_TRY try
#define PYRO_CATCH_ALL catch (...)
#else
#define PYRO_TRY if (true)
#define PYRO_CATCH_ALL else
#endif
