import { execFileSync } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import {
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { noticesOf } from './build/notices.mjs';
import { writeTypes } from './build/types.mjs';

const cluster = 'dist/pglite-cluster.tar';
const engine = 'node_modules/@electric-sql/pglite/package.json';
const keepCluster =
  existsSync(cluster) &&
  [engine, 'build.mjs'].every((file) => statSync(cluster).mtimeMs > statSync(file).ctimeMs);

const { version, dependencies } = JSON.parse(await readFile('package.json', 'utf8'));

// Commander can start subcommands that are programs of their own; dbops has none, and loading
// what it would take is a tenth of the start-up.
const withoutSubprograms = {
  name: 'without-subprograms',
  resolveId: (source, importer) =>
    source === 'node:child_process' && importer?.includes('commander') ? '\0nothing' : null,
  load: (id) => (id === '\0nothing' ? 'export default {}' : null),
};

// Loading node:crypto takes a tenth of the start-up, and only a connection with a password needs it.
const lazyCrypto = {
  name: 'lazy-crypto',
  resolveId: (source, importer) =>
    source === 'crypto' && /[/\\]pg[/\\]lib[/\\]crypto[/\\]/.test(importer ?? '')
      ? '\0crypto.cjs'
      : null,
  load: (id) =>
    id === '\0crypto.cjs'
      ? `const lazily = (load, parts = {}) => new Proxy(parts, {
           get(known, key) {
             if (Object.hasOwn(known, key)) return known[key];
             const [loaded, value] = [load(), load()[key]];
             return typeof value === 'function' ? value.bind(loaded) : value;
           },
         });
         const crypto = () => process.getBuiltinModule('node:crypto');
         const subtle = lazily(() => crypto().webcrypto.subtle);
         module.exports = lazily(crypto, { webcrypto: lazily(() => crypto().webcrypto, { subtle }) });`
      : null,
};

// Only pg-native, which dbops does not use, has a host looked up by pg itself.
const lazyDns = {
  name: 'lazy-dns',
  resolveId: (source, importer) =>
    source === 'dns' && /[/\\]pg[/\\]lib[/\\]/.test(importer ?? '') ? '\0dns.cjs' : null,
  load: (id) =>
    id === '\0dns.cjs'
      ? `exports.lookup = (...request) => process.getBuiltinModule('node:dns').lookup(...request);`
      : null,
};

// Zod keeps its settings on globalThis, where those of dbops would change the messages of an application
// that calls the API and uses zod, too.
const ownZodSettings = {
  name: 'own-zod-settings',
  transform: (code, id) =>
    /[/\\](?:zod[/\\]|schema-messages\.ts$)/.test(id)
      ? code.replaceAll('__zod_globalConfig', '__dbops_zod_globalConfig')
      : null,
};

// What every run of `migrate up` and `migrate status` loads, in few files: each costs a fifth of a millisecond.
const source = (path) => new RegExp(`[/\\\\]src[/\\\\]${path}\\.ts$`);
const startUp = [
  {
    name: 'base',
    test: source('(?:errors|commands[/\\\\]index|output[/\\\\]terminal|output[/\\\\]text)'),
    priority: 5,
  },
  { name: 'program', test: source('program'), priority: 4 },
  { name: 'run', test: source('(?:execute|commands[/\\\\]migrate[/\\\\]up)'), priority: 3 },
  { name: 'folder', test: source('open-project'), priority: 2 },
  { name: 'state', test: source('migrate[/\\\\]status'), priority: 1 },
];

// Split, so that a command loads what it needs; CommonJS, because Node starts it faster.
const bundle = await rolldown({
  input: { cli: 'src/cli.ts', index: 'src/index.ts', 'pglite-child': 'src/db/pglite-child.ts' },
  platform: 'node',
  plugins: [withoutSubprograms, lazyCrypto, lazyDns, ownZodSettings],
  // These load WebAssembly and data files that lie beside their own modules.
  external: ['@electric-sql/pglite', 'libpg-query', 'pg-native', /^@modelcontextprotocol\//],
  transform: {
    define: {
      DBOPS_VERSION: JSON.stringify(version),
      PGLITE_VERSION: JSON.stringify(dependencies['@electric-sql/pglite']),
      PGVECTOR_MODULE: JSON.stringify('./pgvector/index.cjs'),
    },
  },
});
const { output } = await bundle.write({
  dir: 'dist',
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
  codeSplitting: { groups: startUp },
  minify: { compress: true, mangle: false, codegen: true },
});

// Node reads a text of ASCII alone faster, and V8 keeps it in half the memory. `String.raw` would show the escapes.
for (const { fileName, code } of output.filter(({ type }) => type === 'chunk')) {
  const raw = /String\.raw`[^`]*[^\0-\x7f`]/.exec(code);
  if (raw) throw new Error(`${fileName}: not ASCII: ${raw[0]}`);
  const escaped = code.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  await writeFile(`dist/${fileName}`, escaped);
}

// A file that this build did not write is an older build's.
const written = new Set(output.map(({ fileName }) => `dist/${fileName}`));
for (const file of (await readdir('dist')).map((name) => `dist/${name}`))
  if (!written.has(file) && !(file === cluster && keepCluster)) await rm(file, { recursive: true });

// The module reads the archive beside it.
const pgvector = 'node_modules/@electric-sql/pglite-pgvector';
await mkdir('dist/pgvector');
for (const name of ['index.cjs', 'vector.tar.gz'])
  await copyFile(`${pgvector}/dist/${name}`, `dist/pgvector/${name}`);
const modules = output.flatMap((part) => ('moduleIds' in part ? part.moduleIds : []));
await writeFile('THIRD-PARTY-NOTICES.md', noticesOf([...modules, `${pgvector}/package.json`]));

// The API is an ECMAScript module, whose names TypeScript and bundlers see, in front of the bundle.
const { exports } = output.find(({ fileName }) => fileName === 'index.cjs');
await writeFile(
  'dist/index.js',
  `import api from './index.cjs';\nexport const { ${exports.join(', ')} } = api;\n`,
);
await writeTypes();
const { configJsonSchema } = await import('./src/config-schema.ts');
await writeFile('dist/config.schema.json', `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
const { manPage } = await import('./src/man-page.ts');
await writeFile('dist/dbops.1', await manPage(version));

// An empty cluster, made once: initdb inside PGlite takes seconds, unpacking this does not, and all
// the less without what an embedded database never uses: WAL segments of 16 MB, template0, and a
// cache of 128 MB, which the server writes full of zeros when it starts. It is shut down before it is
// packed, so that no database has to begin with a recovery.
if (!keepCluster) {
  const { PGlite } = await import('@electric-sql/pglite');
  const scratch = await mkdtemp(join(tmpdir(), 'dbops-cluster-'));
  const dataDir = join(scratch, 'data');
  const database = await PGlite.create({
    dataDir,
    initDbStartParams: ['--wal-segsize=1', '--set=shared_buffers=16MB'],
  });
  await database.exec(`UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'`);
  await database.exec('DROP DATABASE template0');
  await database.close();
  await removeUnwritten(join(dataDir, 'pg_wal'));
  await linkEqualFiles(join(dataDir, 'base'));
  execFileSync('tar', [
    '--format=ustar',
    '-cf',
    `${cluster}.new`,
    '-C',
    dataDir,
    ...(await readdir(dataDir)),
  ]);
  // Databases that are open read the file that they opened.
  await rename(`${cluster}.new`, cluster);
  await rm(scratch, { recursive: true });
}

// PostgreSQL keeps old WAL segments under the names of future ones; those still begin with the old address.
async function removeUnwritten(folder) {
  const segments = (await readdir(folder)).filter((name) => /^[0-9A-F]{24}$/.test(name));
  for (const name of segments) {
    const page = (await readFile(join(folder, name))).readBigUInt64LE(8);
    if (Number(page) !== Number.parseInt(name.slice(16), 16) * 2 ** 20)
      await rm(join(folder, name));
  }
}

// The two databases of the cluster are nearly the same; the archive holds what they share once.
async function linkEqualFiles(folder) {
  const found = new Map();
  for (const file of globSync(`${folder}/*/*`).toSorted()) {
    const content = await readFile(file, 'latin1');
    const same = found.get(content);
    if (!same) found.set(content, file);
    else if (content !== '') {
      await rm(file);
      await link(same, file);
    }
  }
}
