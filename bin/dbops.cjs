#!/usr/bin/env node
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isSupported = (major === 22 && minor >= 22) || (major === 24 && minor >= 15) || major >= 26;
if (!isSupported) {
  // Only a clone has the sources, and a Node of its own.
  const isClone = require('node:fs').existsSync(
    require('node:path').join(__dirname, '../build.mjs'),
  );
  const hint = isClone
    ? 'Run npm ci; npm run and npx then use the Node in node_modules.'
    : 'Install Node 24 (https://nodejs.org), then run the command again.';
  process.stderr.write(
    `error dbops requires Node 22.22, 24.15, or 26 and newer; this is ${process.version}.\n` +
      `  → ${hint}\n`,
  );
  process.exit(2);
}
require('node:module').enableCompileCache();
const { writeSync } = require('node:fs');

// Opening a standard stream takes a millisecond, so each is opened when it is first used.
const opened = new Set();
/** Those that cannot be written any more; Node's own mark of it does not last for standard streams. */
const failed = new Set();
// What a module of the project prints goes to stderr: stdout is for the answer, which may be JSON.
const standard = Object.getOwnPropertyDescriptors(process);
Object.defineProperty(process, 'stdout', standard.stderr);
const { Console } = console;
let ownConsole;
Object.defineProperty(globalThis, 'console', {
  configurable: true,
  get: () => (ownConsole ??= new Console(process.stderr)),
  set(other) {
    ownConsole = other;
  },
});
function stream(name) {
  const found = standard[name].get.call(process);
  if (opened.has(found)) return found;
  opened.add(found);
  // `dbops report … | head -1` closes the pipe; the wanted lines were printed, so it is not an error.
  return found.on('error', (error) => {
    failed.add(found);
    if (error.code !== 'EPIPE') unwritten[name] ??= error;
  });
}

/** Errors of the streams, such as a full disk; reported when the work is done. */
const unwritten = {};

/** Returns the exit code; an error of stderr cannot be reported, and the answer is complete without it. */
function codeAfterWriting(exitCode) {
  if (!unwritten.stdout) return exitCode;
  say(
    `error Cannot write the answer to stdout: ${unwritten.stdout.message}. OUTPUT.UNWRITABLE\n` +
      `  → The command itself ended with exit code ${exitCode}; its changes remain. See: dbops migrate status\n`,
  );
  return 1;
}

/** Writes synchronously and without the streams, which may be broken. */
function say(text, fd = 2) {
  try {
    writeSync(fd, text);
  } catch {
    // The error cannot be reported anywhere.
  }
}
const output = (name) => ({
  write: (text) => stream(name).write(text),
  writeBytes: (bytes) => stream(name).write(bytes),
  flow: () => flowing(stream(name)),
  get isTTY() {
    return stream(name).isTTY;
  },
  get columns() {
    return stream(name).columns;
  },
});
/** Resolves when the stream has written what it holds; to false once its reader is gone. */
function flowing(each) {
  const ends = ['drain', 'close', 'error'];
  if (failed.has(each) || !each.writableNeedDrain) return Promise.resolve(!failed.has(each));
  return new Promise((resolve) => {
    const settle = () => {
      for (const end of ends) each.off(end, settle);
      resolve(!failed.has(each));
    };
    for (const end of ends) each.on(end, settle);
  });
}
const flushed = (each) => new Promise((resolve) => each.write('', resolve));

const controller = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    if (controller.signal.aborted) leave(130);
    controller.abort(new Error(signal));
    setTimeout(
      () => say('still running …; press Ctrl-C again to exit immediately\n'),
      5_000,
    ).unref();
  });

let isLeaving = false;
function leave(exitCode) {
  isLeaving = true;
  process.exit(exitCode);
}

// What a module of the project may do to the process; without this, it would end silently or with a stack.
const stray = new Promise((_, reject) => process.on('uncaughtException', reject));
stray.catch(() => {});
let isIdle = false;
process.on('beforeExit', () => (isIdle = true));
process.on('exit', () => {
  if (isLeaving) return;
  process.exitCode = 1;
  const message = isIdle
    ? 'A module of the project awaits a promise that never settles.'
    : 'A module of the project, such as a migration, ended the process (process.exit).';
  const hint = 'Correct the module. See what was applied: dbops migrate status';
  const error = { code: 'PROCESS.ENDED', message, hint };
  if (process.argv.includes('--json'))
    say(`${JSON.stringify({ command: 'dbops', ok: false, ...known, error }, null, 2)}\n`, 1);
  else say(`error ${message} ${error.code}\n  → ${hint}\n`);
});

/** The command and its target, once they are known. */
const known = {};
const { main } = require('../dist/cli.cjs');
main(process.argv.slice(2), {
  stdin: {
    get isTTY() {
      // process.stdin itself takes milliseconds to open, and most commands never read it.
      return require('node:tty').isatty(0);
    },
    read: async () => {
      const pieces = [];
      for await (const piece of process.stdin) pieces.push(piece);
      return Buffer.concat(pieces);
    },
    open: () => process.stdin,
  },
  stdout: output('stdout'),
  stderr: output('stderr'),
  environment: process.env,
  cwd: process.cwd(),
  signal: controller.signal,
  stray,
  known,
}).then((exitCode) =>
  Promise.all([...opened].map(flushed)).then(() => leave(codeAfterWriting(exitCode))),
);
