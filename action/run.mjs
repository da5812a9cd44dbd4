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

async function main() {
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
  const summary = report(answer, words);
  if (input('COMMENT') === 'true') await comment(summary, words);
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
    env: { ...process.env, DBOPS_ACTION_TOKEN: '', ...(url && { DBOPS_DATABASE_URL: url }) },
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
  const summary = summaryOf(words, exitCode, findings, error);
  write('GITHUB_STEP_SUMMARY', summary);
  return summary;
}

/** The longest body that GitHub accepts is 65,536 characters. */
const longestComment = 65_000;

/**
 * Writes the summary to one comment of the pull request, which a hidden marker identifies. A token without the
 * permission, as that of a fork, is a warning: the result of the command decides whether the job fails.
 */
async function comment(summary, words) {
  try {
    const number = pullRequestNumber();
    if (number === undefined) return;
    const job = process.env.GITHUB_JOB ?? '';
    const marker = `<!-- dbops ${words.join(' ')} ${job.replaceAll(/[^\w-]/g, '')} -->`;
    const text = `${marker}\n${summary}`;
    const body = text.length > longestComment ? `${text.slice(0, longestComment)}\n…` : text;
    const comments = `/issues/${number}/comments`;
    const earlier = await findComment(comments, marker);
    if (earlier) await request('PATCH', `/issues/comments/${earlier.id}`, { body });
    else await request('POST', comments, { body });
  } catch (error) {
    const text = `The comment was not written: ${error.message}. Grant the job: pull-requests: write`;
    console.log(`::warning title=dbops::${escaped(text)}`);
  }
}

/** Returns the number of the pull request that started the workflow; undefined for another event. */
function pullRequestNumber() {
  const file = process.env.GITHUB_EVENT_PATH;
  return file ? JSON.parse(readFileSync(file, 'utf8')).pull_request?.number : undefined;
}

async function findComment(comments, marker) {
  for (let page = 1; ; page++) {
    const found = await request('GET', `${comments}?per_page=100&page=${page}`);
    const earlier = found.find(({ body }) => body?.startsWith(marker));
    if (earlier || found.length < 100) return earlier;
  }
}

async function request(method, path, body) {
  const { GITHUB_API_URL = 'https://api.github.com', GITHUB_REPOSITORY } = process.env;
  const answer = await fetch(`${GITHUB_API_URL}/repos/${GITHUB_REPOSITORY}${path}`, {
    method,
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${input('TOKEN')}`,
      'content-type': 'application/json',
      'user-agent': 'dbops-action',
    },
    signal: AbortSignal.timeout(20_000),
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`GitHub answered ${answer.status}`);
  return answer.json();
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

process.exitCode = await main();
