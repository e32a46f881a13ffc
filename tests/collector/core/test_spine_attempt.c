/* A stored frame whose folding ends the process, and a process that is merely killed. */
#include <signal.h>
#include <sys/wait.h>

#include "collector/base/log.h"
#include "collector/model/codec.h"

#include "tests/collector/core/spine_runs.h"

enum { FRAMES = 12, DEADLY = 7, STARTS_MAX = 8, KILLS = 10 };

static char root[64], dir[80];

static void die_at(void *ctx, uint64_t sequence)
{
    if (sequence == *(const uint64_t *)ctx)
        raise(SIGKILL);
}

/* In a process of its own, which gets through (true) or ends where it folds the frame. */
static bool start_that_dies_at(uint64_t sequence)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        spine_close(runs_open_told(dir, die_at, &sequence));
        _exit(0);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void forget_snapshots(void)
{
    runs_shell("rm -f %s/ledger.snapshot %1$s/ledger.snapshot.previous", dir, "");
}

static bool attempt_is_there(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/replay.attempt", dir);
    return access(path, F_OK) == 0;
}

static void begin(struct buf *look)
{
    struct spine *s;

    runs_shell("rm -rf %s", dir, "");
    s = runs_open(dir);
    runs_frames(s, 5, 0, FRAMES, 0);
    runs_look(s, look);
    spine_close(s);
    OK(!attempt_is_there());
    forget_snapshots();
}

/* Bytes that the journal keeps of the frame that was given up, decoded; false when it tells of none. */
static bool kept_bytes_are_the_frame(uint64_t sequence)
{
    struct err e = { 0 };
    char path[128];
    struct journal *j;
    struct journal_reader *r;
    struct journal_frame in;
    bool got = true, kept = false;

    snprintf(path, sizeof path, "%s/journal", dir);
    j = journal_open(&(struct journal_options){ .dir = path, .read_only = true }, &(struct journal_recovery){ 0 }, &e);
    r = journal_reader_open(j, NULL, SV_NONE, &e);
    while (journal_read(r, 0, &in, &got, &e) == ERR_OK && got) {
        struct frame *f, *lost;
        struct damage d;

        if (in.corrupt || frame_decode(in.payload, &runs_arena, &f, &e) || !damage_is_frame(f) || !f->n_quarantined)
            continue;
        kept = damage_read(f->quarantined[0].what, &d) && d.cause == DAMAGE_CRASHED && d.from == sequence &&
               frame_decode(f->quarantined[0].bytes, &runs_arena, &lost, &e) == ERR_OK;
    }
    journal_reader_close(r);
    journal_close(j);
    arena_reset(&runs_arena);
    return kept;
}

static void a_frame_that_ends_each_start_is_set_aside(void)
{
    struct buf look, now;
    int starts = 1;
    struct spine *s;
    uint64_t durable;

    begin(&look);
    while (!start_that_dies_at(DEADLY) && starts < STARTS_MAX)
        starts++;
    OK(starts == 5); /* two as ever, two that noted where they are, one that skips */
    s = runs_open(dir);
    OK(runs_restarts(s) == 1 && runs_restarts_by(s, DAMAGE_CRASHED) == 1);
    durable = journal_durable(spine_journal(s)).sequence;
    runs_look(s, &now);
    spine_close(s);
    OK(kept_bytes_are_the_frame(DEADLY));
    /* A later start that meets it again knows it. */
    forget_snapshots();
    OK(start_that_dies_at(DEADLY));
    s = runs_open(dir);
    OK(runs_restarts(s) == 1 && journal_durable(spine_journal(s)).sequence == durable &&
       runs_looks_like(s, buf_sv(&now)));
    spine_close(s);
    buf_done(&look);
    buf_done(&now);
}

static void who_is_only_killed_loses_nothing(void)
{
    struct buf look;
    struct spine *s;

    begin(&look);
    for (uint64_t i = 0; i < KILLS; i++)
        OK(!start_that_dies_at(1 + i * 3 % FRAMES));
    s = runs_open(dir);
    OK(runs_restarts(s) == 0 && runs_looks_like(s, buf_sv(&look)));
    spine_close(s);
    OK(!attempt_is_there());
    buf_done(&look);
}

static void a_note_that_makes_no_sense_is_none(void)
{
    struct buf look;
    struct spine *s;

    begin(&look);
    runs_shell("head -c 4096 /dev/urandom > %s/replay.attempt", dir, "");
    s = runs_open(dir);
    OK(runs_restarts(s) == 0 && runs_looks_like(s, buf_sv(&look)));
    spine_close(s);
    buf_done(&look);
}

int main(void)
{
    arena_init(&runs_arena, 64 << 20);
    log_set(LOG_LEVEL_ERROR, false);
    if (!runs_root(root, sizeof root))
        return 1;
    snprintf(dir, sizeof dir, "%s/s", root);
    RUN(a_frame_that_ends_each_start_is_set_aside);
    RUN(who_is_only_killed_loses_nothing);
    RUN(a_note_that_makes_no_sense_is_none);
    runs_shell("rm -rf %s", root, "");
    arena_done(&runs_arena);
    return tap_done();
}
