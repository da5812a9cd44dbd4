import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

/**
 * Writes the declarations of the API and of the files that they import to `dist`: `.d.ts` for ECMAScript
 * modules, and `.d.cts` for `require`, because TypeScript takes a declaration for the kind of module it belongs to.
 */
export async function writeTypes() {
  const scratch = await mkdtemp(join(tmpdir(), 'dbops-types-'));
  const options = '--noEmit false --declaration --emitDeclarationOnly --noCheck --rootDir .';
  execFileSync('node_modules/.bin/tsc', [...options.split(' '), '--outDir', scratch]);
  await spellOutConfig(scratch);
  const types = new Set([join(scratch, 'src/index.d.ts')]);
  for (const file of types) {
    const text = (await readFile(file, 'utf8')).replaceAll(/(?<=from '\.[^']*)\.ts(?=')/g, '.js');
    for (const [, path] of text.matchAll(/from '(\.[^']*)\.js'/g))
      types.add(join(dirname(file), `${path}.d.ts`));
    await writeBoth(join('dist', relative(join(scratch, 'src'), file)), text);
  }
  await rm(scratch, { recursive: true });
}

async function writeBoth(target, text) {
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text);
  const required = text.replaceAll(/(?<=from '\.[^']*)\.js(?=')/g, '.cjs');
  await writeFile(target.replace(/\.ts$/, '.cts'), required);
}

/** Puts the type of the configuration in the place of its derivation, which refers to zod. */
async function spellOutConfig(scratch) {
  const declared = await readFile(join(scratch, 'build/config-input.d.ts'), 'utf8');
  const spelt = /export declare const configInput: (\{[^]*?^\});/m.exec(declared)?.[1];
  if (!spelt || /\bz\.|import\(/.test(spelt))
    throw new Error('The type of the configuration is not spelled out; see build/config-input.ts');
  await writeFile(
    join(scratch, 'src/config-input.d.ts'),
    "import type { DeclaredRow, RowsInput, SeedCell } from './declared/values.ts';\n" +
      `/** What \`dbops.config.*\` may hold. */\nexport type ConfigInput = ${spelt};\n`,
  );
}
