/*
 * Fixed headers instead of a self-describing encoding: they are read at any offset while searching for the next
 * healthy frame, so their size must be known before anything in them is believed, and nothing in them is believed
 * before their checksum fits. Lengths are checked against JOURNAL_FRAME_MAX before memory is taken.
 */
#include "collector/journal/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "collector/base/hash.h"
#include "collector/journal/journal.h"

static const char segment_magic[8] = "TRFJOURN";
static const char frame_magic[4] = "TF\xf1\x9e";

enum { COMPRESS_LEVEL = 1, COMPRESS_FROM = 64 };

static void put32(char *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (char)(unsigned char)(v >> (8 * i));
}

static void put64(char *at, uint64_t v)
{
    put32(at, (uint32_t)v);
    put32(at + 4, (uint32_t)(v >> 32));
}

static uint32_t get32(const char *at)
{
    const unsigned char *c = (const unsigned char *)at;

    return (uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
}

static uint64_t get64(const char *at)
{
    return (uint64_t)get32(at) | (uint64_t)get32(at + 4) << 32;
}

void segment_name(char out[SEGMENT_NAME_MAX], uint32_t shard, uint64_t base)
{
    snprintf(out, SEGMENT_NAME_MAX, "%05" PRIu32 "-%020" PRIu64 ".journal", shard, base);
}

bool segment_name_parse(const char *name, uint32_t *shard, uint64_t *base)
{
    sv rest = sv_of(name);
    sv first = sv_cut(&rest, '-'), second = sv_cut(&rest, '.');
    uint64_t n, from;
    char again[SEGMENT_NAME_MAX];

    if (!sv_to_u64(first, &n) || !sv_to_u64(second, &from) || n > UINT32_MAX)
        return false;
    segment_name(again, (uint32_t)n, from);
    if (strcmp(again, name) != 0)
        return false;
    *shard = (uint32_t)n;
    *base = from;
    return true;
}

static uint64_t head_checksum(const char *copy)
{
    return hash64(sv_make(copy, 56));
}

void segment_head_write(char out[SEGMENT_HEADER], const struct segment_head *h)
{
    memset(out, 0, SEGMENT_HEADER);
    memcpy(out, segment_magic, sizeof segment_magic);
    put32(out + 8, h->version);
    put32(out + 12, h->shard);
    put64(out + 16, h->base);
    put64(out + 24, (uint64_t)h->created_unix_nano);
    put64(out + 32, h->id);
    put64(out + 56, head_checksum(out));
    memcpy(out + SEGMENT_HEADER_COPY, out, SEGMENT_HEADER_COPY);
}

static enum segment_state read_copy(const char *at, struct segment_head *h)
{
    if (memcmp(at, segment_magic, sizeof segment_magic) != 0 || get64(at + 56) != head_checksum(at))
        return SEGMENT_DAMAGED;
    if (get32(at + 8) > SEGMENT_VERSION) {
        h->version = get32(at + 8);
        return SEGMENT_NEWER;
    }
    *h = (struct segment_head){
        .version = get32(at + 8),
        .shard = get32(at + 12),
        .base = get64(at + 16),
        .created_unix_nano = (int64_t)get64(at + 24),
        .id = get64(at + 32),
    };
    return SEGMENT_GOOD;
}

enum segment_state segment_head_read(sv bytes, struct segment_head *h)
{
    enum segment_state first;

    if (bytes.len < SEGMENT_HEADER_COPY)
        return SEGMENT_DAMAGED;
    first = read_copy(bytes.at, h);
    if (first != SEGMENT_DAMAGED || bytes.len < SEGMENT_HEADER)
        return first;
    return read_copy(bytes.at + SEGMENT_HEADER_COPY, h);
}

void frame_head_write(char out[FRAME_HEADER], const struct frame_head *h, uint64_t segment_id)
{
    memcpy(out, frame_magic, sizeof frame_magic);
    put32(out + 4, h->flags);
    put64(out + 8, h->sequence);
    put64(out + 16, (uint64_t)h->written_unix_nano);
    put32(out + 24, h->stored);
    put32(out + 28, h->length);
    put64(out + 32, h->checksum);
    put64(out + 40, hash_part(segment_id, sv_make(out, 40)));
}

bool frame_head_read(const char *at, uint64_t segment_id, struct frame_head *h)
{
    struct frame_head got;

    if (segment_id == 0) /* unknown: its header is damaged */
        return false;
    if (memcmp(at, frame_magic, sizeof frame_magic) != 0 || get64(at + 40) != hash_part(segment_id, sv_make(at, 40)))
        return false;
    got = (struct frame_head){
        .flags = get32(at + 4),
        .sequence = get64(at + 8),
        .written_unix_nano = (int64_t)get64(at + 16),
        .stored = get32(at + 24),
        .length = get32(at + 28),
        .checksum = get64(at + 32),
    };
    if (got.stored > JOURNAL_FRAME_MAX || got.length > JOURNAL_FRAME_MAX || got.sequence == UINT64_MAX)
        return false;
    *h = got;
    return true;
}

size_t frame_find(const char *at, size_t n, uint64_t segment_id)
{
    struct frame_head h;
    size_t i = 0;

    while (n - i >= FRAME_HEADER) {
        const char *hit = memmem(at + i, n - i - FRAME_HEADER + sizeof frame_magic, frame_magic, sizeof frame_magic);

        if (!hit)
            break;
        if (frame_head_read(hit, segment_id, &h))
            return (size_t)(hit - at);
        i = (size_t)(hit - at) + 1;
    }
    return n;
}

uint64_t frame_checksum(sv stored, uint64_t segment_id)
{
    return hash_part(segment_id, stored);
}

enum err_code frame_payload(const struct frame_head *h, sv stored, struct buf *scratch, sv *payload)
{
    char *out;
    size_t n;

    if (!(h->flags & FRAME_ZSTD)) {
        *payload = stored;
        return h->length == stored.len && h->flags == 0 ? ERR_OK : ERR_PARSE;
    }
    buf_clear(scratch);
    out = buf_reserve(scratch,
                      h->length + (size_t)1); /* the header's checksum fitted, so its length is below the maximum */
    if (!out)
        return ERR_LIMIT;
    n = h->flags == FRAME_ZSTD ? ZSTD_decompress(out, h->length, stored.at, stored.len) : 0;
    if (ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation)
        return ERR_LIMIT;
    if (h->flags != FRAME_ZSTD || n != h->length)
        return ERR_PARSE;
    *payload = sv_make(out, h->length);
    return ERR_OK;
}

sv frame_pack(sv payload, struct buf *scratch, struct frame_head *h)
{
    sv stored = payload;

    h->flags = 0;
    buf_clear(scratch);
    if (payload.len >= COMPRESS_FROM) {
        char *out = buf_reserve(scratch, payload.len);
        size_t n = out ? ZSTD_compress(out, payload.len - 1, payload.at, payload.len, COMPRESS_LEVEL) : 0;

        if (out && !ZSTD_isError(n)) { /* an error here is mostly "does not fit", that is: not smaller */
            h->flags = FRAME_ZSTD;
            stored = sv_make(out, n);
        }
    }
    h->stored = (uint32_t)stored.len;
    h->length = (uint32_t)payload.len;
    return stored;
}
