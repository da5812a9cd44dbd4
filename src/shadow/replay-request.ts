import type { Wanted } from './replay-cache-key.ts';
import type { Context } from '../context.ts';
import type { Folder } from '../formats/format.ts';

/** The replay of a whole folder, as the settings have it, told while it goes on. */
export function wantedFor({ settings, signal, progress }: Context, folder: Folder): Wanted {
  const { migrations, format } = folder;
  return {
    migrations,
    format,
    environment: settings.environment,
    server: settings.shadow,
    signal,
    onReplay: () => progress.update(`replaying ${migrations.length} migrations in a shadow`),
  };
}
