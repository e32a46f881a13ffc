/*
 * check: the configuration, what it will cost, and with --connect each credential and permission, each failure with its remedy.
 */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#include "collector/core/daemon.h"

/* Prints to standard output. ERR_OK: nothing failed; ERR_CONFIG: something did, and was told. */
MUST_USE enum err_code check(const struct flags *f, struct err *e);

#endif
