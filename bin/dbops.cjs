#!/usr/bin/env node
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isSupported = (major === 22 && minor >= 22) || (major === 24 && minor >= 15) || major >= 26;
if (!isSupported) {
  process.stderr.write(
    `error dbops needs Node 22.22, 24.15 or 26 and newer; this is ${process.version}.\n` +
      '  → In a clone use npm run or npx, which find the Node of node_modules; else install Node 24.\n',
  );
  process.exit(2);
}
require('node:module').enableCompileCache();

// Opening a standard stream takes a millisecond, so each is opened when it is first used.
const opened = new Set();
function stream(name) {
  const found = process[name];
  if (opened.has(found)) return found;
  opened.add(found);
  // `dbops report … | head -1` closes the pipe; what was asked for was printed: that is no error.
  return found.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
const output = (name) => ({
  write: (text) => stream(name).write(text),
  get isTTY() {
    return stream(name).isTTY;
  },
  get columns() {
    return stream(name).columns;
  },
});
const flushed = (each) => new Promise((resolve) => each.write('', resolve));

const controller = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error(signal));
  });

const { main } = require('../dist/cli.cjs');
main(process.argv.slice(2), {
  stdin: {
    get isTTY() {
      return process.stdin.isTTY;
    },
  },
  stdout: output('stdout'),
  stderr: output('stderr'),
  environment: process.env,
  cwd: process.cwd(),
  signal: controller.signal,
}).then((exitCode) => Promise.all([...opened].map(flushed)).then(() => process.exit(exitCode)));
