import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { defineConfig } from 'vitepress';

const root = resolve(import.meta.dirname, '../..');
const repository = 'https://github.com/dbops/dbops';

const page = (text, name) => ({ text, link: `/${name}` });

/** The commands of the built program, by noun. */
function commandPages() {
  const help = execFileSync(process.execPath, [`${root}/bin/dbops.cjs`, 'help', '--json']);
  return JSON.parse(help).commands.map(({ words }) =>
    page(`dbops ${words}`, `commands/${words.replaceAll(' ', '-')}`),
  );
}

/** Links of a page to files outside of docs/ lead to the repository. */
function linkToRepository(markdown) {
  markdown.core.ruler.push('links-to-repository', ({ tokens, env }) => {
    if (env.relativePath?.includes('/')) return;
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? (token.attrGet('href') ?? '') : '';
      if (href.startsWith('../')) token.attrSet('href', `${repository}/blob/main/${href.slice(3)}`);
    }
  });
}

export default defineConfig({
  title: 'dbops',
  description:
    'Operates the Postgres behind a SaaS: migrations, backfills, seeds, checks and reports.',
  cleanUrls: true,
  lastUpdated: false,
  ignoreDeadLinks: false,
  outDir: '../.site',
  cacheDir: '../node_modules/.cache/vitepress',
  markdown: { config: linkToRepository },
  themeConfig: {
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
    nav: [
      page('Get started', 'getting-started'),
      page('Commands', 'usage'),
      page('Checks', 'checks'),
    ],
    outline: [2, 3],
    sidebar: [
      {
        text: 'Start',
        items: [
          page('Get started', 'getting-started'),
          page('Configuration', 'configuration'),
          page('Formats', 'formats'),
          page('Your schema', 'your-schema'),
          page('Examples', 'examples'),
          page('Comparison', 'comparison'),
          page('Glossary', 'glossary'),
        ],
      },
      {
        text: 'Migrations',
        items: [
          page('Apply and create', 'migrate'),
          page('Roll back', 'rollback'),
          page('Rescued rows', 'rescue'),
          page('Baseline', 'baseline'),
          page('Squash', 'squash'),
          page('Repair the tracking table', 'repair-tracking'),
          page('Schema file', 'schema'),
          page('Backfills', 'backfill'),
        ],
      },
      {
        text: 'Checks, data and reports',
        items: [
          page('Plan migrations', 'plan'),
          page('Verify a database', 'verify'),
          page('Check a folder', 'check'),
          page('List of checks', 'checks'),
          page('Seeds', 'seed'),
          page('Reports', 'report'),
        ],
      },
      {
        text: 'Automation',
        items: [
          page('Continuous integration', 'ci'),
          page('Deployment', 'deploy'),
          page('API', 'api'),
          page('JSON', 'json'),
          page('Exit codes', 'exit-codes'),
          page('AI assistants (MCP)', 'mcp'),
          page('Agents and scripts', 'agents'),
          page('Completion and manual page', 'completion'),
        ],
      },
      {
        text: 'Commands',
        collapsed: true,
        items: [page('All commands', 'usage'), ...commandPages()],
      },
      { text: 'Internals', items: [page('Architecture', 'architecture')] },
    ],
  },
});
