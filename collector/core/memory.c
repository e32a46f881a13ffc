/*
 * Resident memory is what the limit of a container counts and what is gone when it is reached. The allocator keeps what was freed;
 * near the limit it is asked to give it back, once a reading.
 */
#include "collector/core/memory.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/log.h"

enum { HYSTERESIS_PERCENT = 5, TRIM_EVERY_MS = 60 * 1000 };

static const struct {
    int percent;
    const char *meaning;
} stages[MEMORY_STAGES] = {
    [MEMORY_FREE] = { 0, "all is read again" },
    [MEMORY_TIGHT] = { 80, "backlogs and control reads wait" },
    [MEMORY_FULL] = { 95, "polls wait" },
};

/* The first number of a file; -1: there is none. */
static int64_t number_in(const char *path, int skip)
{
    char line[128] = "", *at = line, *end;
    FILE *f = fopen(path, "re");
    long long n = -1;

    if (!f)
        return -1;
    if (!fgets(line, sizeof line, f))
        line[0] = '\0';
    fclose(f);
    for (int i = 0; i <= skip; i++, at = end) {
        n = strtoll(at, &end, 10);
        if (end == at)
            return -1;
    }
    return n;
}

static int64_t resident(void)
{
    int64_t pages = number_in("/proc/self/statm", 1);

    return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}

/* In a container its own group stands at the root; version 2, else 1. "max" is no number, and version 1 says a very large one. */
static int64_t container(void)
{
    int64_t limit = number_in("/sys/fs/cgroup/memory.max", 0);

    return limit > 0 ? limit : number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes", 0);
}

static int64_t machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);

    return pages > 0 ? (int64_t)pages * sysconf(_SC_PAGESIZE) : -1;
}

const struct memory_source memory_system = { resident, container, machine, 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static const struct memory_source *source = &memory_system;
static int64_t limit, next_ms, next_trim_ms;
static enum memory_stage stage;

static int64_t found_limit(void)
{
    int64_t all = source->machine(), group = source->container();

    if (group > 0 && (all <= 0 || group < all))
        return group;
    return all > 0 ? all / 2 : INT64_MAX / 100;
}

void memory_set_limit(int64_t limit_bytes)
{
    pthread_mutex_lock(&lock);
    limit = limit_bytes > 0 ? limit_bytes : found_limit();
    next_ms = 0;
    pthread_mutex_unlock(&lock);
}

int64_t memory_limit(void)
{
    int64_t n;

    pthread_mutex_lock(&lock);
    if (limit == 0)
        limit = found_limit();
    n = limit;
    pthread_mutex_unlock(&lock);
    return n;
}

void memory_set_source(const struct memory_source *s)
{
    pthread_mutex_lock(&lock);
    source = s;
    limit = next_ms = 0;
    stage = MEMORY_FREE;
    pthread_mutex_unlock(&lock);
}

static enum memory_stage stage_of(int64_t used)
{
    enum memory_stage is = MEMORY_FREE;

    for (int i = MEMORY_TIGHT; i < MEMORY_STAGES; i++)
        if (used >= limit / 100 * (stages[i].percent - (stage >= (enum memory_stage)i ? HYSTERESIS_PERCENT : 0)))
            is = (enum memory_stage)i;
    return is;
}

/* Under the lock. */
static void look(int64_t now_ms)
{
    int64_t used = source->resident();
    enum memory_stage is;

    if (limit == 0)
        limit = found_limit();
    if (used < 0)
        return;
    is = stage_of(used);
    if (is != stage)
        log_at(is > stage ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "memory", "%lld of %lld MiB: %s", (long long)(used >> 20),
               (long long)(limit >> 20), stages[is].meaning);
    stage = is;
    if (is == MEMORY_FREE || now_ms < next_trim_ms)
        return;
    next_trim_ms = now_ms + TRIM_EVERY_MS; /* others wait for it */
    malloc_trim(0);
}

enum memory_stage memory_stage(void)
{
    enum memory_stage is;
    struct timespec t;
    int64_t now_ms;

    clock_gettime(CLOCK_MONOTONIC, &t);
    now_ms = t.tv_sec * 1000 + t.tv_nsec / 1000000;
    pthread_mutex_lock(&lock);
    if (now_ms >= next_ms) {
        look(now_ms);
        next_ms = now_ms + source->every_ms;
    }
    is = stage;
    pthread_mutex_unlock(&lock);
    return is;
}
