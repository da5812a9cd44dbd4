import { Help } from 'commander';
import { paintFor } from './paint.ts';
import { screenOf, type Environment, type Stream } from './terminal.ts';
import { wrapText } from './wrap.ts';

/** Where help is printed. */
interface Page {
  stdout: Stream;
  environment: Environment;
}

type OptionGroup = [heading: string, options: [notation: string, description: string][]];

/** The options that every command takes, as `dbops help options` prints them. */
export const commonOptions: OptionGroup[] = [
  [
    'Connection:',
    [
      ['--database-url <url>', 'postgres://…, pglite:DIR (embedded) or pglite:memory'],
      ['--env-file <file>', 'read variables from this file instead of .env.local and .env'],
      [
        '--wait-for-database <duration>',
        'wait at most this long until the server accepts connections (default: no wait)',
      ],
      ['--lock-timeout <duration>', 'wait at most this long for a lock (default: 2s)'],
      ['--statement-timeout <duration>', 'cancel a statement after this long (default: no limit)'],
      ['--shadow-url <url>', 'replay migrations on this server instead of the embedded one'],
    ],
  ],
  [
    'Project:',
    [
      ['--migrations <dir>', 'folder of migrations (default: detected)'],
      ['--format <name>', 'migration tool of the folder (default: detected)'],
      ['--tracking-table <name>', "[SCHEMA.]TABLE (default: the tool's own)"],
      [
        '--config <file>',
        'configuration file (default: nearest dbops.config.{ts,mts,js,mjs,json})',
      ],
    ],
  ],
  [
    'Output:',
    [
      ['--json', 'print one JSON document on stdout'],
      ['-q, --quiet', 'print less on stderr'],
      ['-v, --verbose', 'print more on stderr'],
    ],
  ],
  [
    'Safety:',
    [
      ['-y, --yes', 'answer ordinary questions with yes'],
      ['--no-input', 'never prompt'],
      [
        '--confirm <database>',
        'name the database to allow data loss or changes to a protected one',
      ],
    ],
  ],
];

/** The exit codes, as `dbops help exit-codes` prints them. */
export const exitCodeLines: [code: string, meaning: string][] = [
  ['0', 'success, or no problems found'],
  ['1', 'failed; the message says what was rolled back and what was applied'],
  ['2', 'usage or configuration error, or a declined prompt; nothing was changed'],
  ['3', 'cannot connect to the database, or it refuses the credentials or the privilege'],
  ['4', 'findings: verify, check or status found problems, or a schema file differs'],
  ['5', 'migrations are pending (migrate status --check)'],
  ['6', 'tracking table and database disagree; run dbops repair-tracking'],
  ['7', 'timed out waiting for a lock; the message names its holder'],
  ['130', 'interrupted at a safe point'],
];

export type Topic = 'options' | 'exit-codes';

/** Whether `dbops help WORD` explains a topic rather than a command. */
export function isTopic(word: string | undefined): word is Topic {
  return word === 'options' || word === 'exit-codes';
}

/** Returns the page of `dbops help options` or `dbops help exit-codes`. */
export function topicHelp(topic: Topic, io: Page): string {
  const paint = paintFor(screenOf(io.stdout, io.environment));
  const sections: OptionGroup[] =
    topic === 'options' ? commonOptions : [['Exit codes:', exitCodeLines]];
  const term = Math.max(...sections.flatMap(([, lines]) => lines.map(([name]) => name.length))) + 2;
  const indent = ' '.repeat(term + 2);
  const page = sections.map(([heading, lines]) => {
    const items = lines.map(([name, meaning]) => {
      const [first, ...rest] = wrapText(meaning, widthOf(io) - indent.length).split('\n');
      const further = rest.map((line) => `\n${indent}${line.trimStart()}`).join('');
      return `  ${paint.cyan(name)}${' '.repeat(term - name.length)}${first}${further}`;
    });
    return `${paint.bold(heading)}\n${items.join('\n')}\n`;
  });
  return page.join('\n');
}

/** Returns the end of the help of a noun. */
export function footerOfNoun(noun: string): string {
  return `\nSee dbops help ${noun} COMMAND`;
}

/** Returns the end of the help of one command: the common options in one line, and examples. */
export function footerOf(examples: readonly string[], topics?: string): string {
  const common = `${paint.bold('Common options:')} --database-url, --json, --yes, … (see dbops help options)`;
  const further = topics === undefined ? '' : `\n${topics}`;
  return `\n${common}${further}\n\n${paint.bold('Examples:')}\n${examples.map((line) => `  ${line}`).join('\n')}`;
}

/** Returns the settings of commander's help: its colours, and no common options. */
export function helpSettings(io: Page): Partial<Help> {
  return {
    helpWidth: widthOf(io),
    showGlobalOptions: false,
    styleTitle: paint.bold,
    styleSubcommandTerm: paint.cyan,
    styleOptionTerm: paint.cyan,
    styleArgumentTerm: paint.cyan,
    // The common options have a page of their own: dbops help options.
    groupItems(all, visible, groupOf) {
      const groups = new Help().groupItems(all, visible, groupOf);
      for (const [heading] of commonOptions) groups.delete(heading);
      return groups;
    },
    longestOptionTermLength: (command, helper) =>
      command.parent
        ? Help.prototype.longestOptionTermLength.call(helper, command, helper)
        : '-V, --version'.length,
  };
}

/** Commander removes the colours again where the stream has none. */
const paint = paintFor({ color: true });

function widthOf(io: Page): number {
  return screenOf(io.stdout, io.environment).width ?? 80;
}
