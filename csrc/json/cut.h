/*
 * Cut or damaged JSON, cut back to its last complete member or element and closed.
 *
 * EKS's log shipper and CloudWatch cut long lines anywhere, and a client may send what no
 * parser takes. The members who, what, which object and which result come before the long
 * ones (k8s.io/apiserver/pkg/apis/audit/v1 Event), so what is left still matters.
 * tests/reference/repair.py does the same in Python: the oracle of tests.
 */
#ifndef KAE_JSON_CUT_H
#define KAE_JSON_CUT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The same declarations as cffi reads: contracts stand there. */
#include "json/cut.cdef.h"

#ifdef __cplusplus
}
#endif
#endif
