import * as z from 'zod';
import { settingsSchema } from './config-settings.ts';
import { declarationsSchema } from './declarations.ts';

/** Returns the JSON Schema of `dbops.config.json`; the build writes it as `dbops/config.schema.json`. */
export function configJsonSchema() {
  const schema = z.strictObject({ ...declarationsSchema.shape, ...settingsSchema.shape });
  return {
    ...z.toJSONSchema(schema, {
      io: 'input',
      unrepresentable: 'any',
      override({ zodSchema, jsonSchema }) {
        if (zodSchema._zod.def.type === 'bigint') jsonSchema.type = 'integer';
      },
    }),
    title: 'dbops.config.json',
  };
}
