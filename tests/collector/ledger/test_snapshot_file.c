/*
 * The snapshot's two files in every bad form: the previous generation stands in, what is damaged is set aside and never
 * deleted, what is newer is refused with every byte left as it was.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/base/hash.h"
#include "collector/ledger/internal.h"

#include "tests/collector/ledger/log_fixture.h"

#define CURRENT  "ledger.snapshot"
#define PREVIOUS "ledger.snapshot.previous"

static struct arena arena;
static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[160];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static bool is_there(const char *name)
{
    return access(in_dir(name), F_OK) == 0;
}

static void remove_all(void)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    while (d && (entry = readdir(d)))
        unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    rmdir(dir);
}

static void fill(struct ledger *l, int minutes)
{
    for (int m = 0; m < minutes; m++) {
        struct frame *f = fixture_frame(&arena, T0 + m * NANO_PER_MIN, T0 + (m + 1) * NANO_PER_MIN);

        fixture_measure(fixture_batch(f), SV("Requests"), SV("d"), T0 + m * NANO_PER_MIN, 3);
        ledger_fold(l, f);
    }
}

/* Two generations: previous holds 1 minute (cursor "one"), current 2 (cursor "two"). */
static void two_generations(void)
{
    arena_reset(&arena);
    if (dir[0])
        remove_all();
    snprintf(dir, sizeof dir, "/tmp/trefoil-snapshot-XXXXXX");
    OK(mkdtemp(dir) != NULL);
    for (int minutes = 1; minutes <= 2; minutes++) {
        struct ledger *l = fixture_ledger(&arena);

        fill(l, minutes);
        OK(ledger_snapshot_write(l, dir, minutes == 1 ? SV("one") : SV("two"), NULL) == ERR_OK);
        ledger_free(l);
    }
}

/* The cursor of what is read; "none", or "refused". Its numbers must be those of its cursor. */
static const char *reads(void)
{
    static char text[400];
    struct ledger *l = ledger_new(NULL);
    struct err e = { 0 };
    struct buf cursor;
    bool found = false, good = true;
    struct series_view v;

    buf_init(&cursor, 256);
    if (ledger_snapshot_read(l, dir, &cursor, &found, &e)) {
        snprintf(text, sizeof text, "%s", e.code == ERR_CONFIG ? "refused" : e.text);
    } else if (!found) {
        good = cursor.len == 0 && ledger_series_count(l) == 0;
        snprintf(text, sizeof text, "none");
    } else {
        snprintf(text, sizeof text, "%.*s", SV_ARG(buf_sv(&cursor)));
        good = fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) &&
               v.value[0] == (strcmp(text, "two") == 0 ? 6 : 3);
    }
    buf_done(&cursor);
    ledger_free(l);
    return good ? text : "wrong numbers";
}

static size_t load(const char *name, char **bytes)
{
    FILE *f = fopen(in_dir(name), "rb");
    size_t n = 0;

    *bytes = calloc(1, 1 << 20);
    if (f) {
        n = fread(*bytes, 1, 1 << 20, f);
        fclose(f);
    }
    return n;
}

static void store(const char *name, const char *bytes, size_t n)
{
    FILE *f = fopen(in_dir(name), "wb");

    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
        exit(98);
}

/* Names and contents of all files. */
static uint64_t fingerprint(void)
{
    struct dirent **list;
    int n = scandir(dir, &list, NULL, alphasort);
    uint64_t h = 0;

    for (int i = 0; i < n; i++) {
        char *bytes;
        size_t size = list[i]->d_name[0] == '.' ? 0 : load(list[i]->d_name, &bytes);

        h = hash_part(h, sv_of(list[i]->d_name));
        if (list[i]->d_name[0] != '.') {
            h = hash_part(h, sv_make(bytes, size));
            free(bytes);
        }
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    return h;
}

static void the_current_one_is_read_and_the_older_cursor_told(void)
{
    struct buf older;

    two_generations();
    OK(strcmp(reads(), "two") == 0);
    buf_init(&older, 256);
    ledger_snapshot_older(dir, &older);
    OK(sv_eq(buf_sv(&older), SV("one")));
    unlink(in_dir(PREVIOUS));
    ledger_snapshot_older(dir, &older);
    OK(older.len == 0);
    buf_done(&older);
    OK(ledger_snapshot_check(dir, NULL) == ERR_OK && ledger_snapshot_check("/nowhere/at/all", NULL) == ERR_OK);
}

/* A crash between the two renames. */
static void without_a_current_one_the_previous_is_read(void)
{
    two_generations();
    unlink(in_dir(CURRENT));
    OK(strcmp(reads(), "one") == 0);
    unlink(in_dir(PREVIOUS));
    OK(strcmp(reads(), "none") == 0);
}

static void each_damaged_byte_and_each_cut_falls_back_to_the_previous(void)
{
    unsigned forms = 0, wrong = 0;
    char *bytes;
    size_t n;

    two_generations();
    n = load(CURRENT, &bytes);
    for (size_t at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit += at < 32 ? 1 : 8) { /* in the head each bit */
            bytes[at] ^= (char)(1 << bit);
            store(CURRENT, bytes, n);
            bytes[at] ^= (char)(1 << bit);
            wrong += strcmp(reads(), "one") != 0 || is_there(CURRENT) || !is_there(CURRENT ".damaged");
            unlink(in_dir(CURRENT ".damaged"));
            forms++;
        }
    for (size_t cut = 0; cut < n; cut += cut < 40 ? 1 : 97) {
        store(CURRENT, bytes, cut);
        wrong += strcmp(reads(), "one") != 0 || is_there(CURRENT) || !is_there(CURRENT ".damaged");
        unlink(in_dir(CURRENT ".damaged"));
        forms++;
    }
    free(bytes);
    printf("# %u bad forms of %zu bytes\n", forms, n);
    OK(forms > 500 && wrong == 0);
}

/* The checksum fits and the body is nonsense: a ledger half filled from it must not shine through. */
static void a_body_that_cannot_be_decoded_leaves_nothing_behind(void)
{
    char *bytes;
    size_t n;
    uint64_t sum;

    two_generations();
    n = load(CURRENT, &bytes) - 9;
    sum = hash_part(SNAPSHOT_VERSION, sv_make(bytes + 32, n - 32));
    for (unsigned i = 0; i < 8; i++) {
        bytes[16 + i] = (char)((n - 32) >> (8 * i));
        bytes[24 + i] = (char)(sum >> (8 * i));
    }
    store(CURRENT, bytes, n);
    free(bytes);
    OK(strcmp(reads(), "one") == 0 && is_there(CURRENT ".damaged"));
}

static void when_both_are_damaged_both_are_set_aside(void)
{
    two_generations();
    store(CURRENT, "x", 1);
    store(PREVIOUS, "", 0);
    OK(strcmp(reads(), "none") == 0);
    OK(is_there(CURRENT ".damaged") && is_there(PREVIOUS ".damaged") && !is_there(CURRENT) && !is_there(PREVIOUS));
}

static void what_was_set_aside_is_not_overwritten(void)
{
    char *bytes;

    two_generations();
    store(CURRENT, "first", 5);
    OK(strcmp(reads(), "one") == 0);
    for (int i = 2; i < 14; i++) {
        store(CURRENT, "later", 5);
        OK(strcmp(reads(), "one") == 0);
    }
    OK(load(CURRENT ".damaged", &bytes) == 5 && memcmp(bytes, "first", 5) == 0);
    free(bytes);
    OK(is_there(CURRENT ".damaged.9") && !is_there(CURRENT ".damaged.10")); /* bounded */
}

/* As a later version would write it: the places and the checksum's rule are promised. */
static void make_newer(const char *name)
{
    char *bytes;
    size_t n = load(name, &bytes);
    uint64_t sum = hash_part(SNAPSHOT_VERSION + 1, sv_make(bytes + 32, n - 32));

    bytes[8] = SNAPSHOT_VERSION + 1;
    for (unsigned i = 0; i < 8; i++)
        bytes[24 + i] = (char)(sum >> (8 * i));
    store(name, bytes, n);
    free(bytes);
}

static void a_newer_one_is_refused_and_every_byte_stays(void)
{
    static const char *const newer[] = { CURRENT, PREVIOUS };
    uint64_t before;
    struct err e = { 0 };

    for (int i = 0; i < 2; i++) {
        two_generations();
        if (i == 1) /* or the previous one would not be looked at */
            store(CURRENT, "damaged", 7);
        make_newer(newer[i]);
        before = fingerprint();
        OK(ledger_snapshot_check(dir, &e) == ERR_CONFIG && sv_has(sv_of(e.text), SV("newer")));
        OK(strcmp(reads(), "refused") == 0 && fingerprint() == before);
    }
}

static void a_failed_write_leaves_both_as_they_were(void)
{
    struct ledger *l;
    struct err e = { 0 };

    two_generations();
    l = fixture_ledger(&arena);
    OK(ledger_snapshot_write(l, "/nowhere/at/all", SV("c"), &e) == ERR_IO && e.code == ERR_IO);
    ledger_free(l);
    OK(strcmp(reads(), "two") == 0);
}

int main(void)
{
    arena_init(&arena, 64 << 20);
    RUN(the_current_one_is_read_and_the_older_cursor_told);
    RUN(without_a_current_one_the_previous_is_read);
    RUN(each_damaged_byte_and_each_cut_falls_back_to_the_previous);
    RUN(a_body_that_cannot_be_decoded_leaves_nothing_behind);
    RUN(when_both_are_damaged_both_are_set_aside);
    RUN(what_was_set_aside_is_not_overwritten);
    RUN(a_newer_one_is_refused_and_every_byte_stays);
    RUN(a_failed_write_leaves_both_as_they_were);
    remove_all();
    arena_done(&arena);
    return tap_done();
}
