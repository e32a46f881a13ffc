/* Prints the body that Trefoil posts to Log Analytics for rows that arrived in (FROM, TO]: azure_log_body FROM TO, unix
 * nanoseconds. So the official client sends the very same query text, whatever becomes of it. */
#include <stdio.h>

#include "collector/sources/azure/azure_log.h"

int main(int argc, char **argv)
{
    struct buf body = { .at = NULL };
    int64_t from, to;

    if (argc != 3 || !sv_to_i64(sv_of(argv[1]), &from) || !sv_to_i64(sv_of(argv[2]), &to)) {
        fprintf(stderr, "usage: azure_log_body FROM TO (unix nanoseconds)\n");
        return 2;
    }
    azure_log_body(&body, from, to);
    if (body.failed)
        return 1;
    fwrite(body.at, 1, body.len, stdout);
    buf_done(&body);
    return 0;
}
