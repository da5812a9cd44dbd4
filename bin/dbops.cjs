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

// `dbops report … | head -1` closes the pipe; what was asked for was printed, so this is no error.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });

const controller = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error(signal));
  });

const { main } = require('../dist/cli.cjs');
main(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  cwd: process.cwd(),
  signal: controller.signal,
}).then((exitCode) => {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
});
