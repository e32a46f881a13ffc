/* A free port, and what a daemon answers on it. */
#ifndef TESTS_DAEMON_CLIENT_H
#define TESTS_DAEMON_CLIENT_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/tap.h"

static char listen_at[32];
static struct sockaddr_in at;

static inline void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static inline int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void free_port(void)
{
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    OK(bind(fd, (struct sockaddr *)&at, n) == 0 && getsockname(fd, (struct sockaddr *)&at, &n) == 0);
    close(fd);
    snprintf(listen_at, sizeof listen_at, "127.0.0.1:%u", ntohs(at.sin_port));
}

/* The whole answer, "" when nobody listens. */
static inline const char *get_once(const char *path)
{
    static char answer[1 << 20];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t len = 0;
    ssize_t n;

    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
        dprintf(fd, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
        while ((n = read(fd, answer + len, sizeof answer - 1 - len)) > 0)
            len += (size_t)n;
    }
    close(fd);
    answer[len] = '\0';
    return answer;
}

/* Whether the answer holds `want`; asked again until it does or the time is over. */
static inline bool get(const char *path, const char *want)
{
    for (int i = 0; i < 300; i++) {
        if (strstr(get_once(path), want))
            return true;
        nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    }
    return false;
}

#endif
