import assert from "node:assert/strict";
import { test } from "node:test";
import { MonitorClient } from "@azure/arm-monitor";
import { MetricsClient } from "@azure/monitor-query-metrics";
import { add, armOptions, assertSame, collect, credential, inner, metricsEndpoint } from "./cloud.js";
import { operationOf, outcomeOf, truth } from "./cloud.js";
import { accountOf, deploymentOf, genai, identity, uri } from "./inventory.js";

const namespace = "Microsoft.CognitiveServices/accounts";
const audience = "https://metrics.monitor.azure.com/.default";
const byCall = ["ModelDeploymentName", "OperationName", "StatusCode", "ServiceTierResponse"];
const tokens = {
  InputTokens: "input",
  ProcessedPromptTokens: "input",
  OutputTokens: "output",
  GeneratedTokens: "output",
};
const filterOf = (dimensions) => dimensions.map((d) => `${d} eq '*'`).join(" and ");
const expected = await truth(inner);

// One family per account: the other one tells the same calls again.
const requestsOf = (a) => (a.kind === "AIServices" ? ["ModelRequests"] : ["AzureOpenAIRequests"]);
const tokensOf = (a) =>
  a.kind === "AIServices" ? ["InputTokens", "OutputTokens"] : ["ProcessedPromptTokens", "GeneratedTokens"];

// Both clients' series in one shape. Names of dimensions come back in lower case.
function shape(series) {
  const labels = {};
  for (const m of series.metadatavalues ?? [])
    labels[(m.name.value ?? m.name).toLowerCase()] = m.value;
  return { labels, total: (series.data ?? []).reduce((n, p) => n + (p.total ?? 0), 0) };
}

function addRequests(sums, account, series) {
  const { labels, total } = shape(series);
  const d = deploymentOf(account, labels.modeldeploymentname);
  const tier = labels.servicetierresponse === "__Empty" ? "" : labels.servicetierresponse.toLowerCase();
  const code = labels.statuscode;
  const of = { operation: operationOf(labels.operationname), tier, outcome: outcomeOf(code), code };
  if (d) add(sums, { ...identity(account, d), ...of }, total);
}

function addTokens(sums, account, metric, series) {
  const { labels, total } = shape(series);
  const d = deploymentOf(account, labels.modeldeploymentname);
  if (d) add(sums, { ...identity(account, d), tier: "", direction: tokens[metric] }, total);
}

// ---- metrics of one resource ----

async function list(account, names, dimensions) {
  const monitor = new MonitorClient(credential, account.subscription, armOptions);
  const answer = await monitor.metrics.list(uri(account), {
    metricnames: names.join(","),
    metricnamespace: namespace,
    timespan: `${inner.from.toISOString()}/${inner.until.toISOString()}`,
    interval: "PT1M",
    aggregation: "total",
    filter: filterOf(dimensions),
    top: 1000,
  });
  assert.equal(answer.namespace?.toLowerCase(), namespace.toLowerCase());
  return answer.value;
}

test("arm-monitor: requests by deployment, operation, status and tier are the truth", async () => {
  const sums = new Map();
  for (const a of genai)
    for (const metric of await list(a, requestsOf(a), byCall))
      for (const s of metric.timeseries) addRequests(sums, a, s);
  assertSame(sums, expected.genai_requests_total, "genai_requests_total");
});

test("arm-monitor: tokens by deployment are the truth", async () => {
  const sums = new Map();
  for (const a of genai)
    for (const metric of await list(a, tokensOf(a), ["ModelDeploymentName"]))
      for (const s of metric.timeseries) addTokens(sums, a, metric.name.value, s);
  assertSame(sums, expected.genai_tokens_total, "genai_tokens_total");
});

test("arm-monitor: filtered requests by category are the truth", async () => {
  const sums = new Map();
  const names = ["RAIRejectedRequests", "RAIHarmfulRequests"];
  for (const a of genai)
    for (const metric of await list(a, names, ["ModelDeploymentName", "Category"]))
      for (const s of metric.timeseries) {
        const { labels, total } = shape(s);
        const d = deploymentOf(a, labels.modeldeploymentname);
        const action = metric.name.value === "RAIRejectedRequests" ? "blocked" : "detected";
        if (d) add(sums, { ...identity(a, d), category: labels.category.toLowerCase(), action }, total);
      }
  assertSame(sums, expected.genai_filtered_requests_total, "genai_filtered_requests_total");
});

test("arm-monitor: an unknown metric is a BadRequest", async () => {
  await assert.rejects(list(genai[0], ["NoSuchMetric"], ["ModelDeploymentName"]), (e) => {
    assert.equal(e.statusCode, 400);
    assert.match(e.message, /NoSuchMetric/);
    return true;
  });
});

test("arm-monitor: definitions tell dimensions and grains of what we ask for", async () => {
  const monitor = new MonitorClient(credential, genai[0].subscription, armOptions);
  const rows = await collect(monitor.metricDefinitions.list(uri(genai[0])));
  const requests = rows.find((r) => r.name.value === "ModelRequests");
  assert.ok(rows.length > 20);
  assert.equal(requests.primaryAggregationType, "Total");
  for (const d of byCall) assert.ok(requests.dimensions.some((one) => one.value === d), d);
  assert.ok(requests.metricAvailabilities.some((one) => one.timeGrain === "PT1M"));
});

// ---- metrics:getBatch ----

// Of one region and one subscription: that is what one call may name.
const places = new Set(genai.map((a) => `${a.subscription} ${a.location}`));
const batches = [...places].map((place) => genai.filter((a) => `${a.subscription} ${a.location}` === place));

async function batch(accounts, names, dimensions) {
  const client = new MetricsClient(metricsEndpoint(accounts[0].location), credential, { audience });
  const answer = await client.queryResources(accounts.map((a) => a.id), names, namespace, {
    startTime: inner.from,
    endTime: inner.until,
    interval: "PT1M",
    aggregation: "total",
    filter: filterOf(dimensions),
    top: 1000,
  });
  assert.equal(answer.length, accounts.length);
  return answer.flatMap((r) => {
    const account = accountOf(r.resourceId);
    assert.equal(r.namespace.toLowerCase(), namespace.toLowerCase());
    assert.equal(r.resourceRegion, account.location);
    assert.equal(+r.timespan.startTime, +inner.from);
    return r.metrics.map((m) => {
      assert.equal(m.errorCode, "Success");
      return { account, metric: m.id.split("/").at(-1), series: m.timeseries };
    });
  });
}

test("monitor-query-metrics: requests of several resources are the truth", async () => {
  const sums = new Map();
  for (const accounts of batches)
    for (const r of await batch(accounts, ["ModelRequests", "AzureOpenAIRequests"], byCall))
      for (const s of requestsOf(r.account).includes(r.metric) ? r.series : []) addRequests(sums, r.account, s);
  assertSame(sums, expected.genai_requests_total, "genai_requests_total");
});

test("monitor-query-metrics: tokens of several resources are the truth", async () => {
  const sums = new Map();
  for (const accounts of batches)
    for (const r of await batch(accounts, Object.keys(tokens), ["ModelDeploymentName"]))
      for (const s of tokensOf(r.account).includes(r.metric) ? r.series : []) addTokens(sums, r.account, r.metric, s);
  assertSame(sums, expected.genai_tokens_total, "genai_tokens_total");
});

test("monitor-query-metrics: resources of two regions are refused", async () => {
  const a = genai[0];
  const b = genai.find((o) => o.subscription === a.subscription && o.location !== a.location);
  const answer = batch([a, b], ["ModelRequests"], ["ModelDeploymentName"]);
  await assert.rejects(answer, { statusCode: 400, code: "BadRequest" });
});
