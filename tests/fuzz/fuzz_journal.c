/*
 * Any bytes as a segment: opened for reading, then for writing, everything is read, nothing may crash, hang or return a
 * payload over the limit. Checksums would stop nearly every input at once, so each input is tried twice: as it is, and
 * with the checksums of its headers and frames set right (where the lengths allow it).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/base/hash.h"
#include "collector/base/log.h"
#include "collector/journal/journal.h"
#include "collector/journal/segment.h"

static char dir[64], path[128], lock[128];

static void remove_place(void)
{
    unlink(path);
    unlink(lock);
    rmdir(dir);
}

static void make_place(void)
{
    char name[SEGMENT_NAME_MAX];

    if (dir[0])
        return;
    snprintf(dir, sizeof dir, "%s",
             access("/dev/shm", W_OK) ? "/tmp/fuzz-journal-XXXXXX" : "/dev/shm/fuzz-journal-XXXXXX");
    if (!mkdtemp(dir))
        abort();
    segment_name(name, 0, 1);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(lock, sizeof lock, "%s/lock", dir);
    atexit(remove_place);
    log_set(LOG_LEVEL_ERROR, false);
}

static uint64_t le(const char *at, unsigned n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | (unsigned char)at[n];
    return v;
}

static void put(char *at, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (char)(unsigned char)(v >> (8 * i));
}

static void set_right(char *at, size_t n)
{
    uint64_t id;

    if (n < SEGMENT_HEADER)
        return;
    for (unsigned i = 0; i < 8; i++)
        at[i] = "TRFJOURN"[i];
    put(at + 8, SEGMENT_VERSION);
    put(at + 16, 1);
    put(at + 56, hash64(sv_make(at, 56)));
    id = le(at + 32, 8);
    for (size_t i = SEGMENT_HEADER; n - i >= FRAME_HEADER;) {
        uint64_t stored = le(at + i + 24, 4);

        if (stored > n - i - FRAME_HEADER)
            stored = n - i - FRAME_HEADER;
        for (unsigned k = 0; k < 4; k++)
            at[i + k] = "TF\xf1\x9e"[k];
        put(at + i + 32, frame_checksum(sv_make(at + i + FRAME_HEADER, stored), id));
        put(at + i + 40, hash_part(id, sv_make(at + i, 40)));
        i += FRAME_HEADER + stored;
    }
}

static void read_all(bool read_only)
{
    struct journal_options o = { .dir = dir, .read_only = read_only };
    struct journal *j = journal_open(&o, NULL, NULL);
    struct journal_reader *r = j ? journal_reader_open(j, NULL, SV_NONE, NULL) : NULL;
    struct journal_frame f;
    bool got = r != NULL;

    for (unsigned i = 0; got; i++) {
        volatile char touch = 0;

        if (journal_read(r, 0, &f, &got, NULL))
            abort();
        if (got && (f.payload.len > JOURNAL_FRAME_MAX || i > 1 << 20))
            abort();
        for (size_t k = 0; got && k < f.payload.len; k += 512)
            touch = (char)(touch ^ f.payload.at[k]);
    }
    journal_reader_close(r);
    journal_close(j);
}

static void try(const char *at, size_t n, bool writing)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

    if (fd < 0 || write(fd, at, n) != (ssize_t)n)
        abort();
    close(fd);
    read_all(true);
    if (writing)
        read_all(false);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char *copy = malloc(size + 1);

    if (!copy)
        return 0;
    make_place();
    memcpy(copy, data, size);
    try(copy, size, size % 16 == 0);
    set_right(copy, size);
    try(copy, size, false);
    free(copy);
    return 0;
}
