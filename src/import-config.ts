import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

/**
 * Returns the default export of a configuration file. One with `export default` is an ES module, whatever the
 * `type` in package.json is: `npm init` writes commonjs there.
 *
 * @param text what the file contains
 */
export async function importConfig(file: string, text: string): Promise<unknown> {
  const url = pathToFileURL(file).href;
  const format = moduleFormatOf(file, text);
  const loaded = await (format === undefined ? load(url) : loadAs(url, format));
  return loaded.default;
}

function moduleFormatOf(file: string, text: string): string | undefined {
  if (!/^export default\b/m.test(text)) return undefined;
  if (file.endsWith('.ts')) return 'module-typescript';
  return file.endsWith('.js') ? 'module' : undefined;
}

function load(url: string): Promise<{ default?: unknown }> {
  return import(url);
}

async function loadAs(url: string, format: string): Promise<{ default?: unknown }> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context);
      return specifier === url ? { ...resolved, format } : resolved;
    },
  });
  try {
    return await load(url);
  } finally {
    hooks.deregister();
  }
}
