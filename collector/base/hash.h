/*
 * Hashes: XXH3 (libxxhash) for keys and checksums of our own files. Not for secrets, not against an adversary who
 * chooses collisions in more than his own data.
 *
 * hash_part() chains pieces so that ("ab","c") and ("a","bc") differ; the same pieces give the same value on every
 * machine and in every release, since journal and archive carry these values.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "collector/base/sv.h"

uint64_t hash64(sv s);
uint64_t hash_part(uint64_t so_far, sv piece);
uint64_t hash_u64(uint64_t so_far, uint64_t v);

#endif
