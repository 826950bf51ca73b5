/* The C view of c_calls_python.cdef.h, which cffi reads too and which therefore
 * holds no preprocessor lines. */
#ifndef KAE_CALLBACKS_H
#define KAE_CALLBACKS_H

#include <stdint.h>

#include "json/cut.h"
#include "abi/plugin.h"
#include "log_events/log_events.h"
#include "queue/queue.h"

/* Not zero: see c_calls_python.cdef.h. embed.py returns the same number. */
#define KAE_DONE 1

#include "python/c_calls_python.cdef.h"

/* Defined beside cffi's generated code: starts its side of the embedding in the
 * interpreter that runs already. 0, or -1 when _cffi_backend can't be used. */
int kae_cffi_start(void);

#endif
