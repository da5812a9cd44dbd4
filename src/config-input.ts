import type * as z from 'zod';
import type { settingsSchema } from './config-settings.ts';
import type { declarationsSchema } from './declarations.ts';

/** What `dbops.config.*` may hold. The build spells it out, so that the types of the package name no library. */
export type ConfigInput = z.input<typeof settingsSchema> & z.input<typeof declarationsSchema>;
