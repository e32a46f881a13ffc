/*
 * A ring of recent line hashes tells repetitions apart; counters of this second and this hour bound the rate.
 *
 * Standard error is not ours alone, so it is not made non-blocking, which would hold for the terminal of others too. Instead poll
 * says whether it takes something, and a pipe that does takes as much as PIPE_BUF without blocking; no line is longer. Our own
 * threads write one after the other, so that none of them takes the room that another was promised.
 */
#include "collector/base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/buf.h"
#include "collector/base/clock.h"
#include "collector/base/hash.h"

/* The text of a line that its escapes made too long is cut to SHORT_BYTES, each of which may become six. */
enum { RECENT = 64, REPEAT_S = 60, TEXT_BYTES = 2048, SHORT_BYTES = 600 };
_Static_assert((int)LOG_LINE_BYTES <= (int)PIPE_BUF, "a pipe takes a line whole");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint64_t hash;
    int64_t since_s;
    unsigned repeats;
} recent[RECENT]; /* guarded by lock, as are the next ones */
static int64_t second, hour;
static unsigned lines_this_second, lines_this_hour;
static uint64_t dropped, repeated;

static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

static _Atomic enum log_level least_level = LOG_LEVEL_INFO;
static _Atomic bool as_json;
static const char *const names[] = { "debug", "info", "warn", "error" };

void log_set(enum log_level least, bool json)
{
    least_level = least;
    as_json = json;
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (unsigned i = 0; i < 4; i++)
        if (sv_eq(sv_of(name), sv_of(names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

/* Under the lock. */
static bool within_rate(int64_t now_s)
{
    if (now_s != second)
        lines_this_second = 0;
    if (now_s / 3600 != hour)
        lines_this_hour = 0;
    second = now_s;
    hour = now_s / 3600;
    if (lines_this_second >= LOG_LINES_PER_S || lines_this_hour >= LOG_LINES_PER_H)
        return false;
    lines_this_second++;
    lines_this_hour++;
    return true;
}

/* True when the line may be written; *repeats is how often it was held back before. */
static bool admit(sv line, unsigned *repeats)
{
    struct timespec t;
    uint64_t h = hash64(line);
    unsigned at = (unsigned)(h % RECENT);
    bool write_it = false;

    clock_gettime(CLOCK_MONOTONIC, &t);
    pthread_mutex_lock(&lock);
    *repeats = 0;
    if (recent[at].hash == h && t.tv_sec - recent[at].since_s < REPEAT_S) {
        recent[at].repeats++;
        repeated++;
    } else if (!within_rate(t.tv_sec)) {
        dropped++;
    } else {
        write_it = true;
        *repeats = recent[at].hash == h ? recent[at].repeats : 0;
        recent[at].hash = h;
        recent[at].since_s = t.tv_sec;
        recent[at].repeats = 0;
    }
    pthread_mutex_unlock(&lock);
    return write_it;
}

static void put_line(struct buf *b, enum log_level level, const char *component, sv text, unsigned repeats)
{
    if (as_json)
        buf_put(b, SV("{\"ts\":\""));
    else
        buf_put(b, SV("ts="));
    buf_time(b, clock_now(), 3);
    buf_printf(b, as_json ? "\",\"level\":\"%s\",\"component\":\"%s\",\"msg\":" : " level=%s component=%s msg=",
               names[level], component);
    buf_json(b, text);
    if (repeats)
        buf_printf(b, as_json ? ",\"repeated\":%u" : " repeated=%u", repeats);
    buf_put(b, as_json ? SV("}\n") : SV("\n"));
}

/* Whole or, where there is no room, not at all. A file may take a part of it and be full then. */
static bool write_line(sv line)
{
    struct pollfd err = { .fd = STDERR_FILENO, .events = POLLOUT };
    bool whole = false;

    pthread_mutex_lock(&writing);
    if (poll(&err, 1, 0) == 1 && (err.revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL)) == POLLOUT) {
        ssize_t n;

        do
            n = write(STDERR_FILENO, line.at, line.len);
        while (n < 0 && errno == EINTR);
        whole = n == (ssize_t)line.len;
    }
    pthread_mutex_unlock(&writing);
    return whole;
}

void log_at(enum log_level level, const char *component, const char *format, ...)
{
    char text[TEXT_BYTES];
    struct buf line;
    unsigned repeats;
    va_list ap;

    if (level < least_level)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (!admit(sv_of(text), &repeats))
        return;
    buf_init(&line, 8 * TEXT_BYTES);
    put_line(&line, level, component, sv_of(text), repeats);
    if (line.len > LOG_LINE_BYTES) {
        buf_clear(&line);
        put_line(&line, level, component, sv_first(sv_of(text), SHORT_BYTES), repeats);
    }
    if (line.failed || !write_line(buf_sv(&line))) {
        pthread_mutex_lock(&lock);
        dropped++;
        pthread_mutex_unlock(&lock);
    }
    buf_done(&line);
}

static uint64_t count(const uint64_t *of)
{
    uint64_t n;

    pthread_mutex_lock(&lock);
    n = *of;
    pthread_mutex_unlock(&lock);
    return n;
}

uint64_t log_dropped(void)
{
    return count(&dropped);
}

uint64_t log_repeated(void)
{
    return count(&repeated);
}
