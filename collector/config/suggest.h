/*
 * "Did you mean": the nearest of the names that are offered, if one is near enough.
 *
 * Near is: at most three edits (insert, delete, change, swap neighbours) and fewer than half the word; else, a common
 * beginning of four letters or one holding the other ("polling" finds "poll_interval"). Case and - versus _ do not
 * count.
 *
 * Thread-safety: pure.
 */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include "collector/base/sv.h"

struct suggestion {
    sv word;
    const char *best; /* NULL: none is near */
    unsigned cost;    /* of the best */
};

/* Start with { .word = word }, offer each name, read `best`. */
void suggest_offer(struct suggestion *s, const char *name);

#endif
