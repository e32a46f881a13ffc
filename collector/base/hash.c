/* The length of each piece goes into the seed chain, which keeps pieces apart. */
#include "collector/base/hash.h"

#include <xxhash.h>

uint64_t hash64(sv s)
{
    return XXH3_64bits(s.at, s.len);
}

uint64_t hash_part(uint64_t so_far, sv piece)
{
    return XXH3_64bits_withSeed(piece.at, piece.len, so_far + UINT64_C(0x9e3779b97f4a7c15) * (piece.len + 1));
}

uint64_t hash_u64(uint64_t so_far, uint64_t v)
{
    unsigned char c[8];

    for (unsigned i = 0; i < 8; i++)
        c[i] = (unsigned char)(v >> (8 * i));
    return XXH3_64bits_withSeed(c, sizeof c, so_far + 1);
}
