// Log entries with their audit records. Over REST the library turns a protoPayload into bytes of a message that it has to
// know: Google's own definition is put beside those that it has.
import protobuf from "protobufjs";
import protos from "google-proto-files";
import { collect, logging } from "./cloud.js";

const NAME = "google.cloud.audit.AuditLog";

const known = new protobuf.Root();
known.resolvePath = (_, target) => (target.startsWith("/") ? target : protos.getProtoPath("..", target));
known.loadSync(["google/cloud/audit/audit_log.proto", "google/iam/v1/logging/audit_data.proto"]);

function proto3(json) {
  const nested = Object.entries(json.nested ?? {}).map(([name, one]) => [name, proto3(one)]);
  return { ...json, edition: "proto3", ...(nested.length && { nested: Object.fromEntries(nested) }) };
}

function addMissing(into, json) {
  for (const [name, one] of Object.entries(json.nested ?? {})) {
    const there = into.get(name);
    if (!there) into.addJSON({ [name]: proto3(one) });
    else if (one.nested && !one.fields) addMissing(there, one);
  }
}

// The library for one project, with a service that knows audit records.
export function library(projectId) {
  const found = logging(projectId);
  const { loggingService: service } = found;
  if (!service._protos.lookup(NAME)) addMissing(service._protos, known.toJSON());
  found.api.LoggingServiceV2Client = service; // it would make another one
  return found;
}

export const reader = (projectId) => library(projectId).loggingService;

const instant = (t) => `${t.seconds}.${String(t.nanos).padStart(9, "0")}`;

// Each entry once, with `audit` decoded.
export async function entries(projectId, filter, more) {
  const service = reader(projectId);
  const type = service._protos.lookupType(NAME);
  const ask = { resourceNames: [`projects/${projectId}`], filter, pageSize: 1000, orderBy: "timestamp asc", ...more };
  const found = new Map();
  for (const e of await collect(service.listLogEntriesAsync(ask, { autoPaginate: false }))) {
    const id = [e.logName, instant(e.timestamp), e.insertId].join(" ");
    found.set(id, { ...e, at: instant(e.timestamp), audit: e.protoPayload && type.decode(e.protoPayload.value) });
  }
  return [...found.values()];
}
