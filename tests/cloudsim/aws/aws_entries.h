/*
 * What AWS writes down about calls and administration: records of invocation logging, and CloudTrail's events. Each
 * entry has its own time and the time from when on it can be read.
 *
 * Ownership:     entries are plain values; lists are from malloc.
 * Thread-safety: all functions, any thread.
 */
#ifndef CLOUDSIM_AWS_ENTRIES_H
#define CLOUDSIM_AWS_ENTRIES_H

#include "tests/cloudsim/aws/aws_cloud.h"

enum aws_entry_kind {
    ENTRY_RECORD,     /* a ModelInvocationLog */
    ENTRY_INFERENCE,  /* a call on runtime, a management event */
    ENTRY_DATA,       /* CreateInference on mantle, a data event */
    ENTRY_MANAGEMENT, /* all other management events */
};

struct aws_entry {
    int64_t at, visible;
    enum aws_entry_kind kind;
    unsigned deployment; /* of the first three kinds */
    int64_t minute;
    uint32_t k; /* number of the call, or of the event, in its minute */
};
struct aws_entry_list {
    struct aws_entry *at;
    size_t n, cap;
    bool failed; /* memory is out, or ENTRIES_MAX */
};
enum { ENTRIES_MAX = 2000000 };

/* Entries of these kinds (1 << ENTRY_ bits) with times in [from, to] that can be read at `now`, oldest first. */
void aws_entries_find(struct sim *s, const struct aws_place *place, unsigned kinds, int64_t from, int64_t to,
                      int64_t now, struct aws_entry_list *out);
void aws_entries_free(struct aws_entry_list *l);

/* An entry with what it is about. */
struct aws_entry_view {
    const struct aws_entry *entry;
    const struct aws_place *place;
    const struct aws_account *account;
    const struct aws_deployment *deployment;
    struct aws_call call;
    struct aws_event event;
};
bool aws_entry_open(struct sim *s, const struct aws_place *place, const struct aws_entry *e,
                    struct aws_entry_view *out);

/* The JSON text of an entry: an invocation record, or an event as CloudTrail has it. */
void aws_entry_write(struct sim *s, const struct aws_entry_view *v, struct buf *out);

/* CloudTrail's view of the three other kinds. */
struct aws_trail_view {
    sv source, name, username;
    uint64_t id_hi, id_lo;
    bool read_only;
    const char *error; /* errorCode; NULL */
};
void aws_trail_of(const struct sim *s, const struct aws_entry_view *v, struct aws_trail_view *out);

#endif
