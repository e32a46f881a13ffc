/*
 * The snapshot: the ledger's state in one file, with the journal cursor behind it.
 *
 * Layout: magic, version, length of what follows, its XXH3, then the body: little-endian integers and length-prefixed strings in
 * a fixed order (snapshot_write.c and snapshot_read.c say the same things in the same order). Whatever has a number that a
 * later build may change (families, labels, statistics) is written by name. A snapshot of a newer version is refused untouched;
 * a damaged one is set aside and the one before it is read (snapshot_file.c). Only these three files include this header.
 */
#ifndef LEDGER_SNAPSHOT_H
#define LEDGER_SNAPSHOT_H

#include "collector/ledger/internal.h"

enum { SNAPSHOT_HEAD_BYTES = 32 };
#define SNAPSHOT_MAGIC       "TREFOILS"
#define SNAPSHOT_LIMIT_BYTES ((size_t)4 << 30)

/* The text members of an item in a fixed order, for writing and reading alike. */
enum { ITEM_TEXTS = 13 };
static inline void item_texts(struct inventory_item *i, sv *out[ITEM_TEXTS])
{
    sv *texts[ITEM_TEXTS] = { &i->deployment,  &i->model_id,   &i->model_version, &i->model, &i->publisher,
                              &i->sku,         &i->processing, &i->jurisdiction,  &i->team,  &i->owner,
                              &i->cost_center, &i->env,        &i->capacity_unit };

    memcpy(out, texts, sizeof texts);
}

#endif
