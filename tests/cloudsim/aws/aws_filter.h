/*
 * CloudWatch Logs' filter patterns, as far as clients of this product use them: nothing; words that must all occur
 * (quoted or not, -word must not); and JSON patterns:
 *   { ($.eventSource = "bedrock*") && ($.eventName != "A" || $.n >= 5) }, IS NULL, NOT EXISTS, IS TRUE, IS FALSE.
 *
 * Ownership:     nodes live in the arena.
 * Thread-safety: none.
 */
#ifndef CLOUDSIM_AWS_FILTER_H
#define CLOUDSIM_AWS_FILTER_H

#include "collector/base/arena.h"
#include "collector/base/json.h"

struct aws_filter;

/* False when the pattern is none. */
bool aws_filter_parse(sv pattern, struct arena *a, const struct aws_filter **out);
/* `p` parses a message when the pattern looks into it. */
bool aws_filter_match(const struct aws_filter *f, sv message, struct json_parser *p);

#endif
