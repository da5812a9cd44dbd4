import { Writable } from 'node:stream';
import type { Context } from '../context.ts';
import { messageOf, usageError } from '../errors.ts';
import { toJson } from '../output/json.ts';
import type { Stream } from '../output/terminal.ts';
import type { ReportData } from '../report.ts';
import { tools } from './tools.ts';

declare const DBOPS_VERSION: string | undefined;
const version = typeof DBOPS_VERSION === 'string' ? DBOPS_VERSION : '0.0.0-source';

/**
 * Serves the tools until the client closes stdin, or dbops is interrupted. Calls run one after another: an
 * embedded database has one session, and two replays at once need twice the memory.
 *
 * @throws usage error where the SDK is not installed, or where there is no stdin to serve
 */
export async function serveTools({ io, signal, otherCommands, note }: Context): Promise<void> {
  const stdin = io.stdin.open?.();
  if (!stdin || !otherCommands)
    throw usageError(
      'MCP.NO_STDIN',
      'dbops mcp serves a client on stdin and stdout, and the API has neither.',
      'Start the program: dbops mcp',
    );
  const { McpServer, StdioServerTransport } = await loadSdk();
  if (io.stdin.isTTY) note('Serving MCP on stdin and stdout. Press Ctrl-C to stop.');
  const server = new McpServer({ name: 'dbops', version });
  const inTurn = queue();
  for (const tool of tools.filter(({ words }) => otherCommands.words.includes(words))) {
    const { name, title, description, input: inputSchema } = tool;
    const annotations = { readOnlyHint: true, openWorldHint: false };
    const answer = (given: unknown, cancelled: AbortSignal) =>
      inTurn(async () => {
        const stop = AbortSignal.any([signal, cancelled]);
        return resultOf(await otherCommands.run(tool.words, tool.flagsOf(given), stop));
      });
    const about = { title, description, inputSchema, annotations };
    server.registerTool(name, about, (given, { mcpReq }) => answer(given, mcpReq.signal));
  }
  const closed = new Promise<void>((resolve) => {
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK's server is no EventTarget
    server.server.onclose = resolve;
  });
  await server.connect(new StdioServerTransport(stdin, writableOf(io.stdout)));
  const close = () => void server.close();
  if (signal.aborted) close();
  signal.addEventListener('abort', close, { once: true });
  await closed;
  signal.removeEventListener('abort', close);
  stdin.destroy();
}

/** Returns a stream in front of stdout, which carries messages of the protocol alone. */
function writableOf(stdout: Stream): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, written) {
      stdout.write(chunk.toString());
      written();
    },
  });
}

/** Returns the document as text, which keeps all digits of large integers. */
function resultOf(document: ReportData) {
  const content = [{ type: 'text' as const, text: toJson(document) }];
  return 'error' in document ? { content, isError: true } : { content };
}

/** Returns a function that runs one piece of work after the other. */
function queue() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next;
    return next;
  };
}

/** The SDK is an optional peer dependency: most projects never start the server. */
async function loadSdk() {
  try {
    const [{ McpServer }, { StdioServerTransport }] = await Promise.all([
      import('@modelcontextprotocol/server'),
      import('@modelcontextprotocol/server/stdio'),
    ]);
    return { McpServer, StdioServerTransport };
  } catch (error) {
    throw usageError(
      'MCP.SDK_MISSING',
      'The package @modelcontextprotocol/server cannot be loaded.',
      'Install it beside dbops: npm install --save-dev @modelcontextprotocol/server@2',
      [messageOf(error).split('\n')[0] ?? ''],
    );
  }
}
