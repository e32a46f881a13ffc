/* Randomness comes through one table: ids go on without it, secrets do not. */
#include <errno.h>
#include <string.h>

#include "collector/base/random.h"

#include "tests/tap.h"

static int none(void *out, size_t n)
{
    (void)out;
    (void)n;
    errno = EAGAIN;
    return -1;
}

static int zeros(void *out, size_t n)
{
    memset(out, 0, n);
    return 0;
}

static const struct random_source no_source = { .bytes = none }, zero_source = { .bytes = zeros };

static void the_systems_bytes_differ(void)
{
    unsigned char a[300] = { 0 }, b[300] = { 0 };

    random_set(NULL);
    OK(random_bytes(a, sizeof a) && random_bytes(b, sizeof b) && memcmp(a, b, sizeof a) != 0);
    OK(memcmp(a + 256, b + 256, 44) != 0); /* behind what one call gives for sure */
    OK(random_id() != random_id());
}

static void without_a_source_secrets_fail_and_ids_still_differ(void)
{
    unsigned char a[8];
    uint64_t first;

    random_set(&no_source);
    OK(!random_bytes(a, sizeof a));
    first = random_id();
    OK(first != 0 && random_id() != first);
    random_set(NULL);
}

static void an_id_is_never_zero(void)
{
    random_set(&zero_source);
    OK(random_id() != 0);
    random_set(NULL);
}

int main(void)
{
    RUN(the_systems_bytes_differ);
    RUN(without_a_source_secrets_fail_and_ids_still_differ);
    RUN(an_id_is_never_zero);
    return tap_done();
}
