/* getrandom, looped: a large request may be interrupted. */
#include "collector/base/random.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/random.h>

#include "collector/base/clock.h"

static int sys_bytes(void *out, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t k = getrandom((char *)out + got, n - got, 0);

        if (k < 0 && errno != EINTR)
            return -1;
        got += k > 0 ? (size_t)k : 0;
    }
    return 0;
}

const struct random_source random_system = { .bytes = sys_bytes };

static const struct random_source *current = &random_system;

void random_set(const struct random_source *s)
{
    current = s ? s : &random_system;
}

bool random_bytes(void *out, size_t n)
{
    return current->bytes(out, n) == 0;
}

uint64_t random_id(void)
{
    static _Atomic uint64_t count;
    uint64_t id = 0;

    if (!random_bytes(&id, sizeof id) || id == 0)
        id = (uint64_t)clock_now() ^ ++count << 32;
    return id ? id : 1;
}
