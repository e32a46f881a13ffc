/*
 * Sockets: the calls with which this machine may refuse a connection before the other side hears of it, in a table, so that
 * tests can make them fail.
 *
 * Conventions are the system's: -1 and errno. Only the client's own sockets go through it; libcurl connects and transfers.
 *
 * Thread-safety: sockets_set belongs into tests, before threads are started; the functions are called from any thread.
 */
#ifndef NET_SOCKETS_H
#define NET_SOCKETS_H

struct sockets {
    int (*open)(int family, int type, int protocol);
    int (*close)(int fd);
};

extern const struct sockets sockets_system;

const struct sockets *sockets(void);
void sockets_set(const struct sockets *s); /* NULL: the system's */

#endif
