import { splitStatements } from '../../src/sql/statements.ts';
import { checks } from '../../src/verify/checks/index.ts';
import { catalogueGroups, type Check } from '../../src/verify/definition.ts';
import type { CatalogueExample } from './catalogue-examples/example.ts';
import { catalogueExamples } from './catalogue-examples/index.ts';

const head = `# Checks

The checks of the groups ${catalogueGroups.map((group) => `\`${group}\``).join(', ')} of [\`dbops verify\`](verify.md). This page is generated
from the checks and their tests; \`dbops verify --explain CHECK\` prints the same about one, and \`dbops verify --list\`
lists them. A *static* check also checks a replay of the folder, without a database; a *live* one needs a database.

Errors are wrong answers or lost data now, warnings will hurt, info is advice, which does not fail the command by
default. A check that cannot be answered is the finding \`not-checked\`.
`;

/** Returns docs/checks.md. */
export async function checksPage(): Promise<string> {
  const groups = catalogueGroups.map((group) => ({
    group,
    ofGroup: checks.filter((check) => check.group === group),
  }));
  const sections = [head];
  for (const { group, ofGroup } of groups.filter((each) => each.ofGroup.length > 0)) {
    sections.push(`## ${group[0]?.toUpperCase()}${group.slice(1)}\n`, overviewOf(ofGroup));
    for (const check of ofGroup) sections.push(await sectionOf(check));
  }
  return sections.join('\n');
}

function overviewOf(ofGroup: readonly Check[]): string {
  const rows = ofGroup.map(
    ({ name, severity, isStatic, summary }) =>
      `| [\`${name}\`](#${name}) | ${severity} | ${isStatic ? 'static' : 'live'} | ${summary} |`,
  );
  return ['| check | severity | runs | asserts |', '|---|---|---|---|', ...rows, ''].join('\n');
}

async function sectionOf(check: Check): Promise<string> {
  const { name, severity, isStatic, summary, harm, cure, limits, example } = check;
  const all = catalogueExamples[name] ?? [];
  const [bad] = all.filter(({ finds }) => finds.some((key) => key.startsWith(`${name}:`)));
  const [good] = all.filter(({ finds }) => finds.length === 0);
  const reported = example ?? (bad && (await linesOf(bad)));
  const parts = [
    `### ${name}\n`,
    `${summary} *(${severity}, ${isStatic ? 'static' : 'live'})*\n`,
    `- **Why it matters**: ${harm}`,
    `- **How to correct it**: ${cure}`,
    `- **Limits**: ${limits}\n`,
    ...(reported === undefined ? [] : [fenced('Reported', reported)]),
    ...(good ? [fenced(`Not reported: ${good.title}`, await linesOf(good))] : []),
  ];
  return parts.join('\n');
}

function fenced(title: string, sql: string): string {
  return `${title}:\n\n\`\`\`sql\n${sql}\n\`\`\`\n`;
}

/** One statement a line, without the blocks that create what a platform has. */
async function linesOf({ sql }: CatalogueExample): Promise<string> {
  const statements = await splitStatements(sql);
  const shown = statements.map((statement) => statement.sql.replaceAll(/\s+/g, ' ').trim());
  return shown
    .filter((statement) => !statement.startsWith('DO '))
    .map((statement) => `${statement};`)
    .join('\n');
}
