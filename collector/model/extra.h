/*
 * `extra`: what a cloud says beside what the mapping knows, so that a better mapping can be applied to history. Content and
 * identity never get in by this way: a leaf that is not known to hold no text of anybody keeps its path, type and length,
 * not its text ("string 17").
 *
 * Ownership:     names live in `scratch` until extras_keep interns them, values in `keep` (the frame's arena).
 * Errors:        false at an arena's limit. Above EXTRA_MAX leaves nothing more is taken, which is no error.
 * Thread-safety: none.
 */
#ifndef MODEL_EXTRA_H
#define MODEL_EXTRA_H

#include "collector/base/json.h"
#include "collector/model/record.h"

enum { EXTRA_MAX = 64, EXTRA_TEXT_MAX = 1024 };

struct extra {
    sv name, value;
};
struct extras {
    struct arena *scratch, *keep;
    struct extra at[EXTRA_MAX];
    size_t n;
};

void extras_init(struct extras *x, struct arena *scratch, struct arena *keep);

/* Adds a leaf as it is / by path, type and length, going into objects. Absent, null and "" add nothing; a text that is
 * too long to be a name in use counts as one of somebody. */
bool extra_value(struct extras *x, sv name, json v);
bool extra_shape(struct extras *x, sv path, json v);

/* Moves the list into the batch. */
bool extras_keep(struct batch *b, const struct extras *x, struct key_value **at, size_t *n);

#endif
