// Errors of the simulated APIs as the official clients understand them: what they wait for, repeat and report. Faults
// are in force for the whole of cloudsim, so `run` runs one file of tests at a time.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { LogsQueryClient, LogsQueryResultStatus } from "@azure/monitor-query-logs";
import { MetricsClient } from "@azure/monitor-query-metrics";
import { collect, control, credential, history, inner, logs, metricsEndpoint, workspaces } from "./cloud.js";
import { clientFor, genai } from "./inventory.js";

const account = genai[0];
const deployments = () => collect(clientFor(account.subscription).deployments.list(account.group, account.name));
const faults = (method, body) => fetch(`${control}/faults`, { method, body: body && JSON.stringify(body) });

async function fault(body) {
  assert.ok((await faults("POST", body)).ok);
}

afterEach(async () => assert.ok((await faults("DELETE")).ok));

function queryLogs(query) {
  const client = new LogsQueryClient(credential, { endpoint: `${logs}/v1`, retryOptions: { maxRetries: 0 } });
  return client.queryWorkspace(workspaces[0], query, { startTime: history.from, endTime: history.until });
}

test("a throttled call is repeated after Retry-After", async () => {
  await fault({ api: "deployments.list", kind: "throttle", seconds: 2, for_s: 1 });
  const start = performance.now();
  assert.equal((await deployments()).length, account.deployments.length);
  assert.ok(performance.now() - start > 1900);
});

test("a call that stays throttled fails as such", async () => {
  await fault({ api: "deployments.list", kind: "throttle", seconds: 1 });
  await assert.rejects(deployments(), { statusCode: 429, code: "SubscriptionRequestsThrottled" });
});

test("a missing role is AuthorizationFailed, of logs InsufficientAccessError", async () => {
  await fault({ api: "deployments.list", kind: "deny" });
  await fault({ api: "logs.query", kind: "deny" });
  await assert.rejects(deployments(), { statusCode: 403, code: "AuthorizationFailed" });
  await assert.rejects(queryLogs("AzureDiagnostics | count"), { statusCode: 403, code: "InsufficientAccessError" });
});

test("an expired token is ExpiredAuthenticationToken", async () => {
  await fault({ api: "deployments.list", kind: "expired" });
  await assert.rejects(deployments(), { statusCode: 401, code: "ExpiredAuthenticationToken" });
});

test("a gateway's page is an error, not a list", async () => {
  await fault({ api: "deployments.list", kind: "html" });
  await assert.rejects(deployments(), { statusCode: 502 });
});

test("a partial answer of logs is a PartialFailure with rows", async () => {
  await fault({ api: "logs.query", kind: "partial" });
  const answer = await queryLogs("AzureDiagnostics | take 100 | project TimeGenerated");
  assert.equal(answer.status, LogsQueryResultStatus.PartialFailure);
  assert.equal(answer.partialError.code, "PartialError");
  assert.ok(answer.partialTables[0].rows.length > 0 && answer.partialTables[0].rows.length < 100);
});

test("a metric that fails inside a whole answer says so", async () => {
  await fault({ api: "metrics.batch", kind: "partial" });
  const client = new MetricsClient(metricsEndpoint(account.location), credential, {
    audience: "https://metrics.monitor.azure.com/.default",
  });
  const names = ["AzureOpenAIRequests", "GeneratedTokens"];
  const [answer] = await client.queryResources([account.id], names, "Microsoft.CognitiveServices/accounts", {
    startTime: inner.from,
    endTime: inner.until,
  });
  const failed = answer.metrics.filter((m) => m.errorCode !== "Success");
  assert.equal(failed.length, 1);
  assert.ok(failed[0].errorMessage);
});
