/* What the program tells of itself. */
#include "collector/core/status.h"

#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

static const struct policy keep = { .identity = POLICY_KEEP };

enum { SOURCES = 100 };

static bool commit_of(struct spine *s, int number)
{
    struct arena arena;
    struct frame *f;
    bool ok;

    arena_init(&arena, 1 << 20);
    f = frame_new(&arena, arena_printf(&arena, "source-%d", number), SV("s"));
    f->tally.received = f->tally.rejected[REASON_POLICY] = 1;
    ok = spine_commit(s, f, NULL) == ERR_OK;
    arena_done(&arena);
    return ok;
}

static void no_source_vanishes_from_the_conservation_however_many_there_are(void)
{
    char dir[32];
    struct spine *s = fake_spine(dir, &keep);
    struct status status = { .spine = s };
    struct buf out;
    bool ok = true;
    int found = 0;

    for (int i = 0; i < SOURCES; i++)
        ok &= commit_of(s, i);
    OK(ok);
    buf_init(&out, 4 << 20);
    status_metrics(&status, &out);
    buf_putc(&out, '\0');
    for (int i = 0; i < SOURCES; i++) {
        char line[80];

        snprintf(line, sizeof line, "\ntrefoil_received_records_total{source=\"source-%d\"} 1\n", i);
        found += strstr(out.at, line) != NULL;
    }
    OK(found == SOURCES);
    buf_done(&out);
    spine_close(s);
    fake_remove(dir);
}

int main(void)
{
    RUN(no_source_vanishes_from_the_conservation_however_many_there_are);
    return tap_done();
}
