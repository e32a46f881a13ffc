/*
 * The format of a journal segment: bytes only, no files. All integers are little-endian.
 *
 * File name: SSSSS-NNNNNNNNNNNNNNNNNNNN.journal (shard, then the sequence of the first frame, decimal).
 *
 * File header, SEGMENT_HEADER bytes: the same 64 bytes twice, so that one damaged copy costs nothing.
 *      0  magic "TRFJOURN"          8  u32 format version      12  u32 shard
 *     16  u64 first sequence       24  i64 created, unix ns    32  u64 segment id (random, never 0)
 *     40  16 zero bytes            56  u64 checksum of bytes 0 to 55
 * Magic, version and checksum keep their places in every later version: that is how an older program knows that a file
 * is newer and not damaged.
 *
 * Frame: FRAME_HEADER bytes, then `stored` bytes.
 *      0  magic "TF\xf1\x9e"        4  u32 flags (1: zstd)      8  u64 sequence
 *     16  i64 written, unix ns     24  u32 stored length       28  u32 length of the payload (after decompression)
 *     32  u64 checksum of the stored bytes                     40  u64 checksum of bytes 0 to 39
 * Both checksums are hash_part() seeded with the segment id: bytes of another file, or a frame that somebody
 * wrapped into a payload, never pass for a frame of this one.
 *
 * Thread-safety: pure functions.
 */
#ifndef JOURNAL_SEGMENT_H
#define JOURNAL_SEGMENT_H

#include "collector/base/buf.h"
#include "collector/base/err.h"
#include "collector/base/sv.h"

enum {
    SEGMENT_VERSION = 1,
    SEGMENT_HEADER_COPY = 64,
    SEGMENT_HEADER = 2 * SEGMENT_HEADER_COPY,
    SEGMENT_NAME_MAX = 48,
    FRAME_HEADER = 48,
    FRAME_ZSTD = 1,
};

struct segment_head {
    uint32_t version, shard;
    uint64_t base; /* sequence of the first frame */
    uint64_t id;
    int64_t created_unix_nano;
};

enum segment_state { SEGMENT_GOOD, SEGMENT_NEWER, SEGMENT_DAMAGED };

void segment_name(char out[SEGMENT_NAME_MAX], uint32_t shard, uint64_t base);
bool segment_name_parse(const char *name, uint32_t *shard, uint64_t *base);

void segment_head_write(char out[SEGMENT_HEADER], const struct segment_head *h);

/* SEGMENT_NEWER: only h->version is set. SEGMENT_DAMAGED (also: too short): nothing is. */
enum segment_state segment_head_read(sv bytes, struct segment_head *h);

struct frame_head {
    uint32_t flags, stored, length;
    uint64_t sequence, checksum;
    int64_t written_unix_nano;
};

void frame_head_write(char out[FRAME_HEADER], const struct frame_head *h, uint64_t segment_id);

/* Whether a frame header of this segment stands at the first FRAME_HEADER bytes. */
bool frame_head_read(const char *at, uint64_t segment_id, struct frame_head *h);

/* Offset of the first place where frame_head_read() would say yes, or where a magic begins that does not end any more
 * (the last FRAME_HEADER - 1 bytes are not looked at); n when there is none. */
size_t frame_find(const char *at, size_t n, uint64_t segment_id);

uint64_t frame_checksum(sv stored, uint64_t segment_id);

/* The payload of stored bytes whose checksum fitted: a view of them, or of `scratch`, which is made large enough.
 * ERR_PARSE when they do not decompress to exactly the length that the header promises, ERR_LIMIT when memory is out. */
enum err_code frame_payload(const struct frame_head *h, sv stored, struct buf *scratch, sv *payload);

/* Compresses when that is smaller: sets flags, stored and length of *h and returns a view of `payload` or `scratch`. */
sv frame_pack(sv payload, struct buf *scratch, struct frame_head *h);

#endif
