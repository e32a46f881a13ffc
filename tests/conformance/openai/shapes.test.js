// Every answer against the shapes that the newest release of the library declares: each answer becomes a literal of the
// declared type, and TypeScript says what is missing, what is of another type, and what is too much.
import assert from "node:assert/strict";
import { test } from "node:test";
import path from "node:path";
import ts from "typescript";
import { collect, history, organization, raw } from "./cloud.js";

const here = import.meta.dirname;
const file = path.join(here, "answers.ts");
const admin = "openai-newest/resources/admin/organization";
const options = { strict: true, noEmit: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022, types: [],
                  module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };

// What is wrong with [{path, type, text}]; types are names of `imports`.
function complaints(imports, answers) {
  const source = [imports, ...answers.map((a, i) => `const a${i}: ${a.type} = ${a.text};`)].join("\n");
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? source : readFile(name));
  host.getSourceFile = (name, version, ...rest) =>
    name === file ? ts.createSourceFile(name, source, version, true) : getSourceFile.call(host, name, version, ...rest);
  return ts.getPreEmitDiagnostics(ts.createProgram([file], options, host)).map((d) => {
    const text = ts.flattenDiagnosticMessageText(d.messageText, "\n");
    const line = d.file && d.start !== undefined ? d.file.getLineAndCharacterOfPosition(d.start).line : 0;
    return `${d.file?.fileName === file ? answers[line - imports.split("\n").length]?.path : d.file?.fileName}: ${text}`;
  });
}

// One line each, so that a complaint's line names its answer.
async function ask(answers) {
  for (const a of answers) {
    const { status, headers, text } = await raw(a.path);
    assert.equal(status, a.status ?? 200, `${a.path}: ${text.slice(0, 300)}`);
    assert.match(headers.get("content-type"), /^application\/json/);
    a.text = (a.strip ? JSON.stringify(a.strip(JSON.parse(text))) : text).replaceAll("\n", " ");
  }
  return answers;
}

const types = {
  completions: "Completions", embeddings: "Embeddings", moderations: "Moderations", images: "Images",
  audio_speeches: "AudioSpeeches", audio_transcriptions: "AudioTranscriptions", vector_stores: "VectorStores",
  code_interpreter_sessions: "CodeInterpreterSessions", file_search_calls: "FileSearchCalls", web_search_calls: "WebSearchCalls",
};

test("the checker itself finds what is missing, wrong or too much", () => {
  const imports = `import type { UsageImagesResponse } from "${admin}/usage";`;
  const page = (result) => ({
    path: "made up",
    type: "UsageImagesResponse",
    text: JSON.stringify({ object: "page", has_more: false, next_page: null,
                           data: [{ object: "bucket", start_time: 0, end_time: 60, results: [result] }] }),
  });
  const good = { object: "organization.usage.images.result", images: 1, num_model_requests: 1 };
  assert.deepEqual(complaints(imports, [page(good)]), []);
  assert.match(complaints(imports, [page({ ...good, images: undefined })])[0], /^made up: .*images/s);
  assert.match(complaints(imports, [page({ ...good, images: "1" })])[0], /string/);
  assert.match(complaints(imports, [page({ ...good, sices: null })])[0], /sices/);
});

test("usage and costs, grouped by all and by nothing", async () => {
  const times = `start_time=${history.from}&end_time=${history.until}`;
  const groups = { completions: ["project_id", "user_id", "api_key_id", "model", "batch", "service_tier"],
                   images: ["model", "size", "source"], vector_stores: ["project_id"], code_interpreter_sessions: ["project_id"],
                   file_search_calls: ["vector_store_id", "user_id"], web_search_calls: ["context_level", "model"] };
  const answers = [];
  for (const [kind, type] of Object.entries(types)) {
    const by = (groups[kind] ?? ["project_id", "user_id", "api_key_id", "model"]).map((g) => `&group_by[]=${g}`).join("");
    for (const query of [`bucket_width=1d`, `bucket_width=1h${by}`, `bucket_width=1m&limit=3${by}`])
      answers.push({ path: `/organization/usage/${kind}?${times}&${query}`, type: `Usage${type}Response` });
  }
  for (const query of ["", "&group_by[]=line_item", "&group_by[]=project_id&group_by[]=line_item&group_by[]=api_key_id"])
    answers.push({ path: `/organization/costs?start_time=${history.from}${query}`, type: "UsageCostsResponse" });
  const names = [...Object.values(types), "Costs"].map((t) => `Usage${t}Response`).join(", ");
  await ask(answers);
  assert.ok(answers.every((a) => JSON.parse(a.text).data.length > 0 || a.path.includes("1m")));
  assert.deepEqual(complaints(`import type { ${names} } from "${admin}/usage";`, answers), []);
});

test("projects, rate limits, keys and users", async () => {
  const imports = [
    `import type { Project } from "${admin}/projects/projects";`,
    `import type { ProjectRateLimit } from "${admin}/projects/rate-limits";`,
    `import type { ProjectAPIKey } from "${admin}/projects/api-keys";`,
    `import type { OrganizationUser } from "${admin}/users/users";`,
    `type List<T> = { object: "list"; data: T[]; first_id: string | null; last_id: string | null; has_more: boolean };`,
  ].join("\n");
  const answers = [
    { path: "/organization/projects?include_archived=true&limit=100", type: "List<Project>" },
    { path: "/organization/users", type: "List<OrganizationUser>" },
  ];
  for (const p of await collect(organization.projects.list({ include_archived: true })))
    answers.push(
      { path: `/organization/projects/${p.id}`, type: "Project" },
      { path: `/organization/projects/${p.id}/rate_limits`, type: "List<ProjectRateLimit>" },
      { path: `/organization/projects/${p.id}/api_keys`, type: "List<ProjectAPIKey>" },
    );
  assert.deepEqual(complaints(imports, await ask(answers)), []);
});

// The service tells more of a session than the library declares, and one type here is one that nobody knows yet.
function declared(list) {
  for (const e of list.data) {
    if (e.actor?.session) {
      const { user, ip_address, ...more } = e.actor.session;
      assert.deepEqual(Object.keys(more), ["user_agent", "ja3", "ja4", "ip_address_details"]);
      e.actor.session = { user, ip_address };
    }
  }
  return { ...list, data: list.data.filter((e) => e.type !== "agent_fleet.paused") };
}

test("audit logs", async () => {
  const imports = [
    `import type { AuditLogListResponse } from "${admin}/audit-logs";`,
    `type List<T> = { object: "list"; data: T[]; first_id: string | null; last_id: string | null; has_more: boolean };`,
  ].join("\n");
  const answers = ["", "&tenant_only=true", "&event_types[]=login.failed", "&effective_at[lt]=0"].map((query) => ({
    path: `/organization/audit_logs?limit=100${query}`,
    type: "List<AuditLogListResponse>",
    strip: declared,
  }));
  await ask(answers);
  assert.ok(JSON.parse(answers[0].text).data.length > 20 && JSON.parse(answers[3].text).data.length === 0);
  assert.deepEqual(complaints(imports, answers), []);
});

test("refusals", async () => {
  const type = "{ error: { message: string; type: string; param: string | null; code: string | null } }";
  const answers = [
    { path: "/organization/usage/completions", status: 400, type },
    { path: "/organization/costs?start_time=1&limit=181", status: 400, type },
    { path: "/organization/nothing", status: 404, type },
  ];
  assert.deepEqual(complaints("", await ask(answers)), []);
});
