// Usage, costs, inventory and audit logs as the library reads them are what /truth tells.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { account, add, assertSame, collect, organization, truth, usage } from "./cloud.js";

const kinds = {
  completions: "chat",
  embeddings: "embeddings",
  moderations: "moderation",
  images: "image.generation",
  audioSpeeches: "audio.speech",
  audioTranscriptions: "audio.transcription",
};
const parts = {
  cache_read: ["input_cached_tokens"],
  cache_write: ["input_cache_write_tokens"],
  audio_input: ["input_audio_tokens", "input_cached_audio_tokens"],
  audio_output: ["output_audio_tokens"],
  image_input: ["input_image_tokens", "input_cached_image_tokens"],
  image_output: ["output_image_tokens"],
};

let known, projects;
before(async () => {
  known = await truth();
  projects = new Map((await collect(organization.projects.list({ include_archived: true, limit: 100 }))).map((p) => [p.id, p]));
});

const region = (project) => projects.get(project)?.residency.split("_")[0].toLowerCase() ?? "";
const model = (name) => name.replace(/-\d{4}-\d\d-\d\d$/, "");
const identity = (r) => ({
  cloud: "openai",
  account,
  cloud_region: region(r.project_id),
  platform: "openai_api",
  resource: r.project_id,
  deployment: "",
  model: model(r.model),
});
const tier = (r) => (r.batch ? "batch" : r.service_tier ?? "");

test("requests, tokens and parts of all kinds, by the minute", async () => {
  const requests = new Map(), tokens = new Map(), pieces = new Map();
  for (const [kind, operation] of Object.entries(kinds)) {
    const group_by = ["project_id", "model", ...(kind === "completions" ? ["batch", "service_tier"] : [])];
    for (const r of await usage(kind, { bucket_width: "1m", limit: 100, group_by })) {
      const of = { ...identity(r), tier: tier(r) };
      add(requests, { ...of, operation, outcome: "unknown", code: "" }, r.num_model_requests);
      add(tokens, { ...of, direction: "input" }, r.input_tokens);
      add(tokens, { ...of, direction: "output" }, r.output_tokens);
      for (const [part, members] of Object.entries(parts))
        for (const m of members) add(pieces, { ...of, part }, r[m]);
    }
  }
  assertSame(requests, known.genai_requests_total, "requests");
  assertSame(tokens, known.genai_tokens_total, "tokens");
  assertSame(pieces, known.genai_token_parts_total, "parts of tokens");
});

test("callers, by the hour", async () => {
  const calls = new Map(), tokens = new Map();
  for (const kind of Object.keys(kinds)) {
    for (const r of await usage(kind, { bucket_width: "1h", limit: 2, group_by: ["user_id", "api_key_id", "model"] })) {
      const of = { cloud: "openai", account, model: model(r.model), caller: r.user_id ?? r.api_key_id };
      add(calls, of, r.num_model_requests);
      add(tokens, of, (r.input_tokens ?? 0) + (r.output_tokens ?? 0));
    }
  }
  assertSame(calls, known.genai_caller_calls_total, "calls by caller");
  assertSame(tokens, known.genai_caller_tokens_total, "tokens by caller");
});

test("costs, by the day", async () => {
  const directions = { input: "input", "cached input": "input", cached_input: "input", "cache write": "input", output: "output" };
  const today = Math.floor(Date.now() / 86400000);
  const sums = new Map();
  const results = await usage("costs", {
    start_time: (today - 3) * 86400,
    end_time: undefined,
    limit: 2,
    group_by: ["project_id", "line_item"],
  });
  for (const r of results) {
    const at = r.line_item.lastIndexOf(", ");
    const direction = directions[r.line_item.slice(at + 2)] ?? "";
    const of = identity({ project_id: r.project_id ?? "", model: direction && at >= 0 ? r.line_item.slice(0, at) : "" });
    const day_offset = String(today - r.start_time / 86400);
    add(sums, { ...of, direction, currency: r.amount.currency.toUpperCase(), day_offset }, r.amount.value);
  }
  assertSame(sums, known.genai_billed_cost, "costs");
});

test("audit logs of both listings, each event once", async () => {
  const events = new Map();
  for (const query of [{}, { tenant_only: true }])
    for (const e of await collect(organization.auditLogs.list({ limit: 17, ...query }))) events.set(e.id, e);
  const sums = new Map();
  for (const e of events.values()) {
    const outcome = e.type.endsWith(".failed") ? "failure" : "success";
    add(sums, { cloud: "openai", account, action: e.type, outcome }, 1);
  }
  assertSame(sums, known.genai_audit_events_total, "audit events");
});

test("every model that was used has a rate limit, every key an owner", async () => {
  const used = new Set();
  for (const kind of Object.keys(kinds))
    for (const r of await usage(kind, { bucket_width: "1d", group_by: ["project_id", "model", "api_key_id"] }))
      used.add(`${r.project_id} ${r.model}`);
  const users = new Set((await collect(organization.users.list())).map((u) => u.id));
  for (const id of projects.keys()) {
    const limits = await collect(organization.projects.rateLimits.listRateLimits(id));
    for (const l of limits) used.delete(`${id} ${l.model}`);
    assert.ok(limits.every((l) => l.max_requests_per_1_minute > 0));
    for (const k of await collect(organization.projects.apiKeys.list(id)))
      assert.ok(k.owner.type === "service_account" ? k.owner.service_account.id : users.has(k.owner.user.id));
  }
  assert.equal(used.size, 0);
});

test("an archived project is listed when it is asked for", async () => {
  const listed = await collect(organization.projects.list());
  assert.equal(listed.length, projects.size - 1);
  const archived = [...projects.values()].filter((p) => p.status === "archived");
  assert.equal(archived.length, 1);
  assert.equal((await organization.projects.retrieve(archived[0].id)).archived_at, archived[0].archived_at);
});
