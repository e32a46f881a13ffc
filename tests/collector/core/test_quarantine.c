/* D-23: however much a source sends that cannot be mapped, so much of an hour is kept and all of it is counted. */
#include <fcntl.h>
#include <sys/wait.h>

#include "collector/core/process.h"
#include "collector/core/quarantine.h"

#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

enum { ITEMS = 600, ITEM_BYTES = 16 << 10 };

#define T0 (INT64_C(1795168800) * NANO_PER_S)

static const struct policy keep = { .identity = POLICY_KEEP };

static bool commit_storm(struct spine *s, int items)
{
    static char bytes[ITEM_BYTES];
    struct arena arena;
    struct frame *f;
    bool ok;

    arena_init(&arena, 64 << 20);
    f = frame_new(&arena, SV("mad"), SV("s"));
    for (int i = 0; i < items; i++) {
        memset(bytes, 'a' + i % 26, sizeof bytes);
        (void)frame_add_quarantine(f, REASON_MALFORMED, SV("row"), sv_make(bytes, sizeof bytes));
    }
    f->tally.received = items;
    ok = spine_commit(s, f, NULL) == ERR_OK;
    arena_done(&arena);
    return ok;
}

static int64_t kept(struct spine *s)
{
    struct spent hours[SPENT_HOURS];
    int64_t sum = 0;

    ledger_spent(spine_ledger(s), SV("mad"), hours);
    for (int i = 0; i < SPENT_HOURS; i++)
        sum += hours[i].quarantined_bytes;
    return sum;
}

static int64_t counted(struct spine *s)
{
    struct source_totals t = { 0 };

    ledger_read_lock(spine_ledger(s));
    for (size_t i = 0; i < ledger_source_count(spine_ledger(s)); i++) {
        ledger_source(spine_ledger(s), i, &t);
        if (sv_eq(t.source, SV("mad")))
            break;
    }
    ledger_read_unlock(spine_ledger(s));
    return t.tally.quarantined[REASON_MALFORMED];
}

static void a_storm_is_kept_up_to_a_limit_and_counted_whole(void)
{
    struct spine_stats stats;
    char dir[32];
    struct spine *s;
    bool ok = true;

    clock_set_manual(T0);
    s = fake_spine(dir, &keep);
    for (int i = 0; i < ITEMS; i += 50)
        ok &= commit_storm(s, 50);
    OK(ok && counted(s) == ITEMS);
    OK(kept(s) == QUARANTINE_BYTES_PER_H);
    spine_stats(s, &stats);
    OK(stats.quarantine_cut == ITEMS - QUARANTINE_BYTES_PER_H / ITEM_BYTES);
    clock_advance(NANO_PER_H);
    OK(commit_storm(s, 10) && kept(s) == QUARANTINE_BYTES_PER_H + 10 * ITEM_BYTES);
    /* Nor does a restart make room. */
    spine_close(s);
    s = spine_open(&(struct spine_options){ .dir = dir }, NULL);
    spine_set_policy(s, &keep);
    ok = true;
    for (int i = 0; i < ITEMS; i += 50)
        ok &= commit_storm(s, 50);
    OK(ok && counted(s) == 2 * ITEMS + 10 && kept(s) == 2 * QUARANTINE_BYTES_PER_H);
    spine_close(s);
    fake_remove(dir);
    clock_set_system();
}

/* */
static void descriptors_that_were_closed_are_taken(void)
{
    int status = -1;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        _exit(process_guard_stdio(NULL) == ERR_OK && open("/dev/null", O_RDONLY) > STDERR_FILENO ? 0 : 1);
    }
    OK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    RUN(a_storm_is_kept_up_to_a_limit_and_counted_whole);
    RUN(descriptors_that_were_closed_are_taken);
    return tap_done();
}
