import type { Io } from './context.ts';
import { loadSettings, type Settings } from './config.ts';
import { commands, groups } from './commands/index.ts';
import {
  describeCommands,
  describeCommonOptions,
  type CommandDescription,
  type OptionDescription,
} from './command-tree.ts';
import { declaredOf } from './default-project.ts';
import { oneLine } from './output/sanitise.ts';

/** A word that may follow, with what it means. */
type Candidate = readonly [word: string, meaning: string];
type Project = Pick<Io, 'environment' | 'cwd'>;
type Source = (settings: Settings) => Promise<Candidate[]>;

/** What a shell replaces with the names of files. */
const files: Candidate[] = [[':files', '']];

/**
 * Returns the lines of `dbops __complete WORDS`: the words that can replace the last one, each with a tab
 * and its meaning where it has one. Reads the folder and the configuration, and connects to no database.
 */
export async function completions(words: readonly string[], project: Project): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const line = readLine(words.slice(0, -1), await optionsOf(words));
  const candidates = await candidatesFor(line, current, project);
  const matching = candidates.filter(([word]) => word === ':files' || word.startsWith(current));
  return matching.map(([word, meaning]) =>
    [word, ...(meaning ? [meaning] : [])].map(oneLine).join('\t'),
  );
}

/** What was typed before the cursor. */
interface Line {
  /** Words that are neither options nor their values. */
  plain: string[];
  /** The value of each option, by its name. */
  values: Record<string, string>;
  /** The option whose value comes next. */
  open?: OptionDescription;
  command?: CommandDescription;
}

async function optionsOf(words: readonly string[]): Promise<{
  command?: CommandDescription;
  options: OptionDescription[];
}> {
  const common = describeCommonOptions();
  const { plain } = readLine(words.slice(0, -1), { options: common });
  const entry = entryFor(plain);
  const described = entry ? await describeCommands(entry.split(' ')) : [];
  const command = described.find(({ words: name }) => name === entry);
  return { ...(command && { command }), options: [...(command?.options ?? []), ...common] };
}

/** Returns the words of the command that a line names. */
function entryFor(plain: readonly string[]): string | undefined {
  const lines = [plain.slice(0, 2).join(' '), plain[0]];
  return lines.find((line) => commands.some(({ words }) => words === line));
}

function readLine(
  words: readonly string[],
  { command, options }: { command?: CommandDescription; options: OptionDescription[] },
): Line {
  const line: Line = { plain: [], values: {}, ...(command && { command }) };
  for (const word of words) {
    const option = options.find(({ name, short }) => word === name || word === short);
    if (line.open && !option) {
      line.values[line.open.name] = word;
      if (!line.open.variadic) delete line.open;
    } else if (option) {
      delete line.open;
      if (option.value) line.open = option;
    } else if (!word.startsWith('-')) line.plain.push(word);
  }
  return line;
}

async function candidatesFor(line: Line, current: string, project: Project): Promise<Candidate[]> {
  const { command, open, plain, values } = line;
  if (open && !current.startsWith('-')) {
    const key = `${command?.words} ${open.name}`;
    const source = sources[key] ?? sources[open.name];
    if (source) return fromProject(source, values, project);
    return open.value === 'file' || open.value === 'dir' ? files : [];
  }
  if (current.startsWith('-')) return optionCandidates(command);
  if (!command) return commandCandidates(plain);
  const [argument, ...further] = command.arguments;
  const typed = plain.length - command.words.split(' ').length;
  const verbs = typed === 0 ? verbCandidates(command.words) : [];
  if (!argument || (typed > further.length && !argument.variadic)) return verbs;
  const source = sources[`${command.words} ${argument.name}`];
  if (source) return [...verbs, ...(await fromProject(source, values, project))];
  return argument.name === 'file' ? files : verbs;
}

function optionCandidates(command: CommandDescription | undefined): Candidate[] {
  const options = [...(command?.options ?? []), ...describeCommonOptions()];
  const own = options.map(({ name, description }): Candidate => [name, description]);
  const version: Candidate[] = command ? [] : [['--version', 'print the version']];
  return [...own, ['--help', 'show help'], ...version];
}

function commandCandidates(plain: readonly string[]): Candidate[] {
  const [noun = '', ...more] = plain;
  if (noun === 'help') return more.length > 1 ? [] : [...commandCandidates(more), ...topics];
  if (plain.length === 0) {
    const single = commands.filter(({ words }) => !words.includes(' ') && !groups[words]);
    const nouns = Object.entries(groups);
    return [
      ...single.map(({ words, summary }): Candidate => [words, summary]),
      ...nouns,
      ['help', 'show help for a command, or for options or exit-codes'],
    ];
  }
  return more.length === 0 ? verbCandidates(noun) : [];
}

const topics: Candidate[] = [
  ['options', 'the options that every command takes'],
  ['exit-codes', 'the exit codes'],
];

function verbCandidates(noun: string): Candidate[] {
  return commands
    .filter(({ words }) => words.startsWith(`${noun} `))
    .map(({ words, summary }) => [words.slice(noun.length + 1), summary]);
}

/** A project that cannot be read has no names to offer. */
async function fromProject(
  source: Source,
  values: Readonly<Record<string, string>>,
  { environment, cwd }: Project,
): Promise<Candidate[]> {
  const flags = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name.slice(2).replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
  try {
    return await source(await loadSettings({ flags, environment, cwd, interactive: false }));
  } catch {
    return [];
  }
}

const migrations: Source = async (settings) => {
  const { findFolders } = await import('./formats/detect.ts');
  const { openFolder } = await import('./formats/open-folder.ts');
  const [folder] = findFolders(settings);
  if (!folder) return [];
  const opened = openFolder(folder, settings.trackingTable);
  return opened.migrations.map(({ name }) => [name, 'migration']);
};

const backfills: Source = async (settings) => {
  const { backfillsOf } = await import('./backfill/index.ts');
  const known = await backfillsOf({ settings, declared: () => declaredOf(settings) });
  return known.map(({ name, summary = 'backfill' }) => [name, summary]);
};

const reports: Source = async (settings) => {
  const { sqlReportsOf } = await import('./reports/sql/find.ts');
  const declared = await declaredOf(settings);
  const { reports: found } = sqlReportsOf(settings.root, declared.reports);
  return found.map(({ name, title }) => [name, title]);
};

const seeds: Source = async (settings) => {
  const { seeds: declared = {} } = await declaredOf(settings);
  return Object.entries(declared).map(([name, { summary = 'seed set' }]) => [name, summary]);
};

const meters: Source = async (settings) => {
  const { usage } = await declaredOf(settings);
  const all = Object.entries(usage?.meters ?? {});
  return all.map(([name, { label = 'meter' }]) => [name, label]);
};

const checks: Source = async (settings) => {
  const { checks: declared = {} } = await declaredOf(settings);
  return Object.entries(declared).map(([name, { summary = 'check' }]) => [`${name}:*`, summary]);
};

const formats: Source = async () => {
  const { formats: all } = await import('./formats/index.ts');
  return all.map(({ name }) => [name, 'migration tool']);
};

/** The name alone, which the settings hold: nothing connects. */
const database: Source = async ({ target }) => {
  const { databaseName } = await import('./db/target.ts');
  return [[databaseName(target().target), 'database']];
};

const groupsOfChecks: Source = async () => {
  const { groupWords } = await import('./verify/definition.ts');
  return groupWords.map((name) => [name, 'group of checks']);
};

const shellNames: Source = async () => {
  const { shells } = await import('./completion/scripts.ts');
  return shells.map((name) => [name, 'shell']);
};

const fixed =
  (...words: string[]): Source =>
  async () =>
    words.map((word) => [word, '']);

/** Where the names of values come from: by option, by command and option, by command and argument. */
const sources: Readonly<Record<string, Source>> = {
  '--format': formats,
  '--confirm': database,
  '--database-url': fixed('pglite:', 'pglite:memory', 'postgres://'),
  'migrate up --to': migrations,
  'migrate down --to': migrations,
  'migrate redo --to': migrations,
  'migrate baseline --to': migrations,
  'migrate squash --to': migrations,
  'migrate squash --from': migrations,
  'migrate expand-contract file': migrations,
  'repair-tracking --assume': migrations,
  'repair-tracking --finish': migrations,
  'repair-tracking --take-back': migrations,
  'repair-tracking --adopt': formats,
  'rescue restore name': migrations,
  'rescue drop name': migrations,
  'backfill run name': backfills,
  'backfill status name': backfills,
  'backfill pause name': backfills,
  'backfill resume name': backfills,
  'backfill run --orphans': fixed('fail', 'skip', 'set='),
  'seed --only': seeds,
  'verify words': groupsOfChecks,
  'verify --ignore': checks,
  'check --ignore': checks,
  'report name': reports,
  'report usage --meter': meters,
  'report usage --fail-on': fixed('over', 'no-limit-row'),
  'report credits --fail-on': fixed('over', 'stale'),
  'env set name': fixed('production', 'staging', 'development'),
  'completion shell': shellNames,
};
