import { helpDocument, type OptionDescription } from './command-tree.ts';

/**
 * Returns the manual page `dbops(1)` in the macros of man(7), from the descriptions that `dbops help --json`
 * prints.
 *
 * @param version of dbops, for the footer
 */
export async function manPage(version: string): Promise<string> {
  const { commands, commonOptions, exitCodes } = await helpDocument([]);
  const sections = [
    `.TH DBOPS 1 "" ${quoted(`dbops ${version}`)} ${quoted('dbops manual')}`,
    '.SH NAME',
    String.raw`dbops \- operates the Postgres behind a SaaS`,
    '.SH SYNOPSIS',
    String.raw`.B dbops`,
    String.raw`.I command`,
    String.raw`.RI [ options ]`,
    '.SH DESCRIPTION',
    roff('Migrations, backfills, seeds, checks and reports from one command line.'),
    '.SH COMMANDS',
    ...commands.flatMap((command) => [
      `.SS ${quoted(['dbops', command.words, ...command.arguments.map(argumentText)].join(' '))}`,
      roff(command.description),
      ...command.arguments.flatMap((each) => term(each.name, each.description)),
      ...command.options.flatMap((each) => term(optionText(each), each.description)),
      ...command.examples.flatMap((line) => ['.PP', '.EX', roff(line), '.EE']),
    ]),
    '.SH COMMON OPTIONS',
    ...commonOptions.flatMap((each) => term(optionText(each), each.description)),
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(({ code, meaning }) => term(String(code), meaning)),
  ];
  return `${sections.join('\n')}\n`;
}

function term(name: string, description: string): string[] {
  return ['.TP', `.B ${roff(name)}`, roff(description)];
}

function argumentText({ name, required, variadic }: Parameters): string {
  const text = variadic ? `${name}...` : name;
  return required ? `<${text}>` : `[${text}]`;
}

interface Parameters {
  name: string;
  required: boolean;
  variadic: boolean;
}

function optionText({ name, short, value, variadic }: OptionDescription): string {
  const names = short ? `${short}, ${name}` : name;
  return value ? `${names} <${value}${variadic ? '...' : ''}>` : names;
}

function quoted(text: string): string {
  return `"${roff(text).replaceAll('"', String.raw`\(dq`)}"`;
}

/** Escapes what roff would interpret: backslashes, dashes, and a control character at the start of a line. */
function roff(text: string): string {
  return text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll('…', '...')
    .replaceAll(/^(?=[.'])/gm, String.raw`\&`);
}
