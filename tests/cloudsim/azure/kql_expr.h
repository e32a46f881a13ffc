/* What parser and evaluator of KQL share. */
#ifndef CLOUDSIM_KQL_EXPR_H
#define CLOUDSIM_KQL_EXPR_H

#include "tests/cloudsim/azure/kql.h"

enum kql_node {
    N_LITERAL,
    N_COLUMN,
    N_INGESTED,
    /* two operands; comparisons first */
    N_EQ,
    N_NE,
    N_LT,
    N_LE,
    N_GT,
    N_GE,
    N_EQ_NOCASE,
    N_NE_NOCASE,
    N_CONTAINS,
    N_HAS,
    N_STARTS,
    N_ENDS,
    N_AND,
    N_OR,
    N_ADD,
    N_SUB,
    /* any number */
    N_IN,
    N_NOT_IN,
    N_IN_NOCASE,
    N_BETWEEN,
    N_NOT,
    N_LOWER,
    N_UPPER,
    N_TO_STRING,
    N_TO_LONG,
    N_TO_REAL,
    N_IS_EMPTY,
    N_IS_NOT_EMPTY,
    N_IS_NULL,
    N_IS_NOT_NULL,
    N_STRCAT,
    N_COALESCE,
    N_IFF,
    N_STRLEN,
    N_BIN,
};

struct kql_expr {
    enum kql_node node;
    enum kql_type type;
    struct kql_value literal;
    unsigned column;
    struct kql_expr **args;
    unsigned n_args;
};

#endif
