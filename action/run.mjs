import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * The step of `action.yml`: runs dbops without a shell, and writes its outputs, annotations and summary.
 * Every input comes from the environment, because text in a shell line would be run.
 */
const input = (name) => process.env[`DBOPS_ACTION_${name}`]?.trim() ?? '';

/** A file of the runner; on another machine there is none, and nothing is written. */
function write(variable, text) {
  const file = process.env[variable];
  if (file) appendFileSync(file, text);
}

function main() {
  const words = input('COMMAND').split(/\s+/).filter(Boolean);
  if (words.length === 0 || !words.every((word) => /^[a-z][a-z0-9_-]*$/i.test(word)))
    return refuse('The input command is not a command of dbops, such as verify or migrate up.');
  const version = input('VERSION');
  if (version !== '' && !/^[\w.-]+$/.test(version))
    return refuse('The input version is not a version, such as 1.4.0.');
  const cwd = resolve(input('DIRECTORY') || '.');
  if (!existsSync(cwd))
    return refuse(`The folder of the input working-directory does not exist: ${cwd}`);
  const answer = run([...words, ...linesOf(process.env.DBOPS_ACTION_ARGS ?? '')], version, cwd);
  report(answer, words);
  return input('FAIL') === 'false' ? 0 : answer.exitCode;
}

function refuse(message) {
  console.log(`::error title=dbops::${escaped(message)}`);
  write('GITHUB_OUTPUT', 'exit-code=2\n');
  return 2;
}

const linesOf = (text) =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean);

function run(words, version, cwd) {
  const own = version === '' ? installedAbove(cwd) : undefined;
  const [file, before] = own
    ? [process.execPath, [own]]
    : ['npx', ['--yes', `dbops@${version || versionOfAction()}`]];
  const url = input('DATABASE_URL');
  const ran = spawnSync(file, [...before, ...words, '--json', '--no-input'], {
    cwd,
    env: { ...process.env, ...(url && { DBOPS_DATABASE_URL: url }) },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (ran.error) console.log(`::error title=dbops::${escaped(String(ran.error))}`);
  return { exitCode: ran.status ?? 1, text: ran.stdout ?? '' };
}

/** Returns the program of the dbops that is installed in a folder or above it. */
function installedAbove(folder) {
  const file = join(folder, 'node_modules/dbops/bin/dbops.cjs');
  if (existsSync(file)) return file;
  return dirname(folder) === folder ? undefined : installedAbove(dirname(folder));
}

function versionOfAction() {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

function report({ exitCode, text }, words) {
  const file = join(
    process.env.RUNNER_TEMP ?? '.',
    `dbops-${words.join('-')}-${randomUUID()}.json`,
  );
  writeFileSync(file, text);
  const document = parse(text);
  const findings = document.findings ?? [];
  const count = (severity) =>
    document.counts?.[severity] ?? findings.filter((each) => each.severity === severity).length;
  const outputs = {
    'exit-code': exitCode,
    findings: Array.isArray(document.findings) ? findings.length : '',
    errors: count('error'),
    warnings: count('warning'),
    pending: pendingOf(document),
    'report-file': file,
  };
  write(
    'GITHUB_OUTPUT',
    Object.entries(outputs)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  for (const finding of findings) annotate(finding);
  const { error } = document;
  if (error) annotate({ severity: 'error', ...error, help: error.hint });
  write('GITHUB_STEP_SUMMARY', summaryOf(words, exitCode, findings, error));
}

function parse(text) {
  try {
    const document = JSON.parse(text);
    return typeof document === 'object' && document !== null ? document : {};
  } catch {
    return {};
  }
}

/** Returns the number of pending migrations, of the documents that have them. */
function pendingOf({ command, counts, migrations }) {
  if (command === 'migrate status') return counts?.pending ?? 0;
  if (command !== 'migrate up' || !Array.isArray(migrations)) return '';
  return migrations.filter(({ state }) => state === 'not-run').length;
}

function annotate({ severity, code, message, help, where }) {
  const level = { error: 'error', warning: 'warning' }[severity] ?? 'notice';
  const place = where?.file ? `file=${property(where.file)},line=${Number(where.line) || 1},` : '';
  const text = [message, help && `→ ${help}`].filter(Boolean).join('\n');
  console.log(`::${level} ${place}title=${property(String(code))}::${escaped(text)}`);
}

function summaryOf(words, exitCode, findings, error) {
  const cell = (value) =>
    String(value)
      .replaceAll(/[\\|<>`]/g, '\\$&')
      .replaceAll(/\s+/g, ' ');
  const rows = findings.map(
    ({ severity, code, message }) => `| ${[severity, code, message].map(cell).join(' | ')} |\n`,
  );
  const table =
    rows.length > 0 ? `| severity | code | message |\n|---|---|---|\n${rows.join('')}` : '';
  const failure = error ? `${cell(error.code)}: ${cell(error.message)}\n` : '';
  return `### dbops ${words.join(' ')}: exit code ${exitCode}\n\n${failure}${table}\n`;
}

/** The runner ends a command at a newline, and decodes these. */
function escaped(text) {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text) {
  return escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

process.exitCode = main();
