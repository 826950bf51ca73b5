#include "log_events/blake2b.h"

#include <string.h>

#include "log_events/log_events.h"

enum { BLOCK_BYTES = 128, ROUNDS = 12, WORDS = 16, STATE_WORDS = 8 };

/* SHA-512's initial hash values, which RFC 7693 (2.6) takes, too. */
static const uint64_t initial[STATE_WORDS] = {
    UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b),
    UINT64_C(0xa54ff53a5f1d36f1), UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
    UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179)};

/* Parameter block of RFC 7693 (2.5): digest length, no key, fanout and depth 1. */
static const uint64_t parameters = UINT64_C(0x01010000) ^ KAE_KEY_BYTES;

/* RFC 7693 (2.7): in which order a round takes the words of the block. */
static const uint8_t schedule[ROUNDS][WORDS] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

static inline uint64_t rotate_right(uint64_t word, unsigned bits)
{
    return word >> bits | word << (64 - bits);
}

/* The bytes of a word, whatever the machine's order: compilers make one load of it. */
static inline uint64_t load_little_endian(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return word;
}

/* RFC 7693 (3.1): the mixing function G. */
static inline void mix(uint64_t *v, unsigned a, unsigned b, unsigned c, unsigned d, uint64_t x,
                       uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = rotate_right(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotate_right(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotate_right(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate_right(v[b] ^ v[c], 63);
}

/* RFC 7693 (3.2): the compression function F, after `total` bytes; texts are shorter
 * than 2^64 bytes. */
static void compress(uint64_t *state, const uint8_t *block, uint64_t total, uint64_t last)
{
    uint64_t m[WORDS];
    uint64_t v[WORDS];
    for (unsigned i = 0; i < WORDS; i++)
        m[i] = load_little_endian(block + 8 * i);
    for (unsigned i = 0; i < STATE_WORDS; i++) {
        v[i] = state[i];
        v[i + STATE_WORDS] = initial[i];
    }
    v[12] ^= total;
    v[14] ^= last;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const uint8_t *s = schedule[round];
        mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
        mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (unsigned i = 0; i < STATE_WORDS; i++)
        state[i] ^= v[i] ^ v[i + STATE_WORDS];
}

void kae_blake2b(uint8_t *digest, const uint8_t *text, size_t len_bytes)
{
    uint64_t state[STATE_WORDS];
    memcpy(state, initial, sizeof state);
    state[0] ^= parameters;
    size_t done = 0;
    while (len_bytes - done > BLOCK_BYTES) { /* the last block may be full */
        compress(state, text + done, done + BLOCK_BYTES, 0);
        done += BLOCK_BYTES;
    }
    uint8_t block[BLOCK_BYTES] = {0};
    if (len_bytes != done)
        memcpy(block, text + done, len_bytes - done);
    compress(state, block, len_bytes, UINT64_MAX);
    for (unsigned i = 0; i < KAE_KEY_BYTES; i++)
        digest[i] = (uint8_t)(state[i / 8] >> 8 * (i % 8));
}
