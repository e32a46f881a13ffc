/* The roles of deploy/iam hold what the source's calls need, all of it and nothing else. */
#include "collector/sources/gcp/gcp.h"

#include "tests/tap.h"

static const char *const files[] = { "deploy/iam/gcp-role.yaml", "deploy/iam/gcp-role-calls.yaml" };
enum { FILES = 2, PERMISSIONS_MAX = 32 };

static struct arena memory;

/* Permissions of a role: the list items of the file. */
static size_t held(const char *path, sv out[PERMISSIONS_MAX])
{
    struct buf b;
    sv text, line;
    size_t n = 0;

    buf_init(&b, 1 << 20);
    OK(buf_read_file(&b, path, 1 << 20, NULL) == ERR_OK);
    text = arena_copy(&memory, buf_sv(&b));
    buf_done(&b);
    while (text.len && n < PERMISSIONS_MAX) {
        line = sv_cut(&text, '\n');
        if (sv_starts(line, SV("- ")))
            out[n++] = sv_skip(line, 2);
    }
    return n;
}

static bool is_needed(sv permission)
{
    for (int api = 0; api < GCP_APIS; api++)
        for (sv rest = sv_of(gcp_operations[api].permissions); rest.len;)
            if (sv_eq(sv_cut(&rest, ' '), permission))
                return true;
    return false;
}

static void nothing_else_is_held(void)
{
    for (size_t f = 0; f < FILES; f++) {
        sv all[PERMISSIONS_MAX];
        size_t n = held(files[f], all);

        OK(n > 0);
        for (size_t i = 0; i < n; i++)
            if (!OK(is_needed(all[i])))
                printf("# %s: %.*s\n", files[f], SV_ARG(all[i]));
    }
}

static size_t holders(sv permission)
{
    size_t n = 0;

    for (size_t f = 0; f < FILES; f++) {
        sv all[PERMISSIONS_MAX];

        for (size_t i = held(files[f], all); i > 0; i--)
            n += sv_eq(all[i - 1], permission);
    }
    return n;
}

static void every_call_is_allowed_once(void)
{
    for (int api = 0; api < GCP_APIS; api++) {
        sv rest = sv_of(gcp_operations[api].permissions);

        OK(rest.len > 0);
        while (rest.len) {
            sv permission = sv_cut(&rest, ' ');

            if (!OK(holders(permission) == 1))
                printf("# %.*s\n", SV_ARG(permission));
        }
    }
}

int main(void)
{
    arena_init(&memory, 0);
    RUN(nothing_else_is_held);
    RUN(every_call_is_allowed_once);
    arena_done(&memory);
    return tap_done();
}
