/*
 * kill -9 at random moments: a child appends from two threads and prints each acknowledged number into a pipe; the
 * parent kills it and looks whether the journal holds every number that it was told. Some rounds kill during recovery
 * too.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/collector/journal/journal_test.h"

enum { ROUNDS = 30, NUMBERS_MAX = 1 << 20, THREADS = 2 };

static const struct journal_options small = { .segment_bytes = 20000 };
static unsigned char owed[NUMBERS_MAX / 8];

struct child {
    struct journal *j;
    int pipe;
    uint64_t next;
};

static void *append_for_ever(void *arg)
{
    struct child *c = arg;

    for (uint64_t n = c->next; n < NUMBERS_MAX; n += THREADS) {
        if (!test_append(c->j, n, 10 + n % 900, NULL) || write(c->pipe, &n, sizeof n) != (ssize_t)sizeof n)
            _exit(1);
    }
    return NULL;
}

static void be_the_child(int out, uint64_t from)
{
    struct child c[THREADS];
    pthread_t t[THREADS];
    struct journal_options o = small;
    struct journal *j;

    o.dir = test_dir;
    j = journal_open(&o, NULL, NULL);
    if (!j)
        _exit(2);
    for (unsigned i = 0; i < THREADS; i++) {
        c[i] = (struct child){ .j = j, .pipe = out, .next = from + i };
        pthread_create(&t[i], NULL, append_for_ever, &c[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    _exit(3);
}

/* Notes what the child acknowledged until its end; it is killed after `acks` numbers or `micros`, what comes first. */
static uint64_t listen_and_kill(pid_t child, int in, uint64_t acks, useconds_t micros, uint64_t *highest)
{
    uint64_t n, heard = 0;

    if (acks == 0) {
        usleep(micros);
        kill(child, SIGKILL);
    }
    while (read(in, &n, sizeof n) == (ssize_t)sizeof n) {
        if (n < NUMBERS_MAX)
            owed[n / 8] = (unsigned char)(owed[n / 8] | 1U << n % 8);
        if (n > *highest)
            *highest = n;
        if (++heard == acks)
            kill(child, SIGKILL);
    }
    return heard;
}

static bool holds_all_owed(uint64_t highest)
{
    static unsigned char found[NUMBERS_MAX / 8];
    struct journal *j = test_open(small, NULL);
    struct journal_reader *r = j ? journal_reader_open(j, NULL, SV_NONE, NULL) : NULL;
    struct journal_frame f;
    struct buf want;
    uint64_t last = 0;
    bool got = true, good = r != NULL;

    memset(found, 0, sizeof found);
    buf_init(&want, 0);
    while (good && !journal_read(r, 0, &f, &got, NULL) && got) {
        uint64_t n = test_payload_number(f.payload);

        good = !f.corrupt && n < NUMBERS_MAX && f.at.sequence == last + 1 &&
               sv_eq(f.payload, test_payload(&want, n, 10 + n % 900));
        last = f.at.sequence;
        if (good)
            found[n / 8] = (unsigned char)(found[n / 8] | 1U << n % 8);
    }
    for (uint64_t n = 0; good && n <= highest; n++)
        if ((owed[n / 8] & ~found[n / 8]) >> n % 8 & 1) {
            printf("# acknowledged and lost: %" PRIu64 "\n", n);
            good = false;
        }
    buf_done(&want);
    journal_reader_close(r);
    journal_close(j);
    return good && !got;
}

static void nothing_acknowledged_is_lost_by_kill_9(void)
{
    uint64_t state = test_seed(), heard = 0, next = 1, highest = 0;
    bool good = true;

    test_fresh_dir();
    for (unsigned round = 0; good && round < ROUNDS; round++) {
        uint64_t acks = round % 3 == 2 ? 0 : 1 + test_random(&state) % 120;
        useconds_t micros = (useconds_t)(test_random(&state) % 4000);
        int fd[2], status;
        pid_t child;

        if (pipe(fd) || (child = fork()) < 0)
            exit(88);
        if (child == 0) {
            close(fd[0]);
            be_the_child(fd[1], next);
        }
        close(fd[1]);
        heard += listen_and_kill(child, fd[0], acks, micros, &highest);
        close(fd[0]);
        good = waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
               holds_all_owed(highest);
        next = highest + 1000; /* beyond what the dead one may have written without saying so */
    }
    printf("# %" PRIu64 " acknowledged in %d rounds\n", heard, ROUNDS);
    OK(good);
    OK(heard > ROUNDS);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    RUN(nothing_acknowledged_is_lost_by_kill_9);
    return tap_done();
}
