// The official TypeScript clients: makes the calls of a script, prints each answer.
//
// node client.mjs FOLDER PACKAGE ERA SCRIPT CMD...   PACKAGE is "client" (version 2) or "sdk" (version 1); ERA is
// "handshake", or "probe" for a client that asks first whether the server speaks the stateless revision.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, wanted, era, script, command, ...args] = process.argv.slice(2);
const require = createRequire(folder + "/package.json");
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const [{ Client }, { StdioClientTransport }] =
  wanted === "sdk"
    ? [await load("@modelcontextprotocol/sdk/client/index.js"), await load("@modelcontextprotocol/sdk/client/stdio.js")]
    : [await load("@modelcontextprotocol/client"), await load("@modelcontextprotocol/client/stdio")];

const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
const options = { capabilities };
if (era === "probe") options.versionNegotiation = { mode: "auto" };
const client = new Client({ name: "parts", version: "1.0.0" }, options);
const answers = {
  "sampling/createMessage": { role: "assistant", content: { type: "text", text: "sampled" }, model: "m" },
  "elicitation/create": { action: "accept", content: { name: "n", check: true } },
  "roots/list": { roots: [{ uri: "file:///roots/one", name: "one" }] },
};
if (wanted === "sdk") {
  const types = await load("@modelcontextprotocol/sdk/types.js");
  client.setRequestHandler(types.CreateMessageRequestSchema, () => answers["sampling/createMessage"]);
  client.setRequestHandler(types.ElicitRequestSchema, () => answers["elicitation/create"]);
  client.setRequestHandler(types.ListRootsRequestSchema, () => answers["roots/list"]);
} else {
  for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(method, () => answer);
}

const perform = {
  "tools/list": () => client.listTools(),
  "tools/call": (name, given = {}, progress = false) => {
    const more = progress ? { onprogress: () => {} } : {};
    const params = { name, arguments: given };
    return wanted === "sdk" ? client.callTool(params, undefined, more) : client.callTool(params, more);
  },
  "resources/list": () => client.listResources(),
  "resources/templates/list": () => client.listResourceTemplates(),
  "resources/read": (uri) => client.readResource({ uri }),
  "resources/subscribe": (uri) => client.subscribeResource({ uri }),
  "prompts/list": () => client.listPrompts(),
  "prompts/get": (name, given) => client.getPrompt({ name, arguments: given }),
  "completion/complete": (ref, argument) => {
    const [name, value] = Object.entries(argument)[0];
    return client.complete({ ref, argument: { name, value } });
  },
  "logging/setLevel": (level) => client.setLoggingLevel(level),
  ping: () => client.ping(),
};

await client.connect(new StdioClientTransport({ command, args, env: process.env, stderr: "inherit" }));
for (const [method, ...given] of JSON.parse(readFileSync(script, "utf8"))) {
  let shown;
  try {
    shown = await perform[method](...given);
  } catch (error) {
    shown = { error: `${error.name}: ${error.message}`, code: error.code, data: error.data };
  }
  console.log(JSON.stringify([method, shown]));
}
await client.close();
