// An HTTP server, reached over standard streams: node uplink.mjs FOLDER URL
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, url] = process.argv.slice(2);
const require = createRequire(folder + "/package.json");
const load = (name) => import(pathToFileURL(require.resolve("@modelcontextprotocol/sdk/" + name)).href);
const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");
const { StdioServerTransport } = await load("server/stdio.js");

const outside = new StreamableHTTPClientTransport(new URL(url));
const inside = new StdioServerTransport();
inside.onmessage = (message) => outside.send(message).catch((error) => console.error(`uplink: ${error}`));
outside.onmessage = (message) => {
  if (message.result?.protocolVersion) outside.setProtocolVersion(message.result.protocolVersion);
  inside.send(message);
};
await outside.start();
await inside.start();
process.stdin.on("end", () => process.exit(0));
