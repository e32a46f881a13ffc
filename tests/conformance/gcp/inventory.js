// The projects below the folder that is collected, and what the names of models mean, written a second time on purpose.
import { collect, folder, foldersClient, projectsClient } from "./cloud.js";

async function below(parent) {
  const found = await collect(projectsClient.listProjectsAsync({ parent }, { autoPaginate: false }));
  for (const f of await collect(foldersClient.listFoldersAsync({ parent }, { autoPaginate: false })))
    found.push(...(await below(f.name)));
  return found;
}

export const all = await below(folder);
export const projects = all.filter((p) => p.state === "ACTIVE");

// "gpt-oss-120b-maas" -> "gpt-oss-120b"
export const canonical = (model) => model.toLowerCase().replace(/-maas$/, "");

// An endpoint serves anything; ours say so by one of their names.
export const endpointIsOurs = (labels) =>
  /gpt-oss|openai/i.test(`${labels.model_display_name ?? ""} ${labels.endpoint_display_name ?? ""}`);

export const identity = (project, { location = "", resource = "", deployment = "", model = "" }) => ({
  cloud: "gcp",
  account: project.projectId,
  cloud_region: location,
  platform: "vertex_ai",
  resource,
  deployment,
  model: canonical(model),
});

const operations = {
  ChatCompletions: "chat",
  GenerateContent: "generate_content",
  StreamGenerateContent: "generate_content",
  EmbedContent: "embeddings",
  Embeddings: "embeddings",
};
export const operationOf = (method) => operations[method] ?? method.toLowerCase();

export function outcomeOf(code) {
  if (code === "429") return "throttled";
  return { 2: "success", 4: "client_error", 5: "server_error" }[code[0]] ?? "unknown";
}
