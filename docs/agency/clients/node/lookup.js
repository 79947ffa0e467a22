// The first lookup of an agency's system. Usage: node lookup.js PERSON [FIELDS]
import { randomUUID, X509Certificate, createHash, createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { SignJWT } from "jose";
import protobuf from "protobufjs";

const SYSTEM = "H26/one-stop";
const folder = process.env.DIR;
const endpoints = JSON.parse(readFileSync(join(folder, "endpoints.json"), "utf8"));
const files = endpoints.systems[SYSTEM];
const read = (file) => readFileSync(join(folder, file));

const DEADLINE_MS = 5_000;
const ATTEMPTS_MAX = 3;
const PAUSE_MS_MAX = 10_000;
// What may be asked again as it is. Everything else stays as it is until somebody has acted.
const REPEAT = new Set([
  "DEADLINE_PASSED",
  "GATEWAY_BUSY",
  "LEDGER_UNAVAILABLE",
  "MESSAGE_LATE",
  "PROVIDER_BROKE_OFF",
  "PROVIDER_BUSY",
  "PROVIDER_SILENT",
  "PROVIDER_UNREACHABLE",
  "RATE_EXCEEDED",
  "TOKEN_EXPIRED",
]);

// The details of an error, by their public definitions.
const { root: details } = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message LocalizedMessage { string locale = 1; string message = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
`);

/** No answer came, and this is why. */
class Refused extends Error {
  constructor(error) {
    super(error.details);
    this.status = grpc.status[error.code];
    // The details of the gateway. A reason is absent where the gateway was not reached.
    Object.assign(this, { reason: "none", vietnamese: "", record: "none", waitMs: 0 });
    const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
    if (!packed) return;
    for (const { typeUrl, value } of details.lookupType("google.rpc.Status").decode(packed).details) {
      const name = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
      const detail = details.lookup(name)?.decode(value);
      if (name === "google.rpc.ErrorInfo" && detail.domain === "motlan") {
        this.reason = detail.reason;
        this.record = detail.metadata.record ?? "none";
      } else if (name === "google.rpc.LocalizedMessage") {
        this.vietnamese = detail.message;
      } else if (name === "google.rpc.RetryInfo") {
        this.waitMs = Number(detail.retryDelay.seconds) * 1000 + detail.retryDelay.nanos / 1e6;
      }
    }
  }

  get mayRepeat() {
    const unreached = this.reason === "none" && this.status === "UNAVAILABLE";
    return unreached || REPEAT.has(this.reason);
  }
}

/** The official's statement of why, signed by this system and bound to its certificate. */
function token(official, procedure, dossier) {
  const certificate = new X509Certificate(read(files.cert));
  const thumbprint = createHash("sha256").update(certificate.raw).digest("base64url");
  return new SignJWT({ cnf: { "x5t#S256": thumbprint }, purpose: { procedure, dossier } })
    // `EdDSA` where an Ed25519 key is registered.
    .setProtectedHeader({ alg: "ES256", kid: files.token_kid, typ: "JWT" })
    .setIssuer(SYSTEM)
    .setSubject(official)
    .setAudience(endpoints.audience)
    .setIssuedAt()
    .setExpirationTime("5m")
    .setJti(randomUUID())
    .sign(createPrivateKey(read(files.token_key)));
}

/** One channel serves many calls. Keep it open. */
function connect() {
  const contracts = loadSync("vn/population/v1/population.proto", {
    includeDirs: [process.env.PROTO],
    keepCase: true,
    defaults: false,
  });
  const { PopulationRegistry } = grpc.loadPackageDefinition(contracts).vn.population.v1;
  const credentials = grpc.credentials.createSsl(read(endpoints.ca), read(files.key), read(files.cert));
  return new PopulationRegistry(endpoints.gateway, credentials);
}

/** One attempt: a lookup of its own, with a record of its own. */
function ask(registry, request, metadata) {
  return new Promise((resolve, reject) => {
    let answer;
    const deadline = Date.now() + DEADLINE_MS;
    const call = registry.GetPerson(request, metadata, { deadline }, (error, message) => {
      if (error) reject(new Refused(error));
      answer = message;
    });
    // The trailers come at the end, after the message.
    call.on("status", (status) => status.code === grpc.status.OK && resolve([answer, status.metadata]));
  });
}

/** The person and the trailers, or a Refused. */
async function lookUp(registry, person, fields) {
  for (let attempt = 1; ; attempt += 1) {
    const metadata = new grpc.Metadata();
    const bearer = await token("canbo.0042", "1.004222", "000.00.00.H26-261122-0001");
    metadata.set("authorization", `Bearer ${bearer}`);
    if (fields) metadata.set("motlan-fields", fields);
    try {
      return await ask(registry, { personal_id: person }, metadata);
    } catch (refused) {
      const pause = Math.max(refused.waitMs ?? 0, 200 * 2 ** attempt * (0.5 + Math.random() / 2));
      if (!refused.mayRepeat || attempt === ATTEMPTS_MAX || pause > PAUSE_MS_MAX) throw refused;
      console.error(`attempt ${attempt}: ${refused.status}, again in a moment`);
      await sleep(pause);
    }
  }
}

const [person, fields] = process.argv.slice(2);
const registry = connect();
try {
  const [answer, trailers] = await lookUp(registry, person, fields);
  // What was not given is not set.
  const { date_of_birth: born, permanent_residence: home } = answer;
  console.log(`name: ${answer.full_name}`);
  console.log(`born: ${born ? `${born.year}-${born.month}-${born.day}` : ""}`);
  console.log(`province: ${home?.province_name ?? ""}`);
  console.log(`record: ${trailers.get("motlan-record")}`);
  console.log(`withheld: ${trailers.get("motlan-withheld")}`);
  console.log(`as of: ${trailers.get("motlan-as-of")}`);
} catch (refused) {
  if (!(refused instanceof Refused)) throw refused;
  console.log(`refused: ${refused.status} ${refused.reason}`);
  console.log(`message: ${refused.message}`);
  console.log(`vi: ${refused.vietnamese}`);
  console.log(`record: ${refused.record}`);
  process.exitCode = 1;
} finally {
  registry.close();
}
