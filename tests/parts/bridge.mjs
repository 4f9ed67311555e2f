// A server over standard streams, reached over HTTP: one process of the command for each session.
//
// node bridge.mjs FOLDER CMD...    prints its URL
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, command, ...args] = process.argv.slice(2);
const require = createRequire(folder + "/package.json");
const load = (name) => import(pathToFileURL(require.resolve("@modelcontextprotocol/sdk/" + name)).href);
const { StreamableHTTPServerTransport } = await load("server/streamableHttp.js");
const { StdioClientTransport } = await load("client/stdio.js");

const sessions = new Map();

async function open(host) {
  const outside = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, outside),
    enableDnsRebindingProtection: true,
    allowedHosts: [host],
    allowedOrigins: [`http://${host}`],
  });
  const inside = new StdioClientTransport({ command, args, env: process.env, stderr: "inherit" });
  const asked = [];
  outside.onmessage = (message) => {
    if (message.method !== undefined && message.id !== undefined) asked.push(message.id);
    inside.send(message).catch(() => {});
  };
  inside.onmessage = (message) => {
    // What comes unasked belongs to the request that is open: its stream is there, others may not be yet.
    const related = message.method === undefined ? undefined : asked.at(-1);
    if (message.method === undefined) asked.splice(asked.indexOf(message.id), 1);
    outside.send(message, { relatedRequestId: related }).catch((error) => console.error(`bridge: ${error}`));
  };
  outside.onclose = () => inside.close();
  inside.onclose = () => outside.close();
  await outside.start();
  await inside.start();
  return outside;
}

const server = createServer(async (request, response) => {
  const known = sessions.get(request.headers["mcp-session-id"]);
  const host = `127.0.0.1:${server.address().port}`;
  await (known ?? (await open(host))).handleRequest(request, response);
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/mcp`));
