/*
 * The process as a whole: what is to be put right before anything is opened.
 *
 * Thread-safety: before there are threads.
 */
#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H

#include "collector/base/err.h"

/* Standard input, output and error exist, if need be as /dev/null: else a file that we open would get one of their numbers, and
 * the log would be written into it. ERR_IO when not even that can be had. */
MUST_USE enum err_code process_guard_stdio(struct err *e);

#endif
