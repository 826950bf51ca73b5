/*
 * Both directions of the boundary to Python, as C sees them. cffi reads the *.cdef.h files,
 * too, which therefore hold no preprocessor lines. Here they stand behind the headers that
 * they repeat: a prototype that differs from its header's does not compile.
 */
#ifndef KAE_CALLBACKS_H
#define KAE_CALLBACKS_H

#include <stdint.h>

#include "json/cut.h"
#include "abi/plugin.h"
#include "log_events/log_events.h"
#include "queue/queue.h"

#include "python/c_calls_python.cdef.h"
#include "python/python_calls_c.cdef.h"

/* Defined beside cffi's generated code: starts its side of the embedding in the
 * interpreter that runs already. 0, or -1 when _cffi_backend can't be used. */
int kae_cffi_start(void);

#endif
