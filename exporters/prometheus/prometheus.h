/* Prometheus' text format 0.0.4 at /metrics, from the ledger. */
#ifndef EXPORTERS_PROMETHEUS_PROMETHEUS_H
#define EXPORTERS_PROMETHEUS_PROMETHEUS_H

#include "exporters/exporter.h"

extern const struct exporter_ops prometheus_exporter_ops;

#endif
