import { defineCommand } from '../command.ts';
import { none } from '../flags.ts';
import { serveTools } from '../mcp/serve.ts';
import { done, type Report } from '../report.ts';

export const command = defineCommand({
  description:
    'Serves read-only tools (status, verify, repair verdicts, reports) to AI assistants over the Model Context Protocol on stdin and stdout. Needs the package @modelcontextprotocol/server. No tool changes a database or a file of the project.',
  examples: [
    'dbops mcp',
    'dbops mcp --env-file .env.staging',
    'dbops mcp --config apps/api/dbops.config.ts',
  ],
  flags: none,
  async run(context): Promise<Report> {
    await serveTools(context);
    return { ...done({}), isPrinted: true };
  },
});
