/* BLAKE2b (RFC 7693) without a key, for digests of KAE_KEY_BYTES: hashlib.blake2b(text,
 * digest_size=15). Its own implementation: libb2 would bring an OpenMP runtime into the
 * host's process, and OpenSSL's has only digests of 64 bytes, which differ from the
 * first bytes of any shorter one. */
#ifndef KAE_LOG_EVENTS_BLAKE2B_H
#define KAE_LOG_EVENTS_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes KAE_KEY_BYTES to `digest`. */
void kae_blake2b(uint8_t *digest, const uint8_t *text, size_t len_bytes);

#ifdef __cplusplus
}
#endif
#endif
