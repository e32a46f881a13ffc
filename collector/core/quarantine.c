/* Frames of one source that are committed at the same time see the same room, so each of the poll threads may exceed it once. */
#include "collector/core/quarantine.h"

#include "collector/base/clock.h"

size_t quarantine_bound(struct frame *f, const struct spent hours[SPENT_HOURS], int64_t now)
{
    const int64_t hour = now / NANO_PER_H;
    int64_t room = QUARANTINE_BYTES_PER_H;
    size_t cut = 0;

    for (int i = 0; i < SPENT_HOURS; i++)
        room -= hours[i].hour >= hour ? hours[i].quarantined_bytes : 0;
    for (size_t i = 0; i < f->n_quarantined; i++) {
        struct quarantine *q = &f->quarantined[i];

        if ((int64_t)q->bytes.len <= room) {
            room -= (int64_t)q->bytes.len;
            continue;
        }
        q->bytes = SV_NONE;
        q->truncated = true;
        cut++;
    }
    return cut;
}
