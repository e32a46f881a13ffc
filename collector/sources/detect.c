/* See the header. */
#include "collector/sources/detect.h"

enum { LOOK_BYTES_MAX = 64 << 10 };

static bool has_key(sv text, const char *name)
{
    sv key = sv_of(name), rest = text;

    for (;;) {
        size_t n = sv_find(rest, '"');

        rest = sv_skip(rest, n + 1);
        if (rest.len <= key.len)
            return false;
        if (sv_starts(rest, key) && rest.at[key.len] == '"' && sv_starts(sv_trim(sv_skip(rest, key.len + 1)), SV(":")))
            return true;
    }
}

sv detect_format(sv bytes, const struct format_keys *rows, size_t n)
{
    sv text = sv_first(sv_trim(sv_starts(bytes, SV("\xef\xbb\xbf")) ? sv_skip(bytes, 3) : bytes), LOOK_BYTES_MAX);

    if (text.len == 0 || (*text.at != '{' && *text.at != '['))
        return SV_NONE;
    for (size_t i = 0; i < n; i++) {
        bool all = true;

        for (size_t k = 0; k < FORMAT_KEYS && rows[i].keys[k]; k++)
            all = all && has_key(text, rows[i].keys[k]);
        if (all)
            return sv_of(rows[i].format);
    }
    return SV_NONE;
}
