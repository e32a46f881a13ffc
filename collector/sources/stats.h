/*
 * What a source's calls cost and how they ended, what its servers' clocks say, and what it does without. One per source
 * instance.
 *
 * Thread-safety: all functions, any thread.
 */
#ifndef SOURCES_STATS_H
#define SOURCES_STATS_H

#include "collector/base/err.h"
#include "collector/base/sv.h"
#include "collector/model/record.h"

/* Rows beyond the limit are counted in the row of their API without an account. */
enum { STATS_ROWS_MAX = 8192, STATS_ACCOUNT_MAX = 63 };

/* Of one API and one account that pays. */
struct api_stats {
    const char *name;
    char account[STATS_ACCOUNT_MAX + 1];
    uint64_t calls;           /* requests sent, repeats included */
    uint64_t ends[ERR_CODES]; /* how they ended */
    uint64_t received_bytes;  /* on the wire */
    uint64_t units;           /* what is billed: metrics requested, else calls */
    int64_t usd_nano;         /* list price */
    struct {                  /* the part of it that is in no durable frame yet */
        int64_t calls, units, usd_nano;
    } due;
};

struct source_stats;

MUST_USE struct source_stats *source_stats_new(void);
void source_stats_free(struct source_stats *s);

/* One request that ended. `name` is a constant that outlives the stats. */
struct api_call {
    const char *name;
    sv account;
    enum err_code end;
    size_t wire_bytes;
    int64_t units, usd_nano;
};
void source_stats_call(struct source_stats *s, const struct api_call *call);
/* Units that the answer tells, beside those that the call was counted with. */
void source_stats_billed(struct source_stats *s, const char *name, sv account, int64_t units, int64_t usd_nano);

/* Moves what is due into the frame (that of at most STATS_SPENDS_MAX rows, the rest stays due); back again when the frame
 * could not be made durable. What a frame has no room for stays due. */
enum { STATS_SPENDS_MAX = 256 };
void source_stats_take(struct source_stats *s, struct frame *f);
void source_stats_give_back(struct source_stats *s, const struct frame *f);

/* Calls and their list price, of all rows; and the part that is in no durable frame yet. */
void source_stats_total(struct source_stats *s, int64_t *calls, int64_t *usd_nano);
void source_stats_due(struct source_stats *s, int64_t *calls, int64_t *usd_nano);

/* A copy of all rows, in order of first use, for free(); NULL and *n = 0 when there are none or memory is out. */
struct api_stats *source_stats_rows(struct source_stats *s, size_t *n);

/* The server's Date (whole seconds) has just come. */
void source_stats_date(struct source_stats *s, int64_t server_unix_nano);
/* What the server's clock shows: its last Date and the monotonic time since, whatever became of our wall clock; before the first
 * answer that is all there is. */
int64_t source_stats_now(struct source_stats *s);
/* The same as far as it is certain: never later than the earliest clock of late, ours among them before the first answer. What was
 * later all of the last 15 minutes is believed; `doubted`: somebody says so. */
int64_t source_stats_believed(struct source_stats *s, bool *doubted);
/* Server minus ours; 0 when it is within the Date header's resolution. */
int64_t source_stats_skew(struct source_stats *s);
/* By how much either may move back without anybody having set a clock. */
int64_t source_stats_doubt(void);

/* Something that the cloud refuses and the source goes on without. `what` is a constant that outlives the stats. */
enum { STATS_NOTES_MAX = 32, STATS_NOTE_TEXT_MAX = 200 };
struct source_note {
    const char *what;                   /* "costs.by_api_key" */
    char text[STATS_NOTE_TEXT_MAX + 1]; /* why; cut */
};
/* Sets it, or takes it back with an empty text. True when it was not so before: then it is worth a line in the log. */
bool source_stats_note(struct source_stats *s, const char *what, sv text);
/* Copies those that are set; how many. */
size_t source_stats_notes(struct source_stats *s, struct source_note out[STATS_NOTES_MAX]);

#endif
