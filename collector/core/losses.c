/*
 * Damage without a frame's header comes in pieces in front of the frame that follows; only that one's number says whether a frame
 * was lost with it. Remains of what was never acknowledged stand there too, and nothing is lost with them.
 */
#include "collector/core/losses.h"

#include <stdlib.h>
#include <string.h>

#include "collector/base/log.h"

enum { BYTES_MAX = (16 << 10) + 1 }; /* what a quarantine keeps, and one to tell that there was more */

static char *copy(sv bytes)
{
    char *p = bytes.len ? malloc(bytes.len) : NULL;

    if (p)
        memcpy(p, bytes.at, bytes.len);
    return p;
}

static struct loss loss_of(enum damage_cause cause, uint64_t from, uint64_t to, sv bytes)
{
    struct loss loss = { .damage = { cause, from, to } };

    bytes = sv_first(bytes, BYTES_MAX);
    loss.bytes = copy(bytes);
    loss.len = loss.bytes ? bytes.len : 0;
    return loss;
}

void losses_begin(struct losses *l, uint64_t folded, bool snapshot_found)
{
    *l = (struct losses){ .last = folded, .unknown = snapshot_found && folded == 0, .from_void = !snapshot_found };
}

void losses_done(struct losses *l)
{
    free(l->piece.bytes);
    for (size_t i = 0; i < l->n; i++)
        free(l->at[i].bytes);
    *l = (struct losses){ .last = l->last };
}

/* Takes the loss over. */
static void add(struct losses *l, struct loss loss)
{
    struct loss *newest = l->n ? &l->at[l->n - 1] : NULL;
    bool follows = newest && newest->damage.to + 1 == loss.damage.from && newest->damage.cause == loss.damage.cause &&
                   loss.damage.cause == DAMAGE_MISSING;

    if (newest && loss.damage.cause != DAMAGE_CUT && (follows || l->n == LOSSES_MAX)) {
        newest->damage.to = loss.damage.to > newest->damage.to ? loss.damage.to : newest->damage.to;
        free(loss.bytes);
        return;
    }
    if (l->n < LOSSES_MAX)
        l->at[l->n++] = loss;
    else
        free(loss.bytes);
}

void losses_add(struct losses *l, enum damage_cause cause, uint64_t sequence, sv bytes)
{
    log_error("spine", "journal frame %llu cannot be folded (%s): what it said is lost", (unsigned long long)sequence,
              damage_cause_name(cause));
    add(l, loss_of(cause, sequence, sequence, bytes));
}

/* Nobody can fold [from, to]. */
static void add_missing(struct losses *l, uint64_t from, uint64_t to, enum damage_cause cause)
{
    struct loss loss = l->has_piece ? l->piece : (struct loss){ 0 };

    loss.damage = (struct damage){ l->has_piece && cause == DAMAGE_MISSING ? DAMAGE_CORRUPT : cause, from, to };
    l->piece = (struct loss){ 0 };
    log_error("spine", "journal frames %llu to %llu are lost (%s)", (unsigned long long)from, (unsigned long long)to,
              damage_cause_name(loss.damage.cause));
    add(l, loss);
}

static void drop_piece(struct losses *l)
{
    free(l->piece.bytes);
    l->piece = (struct loss){ 0 };
    l->has_piece = false;
}

bool losses_watch(struct losses *l, const struct journal_frame *in)
{
    uint64_t sequence = in->at.sequence;

    if (in->corrupt && in->written_unix_nano == 0) {
        if (!l->has_piece)
            l->piece = loss_of(DAMAGE_CORRUPT, 0, 0, in->payload);
        l->has_piece = true;
        return false;
    }
    if (!l->unknown && sequence > l->last + 1)
        add_missing(l, l->last + 1, sequence - 1, l->from_void && l->last == 0 ? DAMAGE_SNAPSHOT : DAMAGE_MISSING);
    else if (!l->unknown && sequence <= l->last) /* the numbers behind the cut were given out again */
        add_missing(l, sequence, l->last, DAMAGE_CUT);
    drop_piece(l);
    l->unknown = false;
    l->last = sequence;
    return true;
}

void losses_end(struct losses *l, uint64_t durable)
{
    if (!l->unknown && durable < l->last) {
        drop_piece(l);
        add_missing(l, durable + 1, l->last, DAMAGE_CUT);
        l->last = durable;
    } else if (!l->unknown && durable > l->last && l->has_piece) {
        add_missing(l, l->last + 1, durable, DAMAGE_MISSING);
        l->last = durable;
    }
    drop_piece(l);
}

bool losses_frame(const struct losses *l, struct frame *f)
{
    struct mark *m;

    for (size_t i = 0; i < l->n; i++)
        if (!damage_add(f, &l->at[i].damage, sv_make(l->at[i].bytes, l->at[i].len)))
            return false;
    m = frame_add_mark(f);
    if (m)
        *m = (struct mark){ MARK_RESTARTED, 0 };
    return m != NULL;
}

void losses_told(struct losses *l, const struct frame *f)
{
    struct damage told;
    size_t kept;

    for (size_t q = 0; damage_is_frame(f) && q < f->n_quarantined; q++) {
        if (!damage_read(f->quarantined[q].what, &told))
            continue;
        kept = 0;
        for (size_t i = 0; i < l->n; i++)
            if (damage_covers(&told, &l->at[i].damage))
                free(l->at[i].bytes);
            else
                l->at[kept++] = l->at[i];
        l->n = kept;
    }
}
